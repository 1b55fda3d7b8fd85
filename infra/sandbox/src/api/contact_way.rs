//! Contact ways 「联系我」 (WeCom doc 92228).

use serde_json::{Value, json};

use super::paging::Page;
use super::{Answer, Call, Fields, Refusal, done, fields};
use crate::model::{Channel, ContactWay, CorpState};

/// People in one contact way, departments expanded.
const MAX_PEOPLE: usize = 100;
/// Ways that the list shows when no time is given.
const LIST_WINDOW_S: u64 = 90 * 24 * 3600;

pub(super) fn add(call: &mut Call<'_>) -> Answer {
    let (kind, scene) = (kind(call.fields)?, scene(call.fields)?);
    if call.fields.flag("is_temp", false)? {
        // Temporary sessions are for medical companies only, and the sandbox's are not. That the code is this one is
        // unverified.
        return Err(Refusal(48002));
    }
    let config_id = call.ids.hex();
    let mut way = ContactWay {
        qr_code: format!("{}/qr/{config_id}", call.base),
        config_id,
        created: call.now_s(),
        kind,
        scene,
        style: None,
        remark: String::new(),
        skip_verify: true,
        state: String::new(),
        user: Vec::new(),
        party: Vec::new(),
        is_exclusive: false,
    };
    change(call, &mut way)?;
    let mut answer = json!({"config_id": way.config_id});
    if scene == 2 {
        answer["qr_code"] = json!(way.qr_code);
    }
    let place = call.corp.next_channel();
    call.corp.channels.insert(place, Channel::ContactWay(way));
    fields(answer)
}

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let (_, way) = find(call)?;
    fields(json!({"contact_way": show(&way)}))
}

pub(super) fn list(call: &mut Call<'_>) -> Answer {
    const SCOPE: &str = "contact_way";
    let page = Page::read(call, SCOPE, 100, 1000)?;
    let now = call.now_s();
    let seconds = |name| {
        call.fields
            .integer(name)
            .map(|time| time.and_then(|time| u64::try_from(time).ok()))
    };
    let from = seconds("start_time")?.unwrap_or_else(|| now.saturating_sub(LIST_WINDOW_S));
    let to = seconds("end_time")?.unwrap_or(now);
    let start = page
        .after
        .as_deref()
        .and_then(|after| after.parse().ok())
        .map_or(0, |place: u64| place + 1);
    let ways = call
        .corp
        .channels
        .range(start..)
        .filter_map(|(place, channel)| match channel {
            Channel::ContactWay(way) if (from..=to).contains(&way.created) => {
                Some((place.to_string(), way))
            }
            _ => None,
        });
    let (ways, next_cursor) = page.take(SCOPE, ways);
    let ways: Vec<_> = ways
        .iter()
        .map(|way| json!({"config_id": way.config_id}))
        .collect();
    fields(json!({"contact_way": ways, "next_cursor": next_cursor}))
}

/// Changes what is given; users and departments replace the old ones.
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let (place, mut way) = find(call)?;
    change(call, &mut way)?;
    call.corp.channels.insert(place, Channel::ContactWay(way));
    done()
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let (place, _) = find(call)?;
    call.corp.channels.remove(&place);
    done()
}

fn find(call: &Call<'_>) -> Result<(u64, ContactWay), Refusal> {
    let config_id = call.fields.required("config_id", 41043)?;
    let mut ways = call
        .corp
        .channels
        .iter()
        .filter_map(|(place, channel)| match channel {
            Channel::ContactWay(way) => Some((*place, way)),
            Channel::Link(_) => None,
        });
    let found = ways.find(|(_, way)| way.config_id == config_id);
    found
        .map(|(place, way)| (place, way.clone()))
        .ok_or(Refusal(41044))
}

fn kind(fields: Fields<'_>) -> Result<i64, Refusal> {
    let kind = fields.integer("type")?.ok_or(Refusal(41037))?;
    if matches!(kind, 1 | 2) {
        Ok(kind)
    } else {
        Err(Refusal(41039))
    }
}

fn scene(fields: Fields<'_>) -> Result<i64, Refusal> {
    let scene = fields.integer("scene")?.ok_or(Refusal(41038))?;
    if matches!(scene, 1 | 2) {
        Ok(scene)
    } else {
        Err(Refusal(41040))
    }
}

/// Takes over the fields that are given, and checks the way as it is then.
fn change(call: &Call<'_>, way: &mut ContactWay) -> Result<(), Refusal> {
    let given = call.fields;
    if let Some(style) = given.integer("style")? {
        let styles = if way.kind == 1 { 1..=3 } else { 1..=2 };
        if !styles.contains(&style) {
            return Err(Refusal(41042));
        }
        way.style = Some(style);
    }
    if given.has("remark") {
        given.max_chars("remark", 30)?.clone_into(&mut way.remark);
    }
    if given.has("state") {
        given.max_chars("state", 30)?.clone_into(&mut way.state);
    }
    way.skip_verify = given.flag("skip_verify", way.skip_verify)?;
    way.is_exclusive = given.flag("is_exclusive", way.is_exclusive)?;
    if given.has("user") {
        way.user = known_users(call, &given.texts("user")?)?;
    }
    if given.has("party") {
        way.party = known_departments(call.corp, given.department_ids("party")?)?;
    }
    check_people(call.corp, way)
}

fn check_people(corp: &CorpState, way: &ContactWay) -> Result<(), Refusal> {
    if way.kind == 1 && !way.party.is_empty() {
        return Err(Refusal(40058));
    }
    if way.user.is_empty() && way.party.is_empty() {
        return Err(Refusal(40063));
    }
    let limit = if way.kind == 1 { 1 } else { MAX_PEOPLE };
    if corp.expand(&way.user, &way.party).len() > limit {
        return Err(Refusal(41041));
    }
    Ok(())
}

/// The members as the address book spells them.
pub(super) fn known_users(call: &Call<'_>, users: &[String]) -> Result<Vec<String>, Refusal> {
    let known = users.iter().map(|userid| {
        let userid = call.known_userid(userid)?;
        Ok(userid.to_string())
    });
    known.collect()
}

pub(super) fn known_departments(corp: &CorpState, ids: Vec<u32>) -> Result<Vec<u32>, Refusal> {
    let all_known = ids.iter().all(|id| corp.departments.contains_key(id));
    if all_known {
        Ok(ids)
    } else {
        Err(Refusal(60003))
    }
}

fn show(way: &ContactWay) -> Value {
    let mut shown = json!({
        "config_id": way.config_id,
        "type": way.kind,
        "scene": way.scene,
        "remark": way.remark,
        "skip_verify": way.skip_verify,
        "state": way.state,
        "user": way.user,
        "party": way.party,
        "is_temp": false,
        "is_exclusive": way.is_exclusive,
    });
    if let Some(style) = way.style {
        shown["style"] = json!(style);
    }
    if way.scene == 2 {
        shown["qr_code"] = json!(way.qr_code);
    }
    shown
}
