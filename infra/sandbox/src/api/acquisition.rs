//! Customer acquisition links 「获客助手」 (WeCom doc 97297). An app sees only its own.

use serde_json::json;

use super::contact_way::{known_departments, known_users};
use super::paging::Page;
use super::{Answer, Call, Refusal, done, fields};
use crate::model::{AcquisitionLink, Channel};

/// Members of one link, departments expanded.
const MAX_PEOPLE: usize = 500;

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let link_id = call.ids.word("cawcde", 14);
    let mut link = AcquisitionLink {
        url: format!("{}/ca/{link_id}", call.base),
        link_id,
        app: call.app.to_owned(),
        name: String::new(),
        created: call.now_s(),
        skip_verify: true,
        users: Vec::new(),
        departments: Vec::new(),
    };
    change(call, &mut link)?;
    let answer = json!({"link": {
        "link_id": link.link_id, "link_name": link.name, "url": link.url, "create_time": link.created,
    }});
    let place = call.corp.next_channel();
    call.corp.channels.insert(place, Channel::Link(link));
    fields(answer)
}

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let (_, link) = find(call)?;
    fields(json!({
        "link": {
            "link_id": link.link_id, "link_name": link.name, "url": link.url,
            "create_time": link.created, "skip_verify": link.skip_verify,
        },
        "range": {"user_list": link.users, "department_list": link.departments},
    }))
}

pub(super) fn list(call: &mut Call<'_>) -> Answer {
    const SCOPE: &str = "link";
    let page = Page::read(call, SCOPE, 100, 100)?;
    let start = page
        .after
        .as_deref()
        .and_then(|after| after.parse().ok())
        .map_or(0, |place: u64| place + 1);
    let links = call
        .corp
        .channels
        .range(start..)
        .filter_map(|(place, channel)| match channel {
            Channel::Link(link) if link.app == call.app => Some((place.to_string(), &link.link_id)),
            _ => None,
        });
    let (ids, next_cursor) = page.take(SCOPE, links);
    fields(json!({"link_id_list": ids, "next_cursor": next_cursor}))
}

pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let (place, mut link) = find(call)?;
    change(call, &mut link)?;
    call.corp.channels.insert(place, Channel::Link(link));
    done()
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let (place, _) = find(call)?;
    call.corp.channels.remove(&place);
    done()
}

/// The customers that came by a link.
pub(super) fn customers(call: &mut Call<'_>) -> Answer {
    let (_, link) = find(call)?;
    let scope = format!("link {}", link.link_id);
    let page = Page::read(call, &scope, 1000, 1000)?;
    let came = call.corp.relations.iter().filter(|(pair, relation)| {
        let is_own = relation.link_id.as_deref() == Some(link.link_id.as_str());
        is_own && call.corp.shows(call.app, pair, relation)
    });
    let rows = came.map(|((userid, external_userid), relation)| {
        let row = json!({
            "external_userid": external_userid, "userid": userid,
            "chat_status": i32::from(relation.chatting), "state": relation.state.as_deref().unwrap_or_default(),
        });
        (format!("{userid}\n{external_userid}"), row)
    });
    let rest = rows.skip_while(|(key, _)| page.after.as_ref().is_some_and(|after| key <= after));
    let (customers, next_cursor) = page.take(&scope, rest);
    fields(json!({"customer_list": customers, "next_cursor": next_cursor}))
}

/// What may still be used (WeCom doc 97375).
pub(super) fn quota(call: &mut Call<'_>) -> Answer {
    let quota = &call.corp.quota;
    let purchases = quota.purchases.iter();
    let purchases: Vec<_> = purchases
        .map(|purchase| json!({"expire_date": purchase.expires, "balance": purchase.balance}))
        .collect();
    fields(json!({"total": quota.used, "balance": quota.balance(), "quota_list": purchases}))
}

/// The code for an unknown link is unverified.
fn find(call: &Call<'_>) -> Result<(u64, AcquisitionLink), Refusal> {
    let link_id = call.fields.required("link_id", 40063)?;
    let mut own = call
        .corp
        .channels
        .iter()
        .filter_map(|(place, channel)| match channel {
            Channel::Link(link) if link.app == call.app => Some((*place, link)),
            _ => None,
        });
    let found = own.find(|(_, link)| link.link_id == link_id);
    found
        .map(|(place, link)| (place, link.clone()))
        .ok_or(Refusal(40058))
}

/// Takes over the fields that are given; a range replaces the old one as a whole.
fn change(call: &Call<'_>, link: &mut AcquisitionLink) -> Result<(), Refusal> {
    let given = call.fields;
    if link.name.is_empty() || given.has("link_name") {
        given.required("link_name", 40063)?;
        given.max_chars("link_name", 30)?.clone_into(&mut link.name);
    }
    link.skip_verify = given.flag("skip_verify", link.skip_verify)?;
    if let Some(range) = given.object("range")? {
        link.users = known_users(call, &range.texts("user_list")?)?;
        link.departments = known_departments(call.corp, range.department_ids("department_list")?)?;
    }
    if link.users.is_empty() && link.departments.is_empty() {
        return Err(Refusal(40063));
    }
    if call.corp.expand(&link.users, &link.departments).len() > MAX_PEOPLE {
        return Err(Refusal(40058));
    }
    if given.has("priority_option") {
        // Only for some lines of business, and the sandbox's corps are of none of them.
        return Err(Refusal(41200));
    }
    Ok(())
}
