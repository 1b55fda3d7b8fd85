//! The rules of a WeCom SCRM: channels, welcomes, tags, contacts, outcomes, ports.
