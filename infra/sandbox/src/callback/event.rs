//! Events in WeCom's XML (WeCom doc 92130).

use crate::model::{App, CorpState, unix_ms};

/// An event that has happened and has no number yet.
pub(crate) struct Happened {
    pub(crate) app: String,
    pub(crate) kind: String,
    pub(crate) xml: String,
}

/// Writes an event for one app, with the envelope that all events share.
pub(crate) fn event(
    corp: &CorpState,
    app: &App,
    event: &str,
    change: &str,
    fields: &[(&str, &str)],
) -> Happened {
    event_with(corp, app, event, change, fields, "")
}

/// An event with elements behind the fields that are more than texts.
fn event_with(
    corp: &CorpState,
    app: &App,
    event: &str,
    change: &str,
    fields: &[(&str, &str)],
    elements: &str,
) -> Happened {
    let common = [("ToUserName", corp.id.as_str()), ("FromUserName", "sys")];
    let mut xml = String::from("<xml>");
    for (name, value) in common {
        push_element(&mut xml, name, value);
    }
    xml.push_str(&format!("<CreateTime>{}</CreateTime>", unix_ms() / 1000));
    let rest = [
        ("MsgType", "event"),
        ("Event", event),
        ("ChangeType", change),
    ];
    for (name, value) in rest.iter().chain(fields) {
        push_element(&mut xml, name, value);
    }
    xml.push_str(elements);
    xml.push_str("</xml>");
    Happened {
        app: app.name.clone(),
        kind: format!("{event}/{change}"),
        xml,
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
    apps.map(|app| event(corp, app, name, change, fields))
        .collect()
}

/// The same event for every app with a callback that sees the member. That the visible range holds for
/// events as it does for the APIs is unverified.
pub(crate) fn event_about_member(
    corp: &CorpState,
    userid: &str,
    name: &str,
    change: &str,
    fields: &[(&str, &str)],
) -> Vec<Happened> {
    let apps = listening(corp).filter(|app| corp.sees_userid(&app.name, userid));
    apps.map(|app| event(corp, app, name, change, fields))
        .collect()
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
    apps.map(|app| event_with(corp, app, "change_external_chat", change, &fields, elements))
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
