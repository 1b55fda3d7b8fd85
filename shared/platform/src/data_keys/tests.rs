//! What is sealed for one place is opened there only, and what the configuration may say.

use serde_json::json;

use super::*;

const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const B: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn keys(value: &Value) -> DataKeys {
    DataKeys::read(value, "data_keys").unwrap()
}

fn first() -> DataKeys {
    keys(&json!({"current": "2026-11", "seal": {"2026-11": A}, "index": B}))
}

fn place<'a>(corp: &'a CorpId, field: &'a str) -> Place<'a> {
    Place {
        corp,
        used: Use::Tokens,
        field,
    }
}

#[test]
fn a_sealed_value_is_opened_at_its_place_only() {
    let (keys, corp, other) = (first(), CorpId::from("ww1"), CorpId::from("ww2"));
    let sealed = keys.seal(&place(&corp, "contact"), b"TOKEN").unwrap();
    assert!(
        sealed.starts_with("1.2026-11.") && !sealed.contains("TOKEN"),
        "{sealed}"
    );
    let again = keys.seal(&place(&corp, "contact"), b"TOKEN").unwrap();
    assert_ne!(sealed, again, "each has a nonce of its own");
    let opened = keys.open(&place(&corp, "contact"), &sealed).unwrap();
    assert_eq!(opened.as_slice(), b"TOKEN");
    assert!(keys.open(&place(&other, "contact"), &sealed).is_none());
    assert!(keys.open(&place(&corp, "service"), &sealed).is_none());
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).unwrap();
        assert!(
            keys.open(&place(&corp, "contact"), &changed).is_none(),
            "{changed}"
        );
    }
    for text in [
        "",
        "1",
        "1.2026-11",
        "1.2026-11.",
        "1.2026-11.AAAA",
        "2.2026-11.AAAA",
        "TOKEN",
    ] {
        assert!(
            keys.open(&place(&corp, "contact"), text).is_none(),
            "{text}"
        );
    }
}

#[test]
fn after_a_rotation_old_values_are_opened_while_their_key_is_there() {
    let corp = CorpId::from("ww1");
    let place = place(&corp, "contact");
    let old = first().seal(&place, b"old").unwrap();
    let rotated = json!({"current": "2027-01", "seal": {"2026-11": A, "2027-01": B}, "index": B});
    let rotated = keys(&rotated);
    assert_eq!(rotated.open(&place, &old).unwrap().as_slice(), b"old");
    let new = rotated.seal(&place, b"new").unwrap();
    assert!(new.starts_with("1.2027-01."), "{new}");
    let later = keys(&json!({"current": "2027-01", "seal": {"2027-01": B}, "index": B}));
    assert_eq!(later.open(&place, &new).unwrap().as_slice(), b"new");
    assert!(later.open(&place, &old).is_none(), "its key is gone");
    // The name of a key is part of what is sealed: the same bytes under another name are another key.
    let renamed = keys(&json!({"current": "other", "seal": {"other": A}, "index": B}));
    let forged = old.replace("2026-11", "other");
    assert!(renamed.open(&place, &forged).is_none());
}

#[test]
fn an_index_is_the_same_for_the_same_value_of_a_corp_and_does_not_rotate() {
    let (corp, other) = (CorpId::from("ww1"), CorpId::from("ww2"));
    let index = first().index(&corp, Use::Tokens, b"13800000000").unwrap();
    let rotated = keys(&json!({"current": "n", "seal": {"n": B}, "index": B}));
    assert_eq!(
        rotated.index(&corp, Use::Tokens, b"13800000000"),
        Some(index)
    );
    assert_ne!(
        rotated.index(&other, Use::Tokens, b"13800000000"),
        Some(index)
    );
    assert_ne!(
        rotated.index(&corp, Use::Tokens, b"13800000001"),
        Some(index)
    );
    // What is stored under these keys has to be found by every later release.
    assert_eq!(hex::encode(index), "8175a212d0b4689c903b4cc65cb0f6a3");
}

#[test]
fn every_fault_is_named_at_once_without_values() {
    let cases = [
        (json!([]), vec!["data_keys"]),
        (
            json!({}),
            vec!["data_keys.seal", "data_keys.index", "data_keys.current"],
        ),
        (
            json!({"current": "b", "seal": {"a": "SECRET", "b c": A}, "index": 7, "colour": "red"}),
            vec![
                "data_keys.colour",
                "data_keys.seal.a",
                "data_keys.seal.b c",
                "data_keys.index",
                "data_keys.current",
            ],
        ),
    ];
    for (value, fields) in cases {
        let faults = DataKeys::read(&value, "data_keys").unwrap_err();
        let found: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(found, fields);
        assert!(!format!("{faults:?}").contains("SECRET"));
    }
    let blanks =
        json!({"current": " 2026-11 ", "seal": {"2026-11": format!(" {A}\n")}, "index": B});
    let shown = format!("{:?}", keys(&blanks));
    assert_eq!(
        shown,
        r#"DataKeys { current: "2026-11", seal: ["2026-11"], .. }"#
    );
}
