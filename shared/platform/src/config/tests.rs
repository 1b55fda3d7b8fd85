//! What a configuration secret may be, and what it says when it is not.

use secrecy::ExposeSecret;

use super::*;

const AES_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";

fn valid() -> String {
    format!(
        r#"{{"admin_keys":["0123456789abcdef0123456789abcdef"],
            "corps":[{{"corp_id":"ww1","timezone":"Asia/Shanghai",
              "apps":{{"contact":{{"agent_id":1000002,"secret":"s3cret","token":"QDG6eK",
                                  "encoding_aes_key":"{AES_KEY}"}},
                      "api-only":{{"agent_id":1000003,"secret":"s3cret2"}}}}}}]}}"#
    )
}

#[test]
fn a_valid_secret_is_read() {
    let config = Config::parse(&valid(), Needs::Everything).unwrap();
    let corp = config.corp("ww1").unwrap();
    assert_eq!(corp.timezone.iana_name(), Some("Asia/Shanghai"));
    assert_eq!(corp.main_app().unwrap().name, AppName::from("contact"));
    assert!(corp.app("contact").unwrap().callback.is_some());
    assert!(corp.app("api-only").unwrap().callback.is_none());
    assert!(config.corp("ww2").is_none());
}

#[test]
fn only_a_whole_key_opens_the_admin_api() {
    let config = Config::parse(&valid(), Needs::Everything).unwrap();
    assert!(config.is_admin_key("0123456789abcdef0123456789abcdef"));
    for wrong in [
        "",
        "0123456789abcdef",
        "0123456789abcdef0123456789abcdef ",
        "0123456789ABCDEF0123456789ABCDEF",
    ] {
        assert!(!config.is_admin_key(wrong), "{wrong}");
    }
}

#[test]
fn every_fault_is_named_at_once_and_no_value_is_told() {
    let json = r#"{"admin_keys":["short-SECRET-key"],"corps":[
        {"corp_id":"ww1","timezone":"Moon/Base",
         "apps":{"contact":{"agent_id":"x","secret":"SECRET1","token":"SECRET2"}}},
        {"corp_id":"ww 2","apps":{},"colour":"red"},
        {"corp_id":"ww 3","apps":{"contact":
         {"agent_id":1,"secret":"s","token":"SECRET-3","encoding_aes_key":"SECRET4"}}}]}"#;
    let error = Config::parse(json, Needs::Everything).unwrap_err();
    let fields: Vec<_> = error.0.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "admin_keys[0]",
            "corps[0].timezone",
            "corps[0].apps.contact.agent_id",
            "corps[0].apps.contact.encoding_aes_key",
            "corps[1].colour",
            "corps[1].corp_id",
            "corps[1].apps",
            "corps[2].corp_id",
            "corps[2].apps.contact.token",
            "corps[2].apps.contact.encoding_aes_key",
        ]
    );
    assert!(!error.to_string().contains("SECRET"), "{error}");
}

#[test]
fn what_is_not_a_configuration_says_so() {
    let cases = [
        ("", "is empty"),
        ("{\"admin_keys\": [SECRET", "is not JSON (line 1"),
        ("[]", "is not a JSON object"),
        ("{}", "admin_keys: is missing"),
        (r#"{"admin_keys":[],"corps":[]}"#, "corps: is empty"),
    ];
    for (json, says) in cases {
        let error = Config::parse(json, Needs::Everything)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(says) && !error.contains("SECRET"),
            "{json}: {error}"
        );
    }
    let twice = valid().replace(
        r#""corps":["#,
        r#""corps":[{"corp_id":"ww1","apps":{"a":{"agent_id":1,"secret":"s"}}},"#,
    );
    assert!(
        Config::parse(&twice, Needs::Everything)
            .unwrap_err()
            .to_string()
            .contains("corps[1].corp_id: is named twice")
    );
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", Config::parse(&valid(), Needs::Everything).unwrap());
    for secret in [
        "s3cret",
        "QDG6eK",
        AES_KEY,
        "0123456789abcdef0123456789abcdef",
    ] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn a_function_may_be_given_only_what_it_needs() {
    let callbacks = format!(
        r#"{{"corps":[{{"corp_id":"ww1","apps":{{"contact":{{"token":"QDG6eK","encoding_aes_key":"{AES_KEY}"}}}}}}]}}"#
    );
    let calls =
        r#"{"corps":[{"corp_id":"ww1","apps":{"contact":{"agent_id":1,"secret":"s3cret"}}}]}"#;
    let fields = |json: &str, needs| match Config::parse(json, needs) {
        Ok(_) => Vec::new(),
        Err(error) => error.0.into_iter().map(|fault| fault.field).collect(),
    };
    assert_eq!(fields(&callbacks, Needs::Callbacks), [""; 0]);
    let config = Config::parse(&callbacks, Needs::Callbacks).unwrap();
    let app = config.corp("ww1").unwrap().app("contact").unwrap();
    assert!(app.credentials.is_none() && app.callback.is_some());
    let (agent, secret) = (
        "corps[0].apps.contact.agent_id",
        "corps[0].apps.contact.secret",
    );
    assert_eq!(fields(&callbacks, Needs::Calls), [agent, secret]);
    assert_eq!(fields(calls, Needs::Calls), [""; 0]);
    assert_eq!(fields(calls, Needs::Everything), ["admin_keys"]);
    assert_eq!(fields(&valid(), Needs::Callbacks), [""; 0]);
    // What is there is checked, whoever reads it.
    let wrong = calls
        .replace(r#"{"agent_id":1,"#, r#"{"agent_id":"x","#)
        .replacen('{', r#"{"admin_keys":["short"],"#, 1);
    assert_eq!(fields(&wrong, Needs::Callbacks), ["admin_keys[0]", agent]);
}

#[test]
fn a_byte_order_mark_and_white_space_around_values_do_not_matter() {
    let pasted = valid()
        .replace("s3cret\"", " s3cret\\n\"")
        .replace("QDG6eK", "QDG6eK ");
    let config = Config::parse(&format!("\u{feff}{pasted}"), Needs::Everything).unwrap();
    let app = config.corp("ww1").unwrap().app("contact").unwrap();
    assert_eq!(
        app.credentials.as_ref().unwrap().secret.expose_secret(),
        "s3cret"
    );
    assert!(app.callback.is_some());
}

#[test]
fn data_keys_are_optional_and_checked_with_the_rest() {
    assert!(
        Config::parse(&valid(), Needs::Calls)
            .unwrap()
            .data_keys
            .is_none()
    );
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let with = |keys: &str| valid().replacen('{', &format!("{{\"data_keys\":{keys},"), 1);
    let good = format!(r#"{{"current":"a","seal":{{"a":"{key}"}},"index":"{key}"}}"#);
    let config = Config::parse(&with(&good), Needs::Calls).unwrap();
    assert!(config.data_keys.is_some());
    let error =
        Config::parse(&with(r#"{"seal":{}}"#).replace("s3cret2", ""), Needs::Calls).unwrap_err();
    let fields: Vec<&str> = error.0.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "data_keys.index",
            "data_keys.current",
            "corps[0].apps.api-only.secret"
        ]
    );
}
