//! Events in WeCom's XML (WeCom doc 92130).

use std::time::SystemTime;

use crate::model::moment::unix_s_of;
use crate::model::{App, CorpState};

/// An event that has happened and has no number yet.
pub(crate) struct Happened {
    pub(crate) app: String,
    pub(crate) kind: String,
    pub(crate) content: Content,
}

/// What a message says.
pub(crate) enum Content {
    /// The elements of an event behind the envelope that all events share.
    Event(String),
    /// A message of the caller's own.
    Whole(String),
}

impl Content {
    /// The message as it is sent.
    pub(crate) fn into_xml(self, corp_id: &str, now: SystemTime) -> String {
        let elements = match self {
            Self::Event(elements) => elements,
            Self::Whole(xml) => return xml,
        };
        let mut xml = String::from("<xml>");
        push_element(&mut xml, "ToUserName", corp_id);
        push_element(&mut xml, "FromUserName", "sys");
        xml.push_str(&format!("<CreateTime>{}</CreateTime>", unix_s_of(now)));
        xml.push_str(&elements);
        xml.push_str("</xml>");
        xml
    }
}

/// Writes an event for one app.
pub(crate) fn event(app: &App, event: &str, change: &str, fields: &[(&str, &str)]) -> Happened {
    event_with(app, event, change, fields, "")
}

/// An event with elements behind the fields that are more than texts.
fn event_with(
    app: &App,
    event: &str,
    change: &str,
    fields: &[(&str, &str)],
    elements: &str,
) -> Happened {
    let common = [
        ("MsgType", "event"),
        ("Event", event),
        ("ChangeType", change),
    ];
    let mut xml = String::new();
    for (name, value) in common.iter().chain(fields) {
        push_element(&mut xml, name, value);
    }
    xml.push_str(elements);
    Happened {
        app: app.name.clone(),
        kind: format!("{event}/{change}"),
        content: Content::Event(xml),
    }
}

/// The same event for every app with a callback.
pub(crate) fn event_for_all(
    corp: &CorpState,
    name: &str,
    change: &str,
    fields: &[(&str, &str)],
) -> Vec<Happened> {
    let apps = listening(corp);
    apps.map(|app| event(app, name, change, fields)).collect()
}

/// The same event for every app with a callback that sees the member. That the visible range holds for events as it
/// does for the APIs is unverified.
pub(crate) fn event_about_member(
    corp: &CorpState,
    userid: &str,
    name: &str,
    change: &str,
    fields: &[(&str, &str)],
) -> Vec<Happened> {
    let apps = listening(corp).filter(|app| corp.sees_userid(&app.name, userid));
    apps.map(|app| event(app, name, change, fields)).collect()
}

/// An event about a customer group for every app with a callback that sees the group.
pub(crate) fn event_about_group(
    corp: &CorpState,
    chat_id: &str,
    change: &str,
    fields: &[(&str, &str)],
    elements: &str,
) -> Vec<Happened> {
    let Some(group) = corp.groups.get(chat_id) else {
        return Vec::new();
    };
    let fields = [&[("ChatId", chat_id)], fields].concat();
    let apps = listening(corp).filter(|app| corp.shows_group(&app.name, group));
    apps.map(|app| event_with(app, "change_external_chat", change, &fields, elements))
        .collect()
}

/// The apps that get events.
pub(crate) fn listening(corp: &CorpState) -> impl Iterator<Item = &App> {
    corp.apps.iter().filter(|app| !app.callback_url.is_empty())
}

pub(crate) fn push_element(xml: &mut String, name: &str, value: &str) {
    let value = value.replace("]]>", "]]]]><![CDATA[>");
    xml.push_str(&format!("<{name}><![CDATA[{value}]]></{name}>"));
}
