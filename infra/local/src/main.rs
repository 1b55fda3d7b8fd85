//! The command `scrm-local`.
fn main() {}
