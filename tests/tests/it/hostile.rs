//! Hostile callbacks: however a delivery is altered, the answer is one that the contract allows, nothing panics, and
//! nothing is stored that WeCom did not send.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, stream};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::postman::{Answer, Postman, Sealed, added};
use crate::world::World;

/// Concurrent requests.
const CONCURRENCY: usize = 8;

/// A delivery, and where in its body the ciphertext is.
struct Delivery {
    postman: Postman,
    sealed: Sealed,
    body: Vec<u8>,
    ciphertext: Range<usize>,
}

impl Delivery {
    /// A delivery that was accepted, so that one event is in the inbox.
    async fn accepted(world: &World) -> Self {
        let postman = Postman::of(world);
        let sealed = postman.seal(&added("wmA"));
        let body = postman.envelope(&sealed.encrypt);
        assert_eq!(
            postman.post(&sealed.query, body.clone()).await,
            Answer::stored()
        );
        let start = body.find(&sealed.encrypt).unwrap();
        let ciphertext = start..start + sealed.encrypt.len();
        Self {
            postman,
            sealed,
            body: body.into_bytes(),
            ciphertext,
        }
    }

    /// Posts each body, and checks that none is accepted for which the last field is false.
    async fn post_each(&self, bodies: impl Iterator<Item = (String, Vec<u8>, bool)>) -> usize {
        let posted = stream::iter(bodies).map(|(what, body, may_be_accepted)| async move {
            let answer = self.postman.post(&self.sealed.query, body).await;
            check(&what, &answer, may_be_accepted);
        });
        posted.buffer_unordered(CONCURRENCY).count().await
    }
}

/// Checks that the answer is a refusal of the contract, or an acceptance where that is possible.
fn check(what: &str, answer: &Answer, may_be_accepted: bool) {
    let refusals = [
        Answer::refused(400, "missing_parameter"),
        Answer::refused(400, "not_an_envelope"),
        Answer::refused(400, "not_decryptable"),
        Answer::refused(400, "foreign_receiver"),
        Answer::refused(403, "bad_signature"),
    ];
    let accepted = may_be_accepted && *answer == Answer::stored();
    assert!(accepted || refusals.contains(answer), "{what}: {answer:?}");
}

/// Replacements for a byte: single changed bits, the next value, and characters with a meaning in XML.
fn replacements(byte: u8) -> BTreeSet<u8> {
    let near = [byte ^ 1, byte ^ 0x20, byte ^ 0x80, byte.wrapping_add(1)];
    let mut values: BTreeSet<u8> = near.into_iter().chain(*b"\0\xff <&]").collect();
    values.remove(&byte);
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn every_truncation_of_a_delivery_is_refused() {
    let world = World::new().await;
    let delivery = Delivery::accepted(&world).await;
    let whole = delivery.body.len();
    let cut = (0..whole).map(|end| {
        let what = format!("the body's first {end} bytes");
        (what, delivery.body[..end].to_vec(), false)
    });
    assert_eq!(delivery.post_each(cut).await, whole);
    let query = &delivery.sealed.query;
    for end in 0..query.len() {
        let answer = delivery
            .postman
            .post(&query[..end], delivery.body.clone())
            .await;
        check(&format!("the query's first {end} bytes"), &answer, false);
    }
    assert_eq!(world.inbox().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_changed_body_byte_is_refused_or_has_no_effect() {
    let world = World::new().await;
    let delivery = Delivery::accepted(&world).await;
    let changed = delivery.body.iter().enumerate().flat_map(|(at, byte)| {
        replacements(*byte)
            .into_iter()
            .map(move |value| (at, value))
    });
    let bodies = changed.map(|(at, value)| {
        let mut body = delivery.body.clone();
        body[at] = value;
        // Outside the ciphertext, a change may leave ciphertext and signature intact: then it is the same event.
        let may_be_accepted = !delivery.ciphertext.contains(&at);
        (format!("byte {at} as {value:#04x}"), body, may_be_accepted)
    });
    assert!(delivery.post_each(bodies).await > 8 * delivery.body.len());
    assert_eq!(world.inbox().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_changed_query_byte_is_refused() {
    let world = World::new().await;
    let delivery = Delivery::accepted(&world).await;
    let query = delivery.sealed.query.as_bytes();
    for (at, byte) in query.iter().enumerate() {
        for value in replacements(*byte) {
            // Bytes that a URL cannot contain are percent-encoded.
            let changed = match value {
                value if value.is_ascii_graphic() && value != b'#' => char::from(value).to_string(),
                value => format!("%{value:02X}"),
            };
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let query = format!("{}{changed}{}", text(&query[..at]), text(&query[at + 1..]));
            let answer = delivery.postman.post(&query, delivery.body.clone()).await;
            check(&query, &answer, false);
        }
    }
    assert_eq!(world.inbox().await.len(), 1);
}

/// Checks `property` for random values, in one world.
fn for_random<T: Debug>(
    values: &impl Strategy<Value = T>,
    property: &impl AsyncFn(&World, &Postman, T),
) {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let postman = Postman::of(&world);
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(values, |value| {
        runtime.block_on(property(&world, &postman, value));
        Ok(())
    });
    result.unwrap();
}

/// Texts composed of expected fragments, random text and random bytes.
fn almost_valid(fragments: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        3 => select(fragments).prop_map(|fragment| fragment.as_bytes().to_vec()),
        1 => any::<String>().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..40),
    ];
    vec(text, 0..12).prop_map(|parts| parts.concat())
}

const BODY_FRAGMENTS: &[&str] = &[
    "<xml>",
    "</xml>",
    "<Encrypt>",
    "</Encrypt>",
    "<Encrypt/>",
    "<![CDATA[",
    "]]>",
    "QQ==",
    "&amp;",
    "&#0;",
    "&lol;",
    "<!DOCTYPE a [<!ENTITY lol \"lol\">]>",
    "<!--",
    "-->",
    "<?xml version=\"1.0\"?>",
    "{",
    "}",
    "\"encrypt\"",
    ":",
    ",",
    "[",
    "]",
    "\"",
    "null",
    "1e999",
    "\\ud800",
];

const QUERY_FRAGMENTS: &[&str] = &[
    "msg_signature=",
    "timestamp=",
    "nonce=",
    "echostr=",
    "&",
    "=",
    "%",
    "%2B",
    "%FF",
    "%00",
    "+",
    "1700000000",
    "QUJD",
];

#[test]
fn random_bodies_and_queries_are_refused() {
    let requests = (almost_valid(QUERY_FRAGMENTS), almost_valid(BODY_FRAGMENTS));
    for_random(&requests, &async |world, postman, (query, body)| {
        let query = String::from_utf8_lossy(&query).replace('#', "%23");
        let what = format!("{query} {body:?}");
        check(&what, &postman.post(&query, body.clone()).await, false);
        check(&what, &postman.get(&query).await, false);
        let signed = postman.seal("").query;
        check(&what, &postman.post(&signed, body).await, false);
        assert!(world.inbox().await.is_empty());
    });
}

#[test]
fn signed_random_ciphertexts_are_refused() {
    let texts = prop_oneof![
        "\\PC{1,80}",
        vec(any::<u8>(), 16..200).prop_map(|bytes| STANDARD.encode(bytes)),
        vec(any::<[u8; 16]>(), 1..12).prop_map(|blocks| STANDARD.encode(blocks.concat())),
    ];
    for_random(&texts, &async |world, postman, text: String| {
        let sealed = postman.sign(text.trim().to_owned());
        let body = json!({"encrypt": sealed.encrypt}).to_string();
        check(&text, &postman.post(&sealed.query, body).await, false);
        assert!(world.inbox().await.is_empty());
    });
}

#[test]
fn random_messages_are_stored_if_they_are_sealed() {
    let messages = almost_valid(MESSAGE_FRAGMENTS)
        .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let stored = RefCell::new(BTreeSet::new());
    for_random(&messages, &async |world, postman, message: String| {
        assert_eq!(postman.deliver(&message).await, Answer::stored());
        let inbox: BTreeSet<_> = world.inbox().await.into_iter().collect();
        for (id, _) in inbox.difference(&stored.take()) {
            world.get(&format!("events/{id}")).await;
        }
        stored.replace(inbox);
    });
    assert!(stored.borrow().len() > 100);
}

const MESSAGE_FRAGMENTS: &[&str] = &[
    "<xml>",
    "</xml>",
    "<Event>",
    "change_external_contact",
    "</Event>",
    "<ChangeType>",
    "add_external_contact",
    "del_follow_user",
    "</ChangeType>",
    "<UserID>zhangsan</UserID>",
    "<UserID/>",
    "<ExternalUserID>wmA</ExternalUserID>",
    "<ExternalUserID></ExternalUserID>",
    "<CreateTime>",
    "99999999999999999999",
    "-1",
    "</CreateTime>",
    "<WelcomeCode>CODE</WelcomeCode>",
    "<State>ch1</State>",
    "<![CDATA[",
    "]]>",
    "&#0;",
    "{\"event\":",
    "}",
];
