//! admin channels
