//! What the page shows.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, not_found};
use crate::Sandbox;
use crate::corp::applied_tags;
use crate::journal::{Call, Event};
use crate::model::moment::unix_ms_of;
use crate::model::{Channel, CorpState, Pair, Relation};

/// Rows of a list when the query does not say how many.
const ROWS: usize = 60;
/// Channels that the page lists, the newest first.
const CHANNELS: usize = 40;
/// Customers that the page lists, the latest first.
const CUSTOMERS: usize = 40;

type Answer = Result<Json<Value>, Failure>;

/// Which part of a log: rows numbered above `after`, the last `limit` of them.
#[derive(Deserialize)]
pub(crate) struct Part {
    after: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn corps(State(sandbox): State<Sandbox>) -> Json<Value> {
    let corps: Vec<Value> = sandbox.read(|state| state.corps.values().map(show_corp).collect());
    Json(json!({"corps": corps}))
}

/// One corp's latest channels and customers.
pub(crate) async fn corp(State(sandbox): State<Sandbox>, Path(corp): Path<String>) -> Answer {
    let now = sandbox.now();
    sandbox.read(|state| {
        let corp = state.corps.get(&corp).ok_or_else(|| not_found("corp"))?;
        let came = count_by_channel(corp);
        let newest = corp.channels.values().rev().take(CHANNELS);
        let channels: Vec<Value> = newest.map(|channel| show_channel(corp, channel, &came)).collect();
        let customers = latest(corp).into_iter();
        let customers = customers.map(|(pair, relation)| show_relation(corp, pair, relation, now));
        let customers: Vec<Value> = customers.collect();
        let (events, unexpected) = (state.journal.events.len(), state.journal.unexpected.len());
        Ok(Json(json!({
            "corp": show_corp(corp), "channels": channels, "customers": customers,
            "counts": {"customers": corp.relations.len(), "events": events, "unexpected": unexpected},
            "delivery": state.delivery.mode,
        })))
    })
}

/// The relations that began last, without sorting all of them.
fn latest(corp: &CorpState) -> Vec<(&Pair, &Relation)> {
    let relations = corp.relations.iter();
    let mut relations: Vec<_> = relations
        .map(|(pair, relation)| (pair, relation.as_ref()))
        .collect();
    let by_age = |(_, relation): &(&Pair, &Relation)| Reverse(relation.added);
    if relations.len() > CUSTOMERS {
        relations.select_nth_unstable_by_key(CUSTOMERS, by_age);
        relations.truncate(CUSTOMERS);
    }
    relations.sort_unstable_by_key(by_age);
    relations
}

/// How many relations each state and each link brought.
fn count_by_channel(corp: &CorpState) -> HashMap<&str, usize> {
    let mut came = HashMap::new();
    for relation in corp.relations.values() {
        let channel = relation.link_id.as_deref().or(relation.state.as_deref());
        if let Some(channel) = channel {
            *came.entry(channel).or_default() += 1;
        }
    }
    came
}

/// One relation with its chat.
pub(crate) async fn customer(
    State(sandbox): State<Sandbox>,
    Path((corp, external_userid, userid)): Path<(String, String, String)>,
) -> Answer {
    let now = sandbox.now();
    sandbox.read(|state| {
        let corp = state.corps.get(&corp).ok_or_else(|| not_found("corp"))?;
        let pair = corp
            .pair(&userid, &external_userid)
            .ok_or_else(|| not_found("member"))?;
        let relation = corp
            .relations
            .get(&pair)
            .ok_or_else(|| not_found("relation"))?;
        let mut shown = show_relation(corp, &pair, relation, now);
        shown["chat"] = json!(relation.chat(now));
        shown["description"] = json!(relation.description);
        Ok(Json(shown))
    })
}

/// Events with their attempts, oldest first.
pub(crate) async fn events(
    State(sandbox): State<Sandbox>,
    Query(part): Query<Part>,
) -> Json<Value> {
    let after = part.after.unwrap_or(0);
    sandbox.read(|state| {
        let events = state
            .journal
            .events
            .iter()
            .filter(|event| event.id.0 > after);
        let events: Vec<&Event> = last(events, &part);
        Json(json!({"events": events}))
    })
}

/// Calls that reached the API, oldest first.
pub(crate) async fn calls(State(sandbox): State<Sandbox>, Query(part): Query<Part>) -> Json<Value> {
    let after = part.after.unwrap_or(0);
    sandbox.read(|state| {
        let calls = state.journal.calls.iter().map(AsRef::as_ref);
        let calls: Vec<&Call> = last(calls.filter(|call| call.number > after), &part);
        Json(json!({"calls": calls}))
    })
}

/// Calls of unknown paths.
pub(crate) async fn unexpected(State(sandbox): State<Sandbox>) -> Json<Value> {
    let calls: Vec<_> = sandbox.unexpected();
    let calls: Vec<&Call> = calls.iter().map(AsRef::as_ref).collect();
    Json(json!({"calls": calls}))
}

fn last<'a, T>(items: impl DoubleEndedIterator<Item = &'a T>, part: &Part) -> Vec<&'a T> {
    let mut items: Vec<_> = items.rev().take(part.limit.unwrap_or(ROWS)).collect();
    items.reverse();
    items
}

fn show_corp(corp: &CorpState) -> Value {
    let members = corp.members.values();
    let members: Vec<Value> = members
        .map(|member| json!({"userid": member.userid, "name": member.name}))
        .collect();
    let apps = corp.apps.iter();
    let apps: Vec<Value> = apps
        .map(|app| json!({"name": app.name, "agent_id": app.agent_id}))
        .collect();
    json!({"corp_id": corp.id, "apps": apps, "members": members})
}

fn show_channel(corp: &CorpState, channel: &Channel, came: &HashMap<&str, usize>) -> Value {
    let (kind, name, state, skip_verify) = match channel {
        Channel::ContactWay(way) => (
            "contact_way",
            &way.remark,
            way.state.as_str(),
            way.skip_verify,
        ),
        Channel::Link(link) => ("acquisition_link", &link.name, "", link.skip_verify),
    };
    let key = if state.is_empty() {
        channel.id()
    } else {
        state
    };
    let names = channel.members(corp).into_iter().filter_map(|userid| {
        let member = corp.member(&userid)?;
        Some(json!({"userid": member.userid, "name": member.name}))
    });
    json!({
        "kind": kind, "id": channel.id(), "name": name, "state": state, "url": channel.url(),
        "skip_verify": skip_verify, "members": names.collect::<Vec<_>>(), "came": came.get(key).unwrap_or(&0),
    })
}

fn show_relation(corp: &CorpState, pair: &Pair, relation: &Relation, now: SystemTime) -> Value {
    let (userid, external_userid) = pair;
    let member = corp.member(userid).map(|member| member.name.as_str());
    let name = corp
        .customers
        .get(external_userid)
        .map(|customer| &*customer.name);
    json!({
        "external_userid": external_userid, "userid": userid, "name": name, "member": member,
        "standing": relation.standing.name(), "state": relation.state, "remark": relation.remark,
        "added_ms": unix_ms_of(relation.added), "tags": applied_tags(corp, relation),
        "welcome_ms": welcome_ms(relation, now),
    })
}

/// From the add to the first message that the customer did not write.
fn welcome_ms(relation: &Relation, now: SystemTime) -> Option<f64> {
    let chat = relation.chat(now);
    let mut theirs = chat
        .iter()
        .filter(|message| message.from != crate::Sender::Customer);
    let after = theirs.next()?.after;
    Some((after.as_secs_f64() * 10_000.0).round() / 10.0)
}
