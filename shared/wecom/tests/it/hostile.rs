//! Deliveries that somebody tampered with: every truncation, every changed byte, and bodies that are signed and wrong.

use crate::crypto::signature;
use crate::vectors::A;
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use wecom::{Envelope, Message, OpenError, Sealed, Signature};

const MESSAGE: &str = "<xml><Event><![CDATA[subscribe]]></Event></xml>";

fn delivery() -> Sealed {
    A.crypto()
        .seal_with([7; 16], MESSAGE, "1700000000", "nonce")
}

/// The signature of a text under the key set A, made without the crate.
fn sign(encrypted: &str) -> Sealed {
    let (timestamp, nonce) = ("1700000000", "nonce");
    let mut parts = [A.token, timestamp, nonce, encrypted];
    parts.sort_unstable();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
    let msg_signature = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (encrypt, timestamp, nonce) = (encrypted.into(), timestamp.into(), nonce.into());
    Sealed {
        encrypt,
        msg_signature,
        timestamp,
        nonce,
    }
}

/// Encrypts bytes as they are, without length field, padding or receiver.
fn encrypt_raw(plain: &[u8]) -> String {
    let key = BASE64_STANDARD
        .decode("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2A=")
        .unwrap();
    let iv: [u8; 16] = key[..16].try_into().unwrap();
    let key = EncryptingKey::cbc(UnboundCipherKey::new(&AES_256, &key).unwrap()).unwrap();
    let mut buffer = plain.to_vec();
    key.less_safe_encrypt(&mut buffer, EncryptionContext::Iv128(FixedLength::from(iv)))
        .unwrap();
    BASE64_STANDARD.encode(buffer)
}

/// Pads to 32 as WeCom does.
fn padded(mut plain: Vec<u8>) -> Vec<u8> {
    let pad = 32 - plain.len() % 32;
    plain.resize(plain.len() + pad, pad as u8);
    plain
}

fn framed(length: u32, message: &[u8], receiver: &str) -> Vec<u8> {
    [
        &[200; 16][..],
        &length.to_be_bytes(),
        message,
        receiver.as_bytes(),
    ]
    .concat()
}

#[track_caller]
fn check_signed(encrypted: &str, expected: Result<&str, OpenError>) {
    let sealed = sign(encrypted);
    let opened = A.crypto().open(&signature(&sealed), &sealed.encrypt);
    assert_eq!(opened.as_deref(), expected.as_deref(), "{encrypted}");
}

#[test]
fn a_change_anywhere_breaks_the_signature() {
    let sealed = delivery();
    let crypto = A.crypto();
    let good = signature(&sealed);
    assert_eq!(crypto.open(&good, &sealed.encrypt).as_deref(), Ok(MESSAGE));
    let check = |signature: Signature<'_>, encrypt: &str| {
        assert_eq!(
            crypto.open(&signature, encrypt),
            Err(OpenError::SignatureMismatch)
        );
    };
    for end in 0..sealed.encrypt.len() {
        check(good, &sealed.encrypt[..end]);
        let mut changed = sealed.encrypt.clone();
        let other = if &changed[end..=end] == "A" { "B" } else { "A" };
        changed.replace_range(end..=end, other);
        check(good, &changed);
    }
    for end in 0..good.msg_signature.len() {
        check(
            Signature {
                msg_signature: &good.msg_signature[..end],
                ..good
            },
            &sealed.encrypt,
        );
    }
    check(
        Signature {
            msg_signature: &good.msg_signature.to_uppercase(),
            ..good
        },
        &sealed.encrypt,
    );
    check(
        Signature {
            timestamp: "1700000001",
            ..good
        },
        &sealed.encrypt,
    );
    check(Signature { nonce: "", ..good }, &sealed.encrypt);
}

#[test]
fn a_signed_truncation_or_change_is_an_error_and_never_a_panic() {
    let whole = delivery().encrypt;
    for end in 0..whole.len() {
        let sealed = sign(&whole[..end]);
        let error = A
            .crypto()
            .open(&signature(&sealed), &sealed.encrypt)
            .unwrap_err();
        assert_ne!(error, OpenError::SignatureMismatch, "cut at {end}");
    }
    let bytes = BASE64_STANDARD.decode(&whole).unwrap();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            let sealed = sign(&BASE64_STANDARD.encode(changed));
            // A change in the first block of random bytes is harmless; all others garble a whole block.
            if let Ok(message) = A.crypto().open(&signature(&sealed), &sealed.encrypt) {
                let _: Result<Message, _> = Message::parse(&message);
            }
        }
    }
}

#[test]
fn each_cause_has_its_error() {
    let receiver = A.receive_id;
    let good = padded(framed(2, b"ok", receiver));
    check_signed(&encrypt_raw(&good), Ok("ok"));
    check_signed(encrypt_raw(&good).trim_end_matches('='), Ok("ok"));
    check_signed("not base64!", Err(OpenError::NotBase64));
    check_signed("", Err(OpenError::WrongLength));
    check_signed("AAAA", Err(OpenError::WrongLength));
    check_signed(&encrypt_raw(&good[..16]), Err(OpenError::WrongPadding));

    let pad = |pad: u8, wrong: Option<usize>| {
        let mut plain = framed(2, b"ok", receiver);
        plain.resize(48, b'.');
        plain.resize(64, pad);
        wrong.inspect(|at| plain[*at] ^= 1);
        encrypt_raw(&plain)
    };
    check_signed(&pad(0, None), Err(OpenError::WrongPadding));
    check_signed(&pad(33, None), Err(OpenError::WrongPadding));
    check_signed(&pad(16, Some(50)), Err(OpenError::WrongPadding));

    let frame =
        |length, message: &[u8], receiver| encrypt_raw(&padded(framed(length, message, receiver)));
    check_signed(
        &encrypt_raw(&padded(vec![1; 19])),
        Err(OpenError::Truncated),
    );
    check_signed(&frame(200, b"ok", receiver), Err(OpenError::Truncated));
    check_signed(&frame(u32::MAX, b"ok", receiver), Err(OpenError::Truncated));
    check_signed(
        &frame(2, b"ok", "ww_other"),
        Err(OpenError::ForeignReceiver),
    );
    check_signed(&frame(2, b"ok", ""), Err(OpenError::ForeignReceiver));
    check_signed(&frame(1, b"ok", receiver), Err(OpenError::ForeignReceiver));
    check_signed(&frame(2, b"\xff\xfe", receiver), Err(OpenError::NotUtf8));
}

#[test]
fn every_truncation_of_a_body_is_refused_or_read() {
    for body in [
        delivery().to_delivery_xml("ww1", Some("1")),
        delivery().to_delivery_json("ww1", None),
    ] {
        for end in 0..body.len() {
            assert!(
                Envelope::parse(&body.as_bytes()[..end]).is_err(),
                "{}",
                &body[..end]
            );
        }
        for at in 0..body.len() {
            let mut changed = body.clone().into_bytes();
            changed[at] = changed[at].wrapping_add(1);
            let _: Result<Envelope, _> = Envelope::parse(&changed);
        }
    }
}
