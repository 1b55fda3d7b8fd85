//! Follow users, customers and remarks (WeCom docs 92571, 92113, 92114, 92994, 92115).

use std::collections::BTreeSet;
use std::ops::Bound;

use serde_json::{Value, json};

use super::paging::Page;
use super::{Answer, Call, Refusal, done, fields};
use crate::model::moment::unix_s_of;
use crate::model::{CorpState, Customer, Id, Pair, Relation};

/// The members who have the function and are visible to the app.
pub(super) fn follow_users(call: &mut Call<'_>) -> Answer {
    let members = call.corp.members.values();
    let shown = members.filter(|member| member.has_function && call.corp.sees(call.app, member));
    let userids: Vec<_> = shown.map(|member| &member.userid).collect();
    fields(json!({"follow_user": userids}))
}

/// All customers of a member; a member without any gets 84061.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let userid = call.userid("userid")?;
    let shown = relations_of(call, &userid, "");
    let ids: Vec<_> = shown
        .map(|((_, external_userid), _)| external_userid)
        .collect();
    if ids.is_empty() {
        return Err(Refusal(84061));
    }
    fields(json!({"external_userid": ids}))
}

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    const SCOPE: &str = "follow_user";
    const FOLLOWERS_PER_PAGE: usize = 500;
    let external_userid = call.fields.required("external_userid", 41035)?;
    let customer = call
        .corp
        .customers
        .get(external_userid)
        .ok_or(Refusal(40096))?;
    let page = Page::read(call, SCOPE, FOLLOWERS_PER_PAGE, FOLLOWERS_PER_PAGE)?;
    let followers = customer.followers.iter();
    let open = followers.filter_map(|userid| {
        let pair = call.corp.pair(userid, external_userid)?;
        let relation = call.corp.relations.get(&pair)?;
        relation.is_open().then_some((pair, relation))
    });
    let mut open = open.peekable();
    if open.peek().is_none() {
        return Err(Refusal(84061));
    }
    let mut shown = open
        .filter(|(pair, relation)| call.corp.shows(call.app, pair, relation))
        .peekable();
    // A customer of members out of this app's range does not exist for it.
    if shown.peek().is_none() {
        return Err(Refusal(40096));
    }
    let is_before = |userid: &Id| {
        page.after
            .as_deref()
            .is_some_and(|after| **userid <= *after)
    };
    let rest = shown.skip_while(|((userid, _), _)| is_before(userid));
    let rows = rest.map(|(pair, relation)| {
        let mut row = show_relation(&pair, relation);
        row["tags"] = show_tags(call.corp, relation);
        (pair.0.to_string(), row)
    });
    let (follow_user, next_cursor) = page.take(SCOPE, rows);
    let mut answer = json!({"external_contact": show_customer(external_userid, customer), "follow_user": follow_user});
    if !next_cursor.is_empty() {
        answer["next_cursor"] = json!(next_cursor);
    }
    fields(answer)
}

/// One row per member and customer, in the order of the pairs.
pub(super) fn batch_get(call: &mut Call<'_>) -> Answer {
    const SCOPE: &str = "get_by_user";
    let page = Page::read(call, SCOPE, 50, 100)?;
    let asked = call.fields.texts("userid_list")?;
    match asked.len() {
        0 => return Err(Refusal(40063)),
        1..=100 => {}
        _ => return Err(Refusal(40032)),
    }
    let userids: Result<BTreeSet<_>, _> = asked
        .iter()
        .map(|userid| call.known_userid(userid))
        .collect();
    let is_licensed =
        |userid: &Id| (call.corp.member(userid.as_str())).is_none_or(|member| member.licensed);
    let (licensed, unlicensed): (BTreeSet<_>, BTreeSet<_>) =
        userids?.into_iter().partition(is_licensed);
    let after = page
        .after
        .as_deref()
        .and_then(|after| after.split_once('\n'));
    let (last_userid, last_external) = after.unwrap_or_default();
    let call = &*call;
    let rows = licensed
        .into_iter()
        .filter(|userid| userid.as_str() >= last_userid)
        .flat_map(|userid| {
            let from = if *userid == *last_userid {
                last_external
            } else {
                ""
            };
            relations_of(call, &userid, from)
        })
        .filter_map(|(pair, relation)| {
            let (userid, external_userid) = pair;
            let mut row = show_relation(pair, relation);
            row["tag_id"] = json!(relation.tag_ids);
            let customer = call.corp.customers.get(external_userid)?;
            let customer = show_customer(external_userid, customer);
            let row = json!({"external_contact": customer, "follow_info": row});
            Some((format!("{userid}\n{external_userid}"), row))
        });
    let (rows, next_cursor) = page.take(SCOPE, rows);
    let mut answer = json!({"external_contact_list": rows, "next_cursor": next_cursor});
    if !unlicensed.is_empty() {
        answer["fail_info"] = json!({"unlicensed_userid_list": unlicensed});
    }
    fields(answer)
}

/// Sets what is given; it is written as `remark_company` and read back as `remark_corp_name`.
pub(super) fn remark(call: &mut Call<'_>) -> Answer {
    let pair = call.open_pair()?;
    let given = call.fields;
    let names = [
        "remark",
        "description",
        "remark_company",
        "remark_mobiles",
        "remark_pic_mediaid",
    ];
    if !names.iter().any(|name| given.has(name)) {
        return Err(Refusal(40063));
    }
    let remark = given.max_chars("remark", 20)?;
    let description = given.max_chars("description", 150)?;
    let company = given.max_chars("remark_company", 20)?;
    let mobiles = given.texts("remark_mobiles")?;
    if let Some(media_id) = given.text("remark_pic_mediaid")? {
        call.corp.media.get(media_id).ok_or(Refusal(40007))?;
    }
    let relation = call.corp.relations.get_mut(&pair).ok_or(Refusal(84061))?;
    if given.has("remark") {
        relation.remark = remark.into();
    }
    if given.has("description") {
        relation.description = description.into();
    }
    if given.has("remark_company") {
        relation.remark_corp_name = company.into();
    }
    if given.has("remark_mobiles") {
        // A list with one empty text clears the numbers.
        relation.remark_mobiles = mobiles
            .into_iter()
            .filter(|mobile| !mobile.is_empty())
            .collect();
    }
    done()
}

/// A member's relations that the app sees, with customers whose ids come after `after`. However many relations the corp
/// has, this looks only at the member's.
fn relations_of<'a>(
    call: &'a Call<'_>,
    userid: &Id,
    after: &str,
) -> impl Iterator<Item = (&'a Pair, &'a Relation)> + use<'a> {
    let start = Bound::Excluded((userid.clone(), Id::from(after)));
    let userid = userid.clone();
    let (corp, app) = (&*call.corp, call.app);
    let from_start = corp.relations.range((start, Bound::Unbounded));
    let own = from_start.take_while(move |((member, _), _)| *member == userid);
    own.map(|(pair, relation)| (pair, relation.as_ref()))
        .filter(move |(pair, relation)| corp.shows(app, pair, relation))
}

fn show_customer(external_userid: &str, customer: &Customer) -> Value {
    let mut shown = json!({
        "external_userid": external_userid,
        "name": customer.name,
        "type": customer.kind,
        "avatar": customer.avatar(external_userid),
        "gender": customer.gender,
    });
    if let Some(company) = &customer.company {
        shown["corp_name"] = json!(company);
    }
    if let Some(unionid) = &customer.unionid {
        shown["unionid"] = json!(unionid);
    }
    shown
}

fn show_relation(pair: &Pair, relation: &Relation) -> Value {
    let (userid, _) = pair;
    let mut shown = json!({
        "userid": userid,
        "remark": relation.remark,
        "description": relation.description,
        "createtime": unix_s_of(relation.created),
        "oper_userid": relation.oper_userid(pair),
        "add_way": relation.add_way,
    });
    if !relation.remark_corp_name.is_empty() {
        shown["remark_corp_name"] = json!(relation.remark_corp_name);
    }
    if !relation.remark_mobiles.is_empty() {
        shown["remark_mobiles"] = json!(relation.remark_mobiles);
    }
    if let Some(state) = &relation.state {
        shown["state"] = json!(state);
    }
    shown
}

fn show_tags(corp: &CorpState, relation: &Relation) -> Value {
    let tags = relation.tag_ids.iter().filter_map(|id| {
        let (group, tag) = corp.tags.tag(id)?;
        Some(json!({"group_name": group.name, "tag_name": tag.name, "tag_id": id, "type": 1}))
    });
    tags.collect()
}
