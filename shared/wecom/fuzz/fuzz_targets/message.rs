//! Any plaintext: what is read can be stored, read again, and has the same digest and event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wecom::{Fields, Message};

fuzz_target!(|text: &str| {
    let Ok(message) = Message::parse(text) else { return };
    let pairs = message.fields.iter().map(|(path, value)| (path.to_owned(), value.to_owned()));
    let again = Message::from_fields(Fields::from_iter(pairs));
    assert_eq!(message, again);
    assert_eq!(message.fields.digest(&["s"], &[]), again.fields.digest(&["s"], &[]));
    assert!(message.event.contact().is_none() || message.event.name() != "unknown");
});
