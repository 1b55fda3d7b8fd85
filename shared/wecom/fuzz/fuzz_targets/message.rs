//! Any plaintext: the lenient reading of it ends, and what is read can be stored, read again, and has the same digest
//! and event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wecom::{Fields, Message};

fuzz_target!(|text: &str| {
    let lenient = Fields::parse_lenient(text);
    assert!(lenient.iter().all(|(path, _)| !path.is_empty()));
    let Ok(message) = Message::parse(text) else { return };
    let pairs = message.fields.iter().map(|(path, value)| (path.to_owned(), value.to_owned()));
    let again = Message::from_fields(Fields::from_iter(pairs));
    assert_eq!(message, again);
    assert_eq!(message.fields.digest(&["s"], &[]), again.fields.digest(&["s"], &[]));
    assert!(message.event.contact().is_none() || message.event.name() != "unknown");
});
