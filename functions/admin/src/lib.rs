//! The admin API: channels, welcomes, contacts, events.
