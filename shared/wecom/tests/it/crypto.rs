//! Opening and sealing: known vectors in both directions, and what holds for any message.

use crate::vectors::{A, OPENED, Plain, SEALED};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use wecom::{CallbackCrypto, InvalidKey, OpenError, Sealed, Signature};

pub(crate) fn signature(sealed: &Sealed) -> Signature<'_> {
    Signature {
        msg_signature: &sealed.msg_signature,
        timestamp: &sealed.timestamp,
        nonce: &sealed.nonce,
    }
}

#[test]
fn known_deliveries_open() {
    for vector in OPENED {
        let signature = Signature {
            msg_signature: vector.msg_signature,
            timestamp: vector.timestamp,
            nonce: vector.nonce,
        };
        let opened = vector
            .keys
            .crypto()
            .open(&signature, vector.encrypt)
            .expect(vector.name);
        match vector.plain {
            Plain::Exactly(plain) => assert_eq!(opened, plain, "{}", vector.name),
            Plain::About(length, part) => {
                assert_eq!(opened.len(), length, "{}", vector.name);
                assert!(opened.contains(part), "{}", vector.name);
            }
        }
    }
}

#[test]
fn known_messages_seal_byte_for_byte() {
    for (keys, message, encrypt) in SEALED {
        let sealed =
            keys.crypto()
                .seal_with(*b"0123456789abcdef", message, "1409659813", "1372623149");
        assert_eq!(sealed.encrypt, encrypt);
    }
    let (keys, message, _) = SEALED[0];
    let sealed = keys
        .crypto()
        .seal_with(*b"0123456789abcdef", message, "1409659813", "1372623149");
    assert_eq!(
        sealed.msg_signature,
        "68f5dc43743f9cc82ad8ea2a52b524c675af7803"
    );
}

#[test]
fn the_four_values_are_sorted_whatever_their_order() {
    // The token sorts last of the four here and first in other vectors. The ciphertext is of another key, so a padding
    // error proves that the signature was accepted.
    let crypto = CallbackCrypto::new("kjr2TKI8umCBfVF3wAHk8JiPwma5VBme", A.aes_key, "").unwrap();
    let signature = Signature {
        msg_signature: "1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb011",
        timestamp: "1583940690",
        nonce: "VHh7ymSeb0jc4lSb",
    };
    let encrypt =
        "6KmUQuPVu7UhjyVqRdbo5SfcRqaHvbUlKSHFvBV2ZuR6TIlKsygcfeSd1GDplg1C5KSKr6UPHCaC/nIX3ZNt9w==";
    assert_eq!(
        crypto.open(&signature, encrypt),
        Err(OpenError::WrongPadding)
    );
}

#[test]
fn keys_are_checked() {
    let key = A.aes_key;
    let cases: &[(&str, &str, Option<InvalidKey>)] = &[
        ("QDG6eK", key, None),
        ("", key, Some(InvalidKey::Token)),
        (&"a".repeat(32), key, None),
        (&"a".repeat(33), key, Some(InvalidKey::Token)),
        ("with space", key, Some(InvalidKey::Token)),
        ("令牌", key, Some(InvalidKey::Token)),
        ("QDG6eK", "", Some(InvalidKey::EncodingAesKey)),
        ("QDG6eK", &key[1..], Some(InvalidKey::EncodingAesKey)),
        (
            "QDG6eK",
            &format!("{key}="),
            Some(InvalidKey::EncodingAesKey),
        ),
        (
            "QDG6eK",
            &key.replace('j', "-"),
            Some(InvalidKey::EncodingAesKey),
        ),
    ];
    for (token, key, expected) in cases {
        assert_eq!(
            CallbackCrypto::new(token, key, "ww1").err(),
            *expected,
            "{token} {key}"
        );
    }
}

#[test]
fn debug_tells_the_receiver_only() {
    let shown = format!("{:?}", A.crypto());
    assert_eq!(
        shown,
        r#"CallbackCrypto { receive_id: "wx5823bf96d3bd56c7", .. }"#
    );
}

#[test]
fn sealing_twice_gives_two_texts() {
    let seal = || A.crypto().seal("hello", "1", "2").unwrap().encrypt;
    assert_ne!(seal(), seal());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sealed_opens(
        message in any::<String>(),
        receive_id in any::<String>(),
        random in any::<[u8; 16]>(),
        nonce in any::<String>(),
        token in "[a-zA-Z0-9]{1,32}",
        key in "[a-zA-Z0-9]{43}",
    ) {
        // Any 43 letters and digits are a key, also with bits left over in the last of them.
        let crypto = CallbackCrypto::new(&token, &key, &receive_id).unwrap();
        let sealed = crypto.seal_with(random, &message, "1700000000", &nonce);
        prop_assert_eq!(crypto.open(&signature(&sealed), &sealed.encrypt), Ok(message));
    }
}
