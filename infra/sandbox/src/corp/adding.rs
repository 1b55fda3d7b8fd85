//! How a relation begins, and which app gets which welcome code (WeCom doc 92130).

use std::time::SystemTime;

use super::{Scan, VerbError};
use crate::callback::{self, Happened};
use crate::model::{
    App, Body, CorpState, Id, Ids, Pair, Relation, Sender, Standing, Via, WelcomeCode, Welcomed,
};

const EVENT: &str = "change_external_contact";

/// Makes or renews a relation. Nothing happens if the two are in contact (unverified for a customer who scans again,
/// but consistent with the documents).
pub(super) fn add(
    corp: &mut CorpState,
    ids: &mut Ids,
    userid: Id,
    via: Option<Via>,
    scan: &Scan,
    now: SystemTime,
) -> Result<(Pair, Vec<Happened>), VerbError> {
    let kind = if scan.wecom_user { 2 } else { 1 };
    let external_userid = match &scan.customer {
        Some(known) => {
            let known = corp.customers.get_key_value(known.as_str());
            known.ok_or(VerbError::NoRelation)?.0.clone()
        }
        None => corp.new_customer(scan.name.as_deref(), kind, ids),
    };
    let pair = (userid, external_userid);
    let change = if scan.half {
        "add_half_external_contact"
    } else {
        "add_external_contact"
    };
    let mut relation = match corp.relations.remove(&pair) {
        Some(met) if matches!(met.standing, Standing::Half | Standing::Full) => {
            corp.relations.insert(pair.clone(), met);
            return Ok((pair, Vec::new()));
        }
        // The member still has who left, with remark, tags and chat.
        Some(left) if left.standing == Standing::Left => Box::new(left.renewed(now)),
        _ => Box::new(Relation::new(now)),
    };
    if scan.half {
        relation.standing = Standing::Half;
    }
    // Who comes back by search does so without the state of the way used before.
    let via = via.unwrap_or_default();
    relation.state = via.state.map(Id::from);
    relation.link_id = via.link_id.map(Id::from);
    relation.add_way = via.add_way;
    corp.follow(pair.clone(), relation);
    let events = announce_add(corp, ids, &pair, change, now);
    other_app_welcomes(corp, &pair);
    Ok((pair, events))
}

/// However fast another app is, it starts from the same event as everybody else.
fn other_app_welcomes(corp: &mut CorpState, pair: &Pair) {
    if let Some(other) = corp.other_app
        && let Some(relation) = corp.relations.get_mut(pair)
        && matches!(relation.welcomed, Welcomed::NotYet)
    {
        relation.welcomed = Welcomed::Elsewhere {
            until: relation.added + other.sends_for,
            delivers: other.delivers,
        };
    }
}

/// Sends every listening app an add event, each with a welcome code of its own where there is one.
pub(super) fn announce_add(
    corp: &mut CorpState,
    ids: &mut Ids,
    pair: &Pair,
    change: &str,
    now: SystemTime,
) -> Vec<Happened> {
    console_welcome(corp, pair, now);
    let Some(relation) = corp.relations.get(pair) else {
        return Vec::new();
    };
    let (state, added) = (relation.state.clone(), relation.added);
    let is_wechat = corp
        .customers
        .get(&pair.1)
        .is_some_and(|customer| customer.kind == 1);
    let has_code = is_wechat && !relation.chatting && !relation.is_welcomed(now);
    let mut events = Vec::new();
    let mut codes = Vec::new();
    let seeing = |app: &&App| corp.sees_userid(&app.name, &pair.0);
    for app in callback::listening(corp).filter(seeing) {
        let code = has_code.then(|| ids.word("", 43));
        let mut fields = vec![
            ("UserID", pair.0.as_str()),
            ("ExternalUserID", pair.1.as_str()),
        ];
        fields.extend(state.as_deref().map(|state| ("State", state)));
        fields.extend(code.as_deref().map(|code| ("WelcomeCode", code)));
        events.push(callback::event(app, EVENT, change, &fields));
        let issue = |code| {
            let (app, pair) = (app.name.clone(), pair.clone());
            (
                code,
                WelcomeCode {
                    app,
                    pair,
                    added,
                    issued: now,
                },
            )
        };
        codes.extend(code.map(issue));
    }
    corp.welcome_codes.extend(codes);
    events
}

/// An event that says no more than who.
pub(super) fn about(corp: &CorpState, pair: &Pair, change: &str) -> Vec<Happened> {
    let fields = [
        ("UserID", pair.0.as_str()),
        ("ExternalUserID", pair.1.as_str()),
    ];
    callback::event_about_member(corp, &pair.0, EVENT, change, &fields)
}

/// The console welcomes before any app can.
fn console_welcome(corp: &mut CorpState, pair: &Pair, now: SystemTime) {
    if let Some(text) = corp.console_welcomes.get(pair.0.as_str())
        && let Some(relation) = corp.relations.get_mut(pair)
        && !relation.is_welcomed(now)
    {
        let content = text.clone();
        relation.welcomed = Welcomed::Done;
        relation.say(Sender::Console, Body::Text { content }, now);
    }
}
