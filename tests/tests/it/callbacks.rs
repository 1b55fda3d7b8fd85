//! Callbacks: the answers to every request that WeCom, or anybody else, may send.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::http_client;

use crate::postman::{Answer, NONCE, Postman, TIMESTAMP, added};
use crate::world::{APP, World};

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn url_verification_returns_exactly_the_plaintext() {
    let world = World::new().await;
    world.corp.verify_url(APP).await.unwrap();
    let postman = Postman::of(&world);
    for echo in ["1616140317555161061", " 你好\n\"+%2B ", "<xml>"] {
        let sealed = postman.seal(echo);
        let encoded = sealed
            .encrypt
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        let query = format!("{}&echostr={encoded}", sealed.query);
        assert_eq!(postman.get(&query).await, Answer(200, echo.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plus_in_the_echostr_is_accepted_raw_and_percent_encoded_and_as_a_blank() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let with_plus = (0..).map(|echo: u32| echo.to_string()).find(|echo| {
        let encrypt = postman.encrypt(echo);
        encrypt.contains('+')
    });
    let echo = with_plus.unwrap();
    let sealed = postman.seal(&echo);
    for plus in ["+", "%2B", "%20"] {
        let written = sealed.encrypt.replace('+', plus);
        let query = format!("{}&echostr={written}", sealed.query);
        assert_eq!(
            postman.get(&query).await,
            Answer(200, echo.clone()),
            "{written}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_event_is_stored_once_and_acknowledged_each_time() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    for _delivery in 0..2 {
        assert_eq!(postman.deliver(&added("wmA")).await, Answer::stored());
    }
    let stored = world.inbox().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].1, "add_external_contact");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_corps_and_apps_get_404() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let sealed = postman.seal(&added("wmA"));
    let http = http_client();
    let gateway = &world.stack.url;
    for path in [
        "wwother/contact",
        &format!("{DEMO_CORP}/other"),
        &format!("{DEMO_CORP}/"),
        &format!("{DEMO_CORP}/{APP}/more"),
        &format!("{DEMO_CORP}/{APP}//"),
        DEMO_CORP,
    ] {
        let url = format!("{gateway}/callback/{path}?{}", sealed.query);
        let body = postman.envelope(&sealed.encrypt);
        let answer = Answer::of(http.post(&url).body(body).send().await.unwrap()).await;
        assert_eq!(answer, Answer::refused(404, "not_found"), "POST {path}");
        let url = format!("{url}&echostr=QQ%3D%3D");
        let answer = Answer::of(http.get(&url).send().await.unwrap()).await;
        assert_eq!(answer, Answer::refused(404, "not_found"), "GET {path}");
        // The answer does not depend on what else is wrong with such a request.
        let url = format!("{gateway}/callback/{path}");
        let answer = Answer::of(http.put(&url).body("x").send().await.unwrap()).await;
        assert_eq!(answer, Answer::refused(404, "not_found"), "PUT {path}");
    }
    let answer = postman
        .call(Method::PUT, &sealed.query, "text/xml", "")
        .await;
    assert_eq!(answer, Answer::refused(405, "method_not_allowed"));
    assert!(world.inbox().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_parameter_is_required() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let sealed = postman.seal(&added("wmA"));
    let body = postman.envelope(&sealed.encrypt);
    let query = format!(
        "{}&echostr={}",
        sealed.query,
        sealed.encrypt.replace('+', "%2B")
    );
    let pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    for (missing, _) in &pairs {
        for emptied in [false, true] {
            let remaining =
                pairs
                    .iter()
                    .filter_map(|(name, value)| match (name == missing, emptied) {
                        (true, true) => Some(format!("{name}=")),
                        (true, false) => None,
                        _ => Some(format!("{name}={value}")),
                    });
            let query = remaining.collect::<Vec<_>>().join("&");
            let refused = Answer::refused(400, "missing_parameter");
            assert_eq!(postman.get(&query).await, refused, "GET without {missing}");
            if *missing != "echostr" {
                let answer = postman.post(&query, body.clone()).await;
                assert_eq!(answer, refused, "POST without {missing}");
            }
        }
    }
    assert!(world.inbox().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_an_envelope_is_refused() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let query = postman.seal(&added("wmA")).query;
    for body in [
        &b""[..],
        b" ",
        b"hello",
        b"<xml></xml>",
        b"<xml><Encrypt></Encrypt></xml>",
        b"<xml><Encrypt>QQ==</Encrypt>",
        b"<xml><Inner><Encrypt>QQ==</Encrypt></Inner></xml>",
        b"{}",
        br#"{"encrypt":""}"#,
        br#"{"encrypt":{"a":"QQ=="}}"#,
        br#"["encrypt"]"#,
        b"\xff\xfe<\x00x\x00",
    ] {
        let answer = postman.post(&query, body).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(answer, Answer::refused(400, "not_an_envelope"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_up_to_64_kib_are_accepted() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let sealed = postman.seal(&added("wmA"));
    let mut body = postman.envelope(&sealed.encrypt);
    body.push_str(&" ".repeat(BODY_LIMIT - body.len()));
    assert_eq!(
        postman.post(&sealed.query, body.clone()).await,
        Answer::stored()
    );
    body.push(' ');
    let answer = postman.post(&sealed.query, body).await;
    assert_eq!(answer, Answer::refused(400, "body_too_large"));

    // The largest message that fits: base64 turns three bytes into four.
    let long = added(&"x".repeat(BODY_LIMIT * 3 / 4 - 1000));
    let sealed = postman.seal(&long.replace("ExternalUserID", "Remark"));
    let body = postman.envelope(&sealed.encrypt);
    assert!(
        (BODY_LIMIT - 1000..=BODY_LIMIT).contains(&body.len()),
        "{}",
        body.len()
    );
    assert_eq!(postman.post(&sealed.query, body).await, Answer::stored());
    assert_eq!(world.inbox().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_is_refused_before_decryption() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let right = postman.seal(&added("wmA"));
    let shifted = format!(
        "{}&timestamp={}&nonce={NONCE}",
        right.query.split('&').next().unwrap(),
        "1700000001"
    );
    let upper = right
        .query
        .replacen(&right.query[14..54], &right.query[14..54].to_uppercase(), 1);
    let other = postman.seal(&added("wmB")).query;
    // A failed decryption would answer 400, so 403 shows that decryption was not attempted.
    for (query, encrypt) in [
        (&shifted, right.encrypt.as_str()),
        (&upper, &right.encrypt),
        (&other, &right.encrypt),
        (&right.query, "no base64 at all"),
        (&right.query, "QQ=="),
        (
            &format!("msg_signature=x&timestamp={TIMESTAMP}&nonce={NONCE}"),
            &right.encrypt,
        ),
    ] {
        let refused = Answer::refused(403, "bad_signature");
        assert_eq!(
            postman.post(query, postman.envelope(encrypt)).await,
            refused,
            "{query} {encrypt}"
        );
        let echo = encrypt.replace('+', "%2B").replace(' ', "%20");
        let answer = postman.get(&format!("{query}&echostr={echo}")).await;
        assert_eq!(answer, refused, "GET {query} {encrypt}");
    }
    assert!(world.inbox().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_ciphertext_that_cannot_be_decrypted_is_refused() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let message = &added("wmA");
    // 16 random bytes, 4 bytes of length, message and receiver, padded to a multiple of 32.
    let pad = u8::try_from(32 - (20 + message.len() + DEMO_CORP.len()) % 32).unwrap();
    let cases = [
        ("not_decryptable", "no base64", "!!!!".to_owned()),
        (
            "not_decryptable",
            "an incomplete block",
            STANDARD.encode([1; 17]),
        ),
        (
            "not_decryptable",
            "a single block",
            STANDARD.encode([1; 16]),
        ),
        (
            "not_decryptable",
            "a padding of 0",
            postman.encrypt_flipped(message, -17, pad),
        ),
        (
            "not_decryptable",
            "a padding of 33",
            postman.encrypt_flipped(message, -17, pad ^ 33),
        ),
        (
            "not_decryptable",
            "padding bytes that differ",
            postman.encrypt_flipped(message, -17, pad ^ 32),
        ),
        (
            "not_decryptable",
            "a length beyond the end",
            postman.encrypt_flipped(message, 0, 0x7f),
        ),
        (
            "foreign_receiver",
            "a length that cuts into the message",
            postman.encrypt_flipped(message, 3, 1),
        ),
        (
            "foreign_receiver",
            "another receiver",
            postman.encrypt_for("wwother", message),
        ),
        (
            "foreign_receiver",
            "an empty receiver",
            postman.encrypt_for("", message),
        ),
    ];
    for (code, what, encrypt) in cases {
        let answer = postman.deliver_encrypted(encrypt.clone()).await;
        assert_eq!(answer, Answer::refused(400, code), "{what}");
        let sealed = postman.sign(encrypt);
        let echo = sealed.encrypt.replace('+', "%2B");
        let answer = postman
            .get(&format!("{}&echostr={echo}", sealed.query))
            .await;
        assert_eq!(answer, Answer::refused(400, code), "GET {what}");
    }
    assert!(world.inbox().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slash_behind_the_path_is_the_same_address() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let sealed = postman.seal(&added("wmSlash"));
    let url = format!("{}/?{}", postman.url(), sealed.query);
    let http = http_client();
    let request = http.post(&url).body(postman.envelope(&sealed.encrypt));
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer, Answer::stored());
    assert_eq!(world.inbox().await.len(), 1);
    let echo = postman.seal("123");
    let encoded = echo.encrypt.replace('+', "%2B");
    let url = format!("{}/?{}&echostr={encoded}", postman.url(), echo.query);
    let answer = Answer::of(http.get(&url).send().await.unwrap()).await;
    assert_eq!(answer, Answer(200, "123".to_owned()));
}

/// Bytes of an add whose `State` is `state`, and what follows its last field.
fn broken_add(customer: &str, state: &[u8], end: &[u8]) -> Vec<u8> {
    let add = added(customer);
    let fields = add.strip_suffix("</xml>").unwrap();
    let state = [b"<State>", state, b"</State>"].concat();
    [fields.as_bytes(), &state, end].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_event_is_not_refused_for_its_content_and_acted_on() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let close: &[u8] = b"</xml>";
    let cases: [(&str, &[u8], &[u8], &str); 9] = [
        ("cut", "展".as_bytes()[..2].as_ref(), close, "\u{fffd}"),
        ("Latin", b"caf\xe9", close, "caf\u{fffd}"),
        (
            "Surrogate",
            b"\xed\xa0\xbd",
            close,
            "\u{fffd}\u{fffd}\u{fffd}",
        ),
        ("Ampersand", b"R&D", close, "R&D"),
        ("Nbsp", b"a&nbsp;b", close, "a&nbsp;b"),
        ("Less", b"1 < 2", close, "1 < 2"),
        ("Nul", b"x", b"</xml>\0\0", "x"),
        ("NoEnd", b"x", b"", "x"),
        ("CutEnd", b"x", b"<Remark>cut of", "x"),
    ];
    for (name, state, end, expected) in cases {
        let customer = format!("wm{name}");
        let encrypt = postman.encrypt(broken_add(&customer, state, end));
        for _ in 0..2 {
            assert_eq!(
                postman.deliver_encrypted(encrypt.clone()).await,
                Answer::stored(),
                "{name}"
            );
        }
        let path = format!("contacts/{customer}");
        let contact = world
            .eventually(name, &path, |contact| {
                contact["timeline"][0]["tags"]["outcome"] == "no_channel"
            })
            .await;
        let timeline = contact["timeline"].as_array().unwrap();
        assert_eq!(timeline.len(), 1, "{name}: {contact}");
        let id = timeline[0]["event_id"].as_str().unwrap();
        let event = world.get(&format!("events/{id}")).await;
        assert_eq!(event["event"], "add_external_contact", "{name}: {event}");
        assert_eq!(event["fields"]["State"], expected, "{name}: {event}");
    }
}
