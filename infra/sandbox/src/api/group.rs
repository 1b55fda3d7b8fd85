//! Customer groups (WeCom docs 92120, 92122).

use std::collections::HashSet;
use std::ops::Bound;

use serde_json::{Value, json};

use super::paging::Page;
use super::{Answer, Call, Refusal, check_userid, fields};
use crate::model::{Group, GroupMember, GroupStatus, Id};

/// Up to this number of members in the app's range, groups are listed without naming their owners.
const MAX_MEMBERS: usize = 1000;
/// Owners of one call.
const MAX_OWNERS: usize = 100;

/// The groups of the owners who are asked for, or of all that the app sees.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    const SCOPE: &str = "groupchat";
    let call = &*call;
    // Unlike elsewhere there is no default.
    let limit = call.fields.integer("limit")?.ok_or(Refusal(40058))?;
    if limit == 0 {
        return Err(Refusal(40058));
    }
    let page = Page::read(call, SCOPE, MAX_MEMBERS, 1000)?;
    let status = match call.fields.integer("status_filter")?.unwrap_or(0) {
        // 0 is all of them, and not those of status 0 alone.
        0 => None,
        status @ 1..=3 => Some(status),
        _ => return Err(Refusal(40058)),
    };
    let owners = owners(call)?;
    let start = page.after.as_deref().unwrap_or_default();
    let groups = call
        .corp
        .groups
        .range::<Id, _>((Bound::Excluded(Id::from(start)), Bound::Unbounded))
        .filter(|(_, group)| call.corp.shows_group(call.app, group))
        .filter(|(_, group)| status.is_none_or(|status| group.status.number() == status))
        .filter(|(_, group)| match &owners {
            Some(owners) => owners.contains(&group.owner.to_lowercase()),
            None => group.status != GroupStatus::OwnerLeft,
        });
    let rows = groups.map(|(chat_id, group)| {
        let row = json!({"chat_id": chat_id, "status": group.status.number()});
        (chat_id.to_string(), row)
    });
    let (rows, next_cursor) = page.take(SCOPE, rows);
    fields(json!({"group_chat_list": rows, "next_cursor": next_cursor}))
}

/// The owners to which the list is restricted, in lower case. Who has left may be among them: that is how their groups
/// are found.
fn owners(call: &Call<'_>) -> Result<Option<HashSet<String>>, Refusal> {
    let asked = match call.fields.object("owner_filter")? {
        Some(filter) => filter.texts("userid_list")?,
        None => Vec::new(),
    };
    if asked.is_empty() {
        let members = call.corp.members.values();
        let seen = members.filter(|member| call.corp.sees(call.app, member));
        return if seen.count() > MAX_MEMBERS {
            Err(Refusal(81017))
        } else {
            Ok(None)
        };
    }
    if asked.len() > MAX_OWNERS {
        return Err(Refusal(40032));
    }
    for userid in &asked {
        check_userid(userid)?;
        if call.corp.member(userid).is_some() {
            call.visible_member(userid)?;
        }
    }
    let owners = asked.iter().map(|userid| userid.to_lowercase());
    Ok(Some(owners.collect()))
}

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let call = &*call;
    let chat_id = call.fields.required("chat_id", 40063)?;
    let with_names = call.fields.integer("need_name")? == Some(1);
    let group = call.corp.groups.get(chat_id).ok_or(Refusal(40050))?;
    if group.dissolved {
        return Err(Refusal(49008));
    }
    if !call.corp.shows_group(call.app, group) {
        return Err(Refusal(60011));
    }
    fields(json!({"group_chat": show(call, chat_id, group, with_names)}))
}

fn show(call: &Call<'_>, chat_id: &str, group: &Group, with_names: bool) -> Value {
    let members = group.members.iter();
    let members: Vec<_> = members
        .map(|member| show_member(call, member, with_names))
        .collect();
    let admins: Vec<_> = group
        .admins
        .iter()
        .map(|userid| json!({"userid": userid}))
        .collect();
    json!({
        "chat_id": chat_id,
        "name": group.name,
        "owner": group.owner,
        "create_time": group.created,
        "notice": group.notice,
        "member_list": members,
        "admin_list": admins,
        "member_version": group.member_version,
    })
}

fn show_member(call: &Call<'_>, member: &GroupMember, with_names: bool) -> Value {
    let (name, unionid) = call.corp.names_of(member);
    let mut shown = json!({
        "userid": member.id,
        "type": member.kind,
        "join_time": member.joined,
        "join_scene": member.join_scene,
        "group_nickname": member.nickname,
    });
    if let Some(invitor) = &member.invitor {
        shown["invitor"] = json!({"userid": invitor});
    }
    if let Some(unionid) = unionid {
        shown["unionid"] = json!(unionid);
    }
    if let Some(state) = &member.state {
        shown["state"] = json!(state);
    }
    if with_names {
        shown["name"] = json!(name);
    }
    shown
}
