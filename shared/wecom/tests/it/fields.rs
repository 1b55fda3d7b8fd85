//! The digest of a message: equal for one event however it is written, different for two.

use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop, prop_assert_eq, prop_assert_ne, proptest,
};
use std::fmt::Write;
use wecom::Fields;

fn digest(text: &str) -> [u8; 32] {
    Fields::parse(text)
        .unwrap()
        .digest(&["ww1", "contact"], &["WelcomeCode"])
}

#[test]
fn one_event_has_one_digest() {
    let event = "<xml><UserID>li</UserID><List><Item>a</Item><Item>b</Item></List></xml>";
    for same in [
        "<xml>\n  <UserID><![CDATA[li]]></UserID>\n  <List>\n<Item>a</Item> <Item><![CDATA[b]]></Item></List></xml>",
        "<xml><List><Item>a</Item><Item>b</Item></List><UserID>li</UserID></xml>",
        "<xml><UserID>li</UserID><List><Item>a</Item><Item>b</Item></List><WelcomeCode>C2</WelcomeCode></xml>",
        r#"{"UserID":"li","List":{"Item":["a","b"]}}"#,
    ] {
        assert_eq!(digest(event), digest(same), "{same}");
    }
}

#[test]
fn two_events_have_two() {
    let event = "<xml><A>1</A><B>2</B><L><I>a</I><I>b</I></L></xml>";
    for other in [
        "<xml><A>2</A><B>1</B><L><I>a</I><I>b</I></L></xml>",
        "<xml><A>1</A><B>2</B><L><I>b</I><I>a</I></L></xml>",
        "<xml><A>1</A><B>2</B><L><I>a</I><I>b</I></L><C/></xml>",
        "<xml><A>1</A><B>2</B><L><I>ab</I></L></xml>",
        "<xml><A>1</A><B>2</B></xml>",
    ] {
        assert_ne!(digest(event), digest(other), "{other}");
    }
    let fields = Fields::parse(event).unwrap();
    assert_ne!(
        fields.digest(&["ww1", "contact"], &[]),
        fields.digest(&["ww1c", "ontact"], &[])
    );
    assert_ne!(
        fields.digest(&["ww1"], &[]),
        fields.digest(&["ww1", ""], &[])
    );
}

/// Pairs with different names, so that any order of them is the same event.
fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = "[ -~]{0,8}|你好|\\]\\]>";
    prop::collection::btree_map("[A-Z][a-z]{0,5}", value, 1..8)
        .prop_map(|map| map.into_iter().collect::<Vec<_>>())
}

/// Writes the pairs as XML, each value as text or CDATA and with white space around as the choices say.
fn xml(pairs: &[(String, String)], choices: &[bool]) -> String {
    let mut text = String::from("<xml>");
    for (at, (name, value)) in pairs.iter().enumerate() {
        let escaped = value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let cdata = format!("<![CDATA[{}]]>", value.replace("]]>", "]]]]><![CDATA[>"));
        let chosen = choices[at % choices.len()];
        let (space, value) = if chosen {
            ("\n  ", cdata)
        } else {
            ("", escaped)
        };
        write!(text, "{space}<{name}>{value}</{name}>{space}").unwrap();
    }
    text + "</xml>"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn writing_does_not_matter_and_values_do(
        (pairs, shuffled) in pairs().prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle())),
        choices in prop::collection::vec(proptest::bool::ANY, 1..5),
        changed in 0usize..8,
    ) {
        let written = Fields::parse_xml(&xml(&shuffled, &choices)).unwrap();
        prop_assert_eq!(
            written.digest(&["s"], &[]),
            Fields::from_iter(pairs.clone()).digest(&["s"], &[])
        );
        let mut other = pairs.clone();
        let at = changed % other.len();
        other[at].1.push('!');
        prop_assert_ne!(
            written.digest(&["s"], &[]),
            Fields::from_iter(other.clone()).digest(&["s"], &[])
        );
        let name = pairs[at].0.as_str();
        prop_assert_eq!(
            written.digest(&[], &[name]),
            Fields::from_iter(other.clone()).digest(&[], &[name])
        );
    }
}
