//! Members, departments and the app itself (WeCom docs 90196, 95350).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Answer, Call, Refusal, fields};
use crate::model::{Department, Member, Range};

/// What an app of today sees of a member: no avatar, gender, phone number or e-mail address.
pub(super) fn user(call: &mut Call<'_>) -> Answer {
    let member = call.visible_member(call.fields.required("userid", 41009)?)?;
    let zeros = vec![0; member.departments.len()];
    fields(json!({
        "userid": member.userid,
        "name": member.name,
        "department": member.departments,
        "order": zeros,
        "is_leader_in_dept": zeros,
        "direct_leader": [],
        "position": member.position,
        "status": member.status.number(),
        "main_department": member.departments.first(),
        "alias": member.alias,
        "external_position": "",
    }))
}

/// The members of a department, with those below it if `fetch_child` is 1.
pub(super) fn users(call: &mut Call<'_>) -> Answer {
    let id = call.fields.digits("department_id")?.ok_or(Refusal(60123))?;
    check_department(call, id)?;
    let with_children = call.fields.digits("fetch_child")? == Some(1);
    let belongs = |member: &&Member| {
        let mut departments = member.departments.iter();
        departments.any(|own| *own == id || with_children && call.corp.lies_below(*own, id))
    };
    let members = call.corp.members.values().filter(belongs);
    let rows: Vec<Value> = members
        .map(|member| json!({"userid": member.userid, "name": member.name, "department": member.departments}))
        .collect();
    fields(json!({"userlist": rows}))
}

/// The ids of a department and all below it, or of all.
pub(super) fn department_ids(call: &mut Call<'_>) -> Answer {
    let show = |id: &u32, department: &Department| json!({"id": id, "parentid": department.parent_id, "order": 0});
    let rows = departments_below(call, show)?;
    fields(json!({"department_id": rows}))
}

/// A department and all below it with their names, or all.
pub(super) fn departments(call: &mut Call<'_>) -> Answer {
    let show = |id: &u32, department: &Department| {
        let Department {
            name, parent_id, ..
        } = department;
        json!({"id": id, "name": name, "parentid": parent_id, "order": 0})
    };
    let rows = departments_below(call, show)?;
    fields(json!({"department": rows}))
}

fn departments_below(
    call: &Call<'_>,
    show: impl Fn(&u32, &Department) -> Value,
) -> Result<Vec<Value>, Refusal> {
    let top = call.fields.digits("id")?;
    if let Some(top) = top {
        check_department(call, top)?;
    }
    let below = |id: u32| top.is_none_or(|top| call.corp.lies_below(id, top));
    let departments = call.corp.departments.iter();
    let seen = departments.filter(|(id, _)| call.corp.sees_department(call.app, **id));
    Ok(seen
        .filter(|(id, _)| below(**id))
        .map(|(id, department)| show(id, department))
        .collect())
}

/// A department must be there (60003) and in the range of the app (60011).
fn check_department(call: &Call<'_>, id: u32) -> Result<(), Refusal> {
    if !call.corp.departments.contains_key(&id) {
        Err(Refusal(60003))
    } else if !call.corp.sees_department(call.app, id) {
        Err(Refusal(60011))
    } else {
        Ok(())
    }
}

/// The calling app with its visible range: the root department if it sees everybody.
pub(super) fn agent(call: &mut Call<'_>) -> Answer {
    let id = call.fields.digits("agentid")?.ok_or(Refusal(41011))?;
    let app = call
        .corp
        .app(call.app)
        .filter(|app| app.agent_id == u64::from(id));
    let app = app.ok_or(Refusal(301_002))?;
    let everybody = Range {
        users: BTreeSet::new(),
        departments: BTreeSet::from([1]),
    };
    let range = call.corp.ranges.get(call.app).unwrap_or(&everybody);
    // Who has left is in no range.
    let users = range.users.iter().filter_map(|id| call.corp.member(id));
    let users: Vec<Value> = users
        .map(|member| json!({"userid": member.userid}))
        .collect();
    fields(json!({
        "agentid": app.agent_id,
        "name": app.name,
        "close": 0,
        "allow_userinfos": {"user": users},
        "allow_partys": {"partyid": range.departments},
        "allow_tags": {"tagid": []},
    }))
}

/// Addresses of WeCom's own servers: a server asks for them before it lets callbacks in, or to open its connection
/// ahead of the first call (WeCom doc 90930).
pub(super) fn addresses(_: &mut Call<'_>) -> Answer {
    fields(json!({"ip_list": ["127.0.0.1"]}))
}
