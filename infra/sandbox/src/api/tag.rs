//! Corp tags (WeCom docs 92117, 92118).

use serde_json::{Value, json};

use super::{Answer, Call, Claim, Fields, Refusal, done, fields};
use crate::model::{Id, MadeBy, Tag, TagGroup};

const MAX_TAGS: usize = 10_000;
const MAX_TAGS_PER_CALL: usize = 1000;

/// Everything, or by id; asked by id, deleted ones are shown as such. Group ids win over tag ids.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let (tag_ids, group_ids) = (call.fields.texts("tag_id")?, call.fields.texts("group_id")?);
    let library = &call.corp.tags;
    let knows = |id: &String| {
        let mut tags = library.groups.iter().flat_map(|group| &group.tags);
        tags.any(|tag| tag.id == *id)
    };
    // That an unknown id is refused here, and not left out, is unverified (WeCom doc 90313 has the code).
    if group_ids.is_empty() && !tag_ids.iter().all(knows) {
        return Err(Refusal(40068));
    }
    let groups: Vec<Value> = if !group_ids.is_empty() {
        let asked = library
            .groups
            .iter()
            .filter(|group| group_ids.contains(&group.id));
        asked
            .map(|group| show_group(group, |_| true, false))
            .collect()
    } else if !tag_ids.is_empty() {
        let of_asked = |group: &&TagGroup| group.tags.iter().any(|tag| tag_ids.contains(&tag.id));
        let asked = library.groups.iter().filter(of_asked);
        asked
            .map(|group| show_group(group, |tag| tag_ids.contains(&tag.id), true))
            .collect()
    } else {
        library
            .live_groups()
            .map(|group| show_group(group, |tag| !tag.deleted, true))
            .collect()
    };
    fields(json!({"tag_group": groups}))
}

/// Makes a group with tags, or adds tags to a group of the same app.
pub(super) fn add(call: &mut Call<'_>) -> Answer {
    let wanted = read_new_tags(call.fields)?;
    if call.corp.tags.count() + wanted.len() > MAX_TAGS {
        return Err(Refusal(40126));
    }
    let group_id = find_or_make_group(call)?;
    let created = call.now_s();
    let group = call.corp.tags.group_mut(&group_id).ok_or(Refusal(40068))?;
    for (name, order) in wanted {
        // The same name twice in a group is one tag.
        if group.live_tags().any(|tag| tag.name == name) {
            continue;
        }
        let id = call.ids.word("et", 30);
        group.tags.push(Tag {
            id,
            name,
            created,
            order,
            deleted: false,
        });
    }
    fields(json!({"tag_group": show_group(group, |tag| !tag.deleted, true)}))
}

pub(super) fn edit(call: &mut Call<'_>) -> Answer {
    let id = call.fields.required("id", 40068)?;
    let order = order(call.fields)?;
    check_owner(call, id)?;
    let name = call
        .fields
        .text("name")?
        .map(|_| name(call.fields, "name"))
        .transpose()?;
    let library = &call.corp.tags;
    let is_group = library.group(id).is_some();
    if let Some(name) = name {
        let collides = if is_group {
            library
                .live_groups()
                .any(|group| group.id != id && group.name == name)
        } else {
            let group = library.group_of(id).ok_or(Refusal(40068))?;
            group
                .live_tags()
                .any(|tag| tag.id != id && tag.name == name)
        };
        if collides {
            return Err(Refusal(40071));
        }
    }
    call.corp.tags.change(id, name, order);
    done()
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let ids = [call.fields.texts("tag_id")?, call.fields.texts("group_id")?].concat();
    if ids.is_empty() {
        return Err(Refusal(40063));
    }
    for id in &ids {
        check_owner(call, id)?;
    }
    for id in &ids {
        call.corp.delete_tag(id);
    }
    done()
}

/// Two calls about one pair exclude each other while they are under way.
pub(super) fn claim(call: &mut Call<'_>) -> Result<Claim, Refusal> {
    let pair = call.open_pair()?;
    if call.corp.marking.insert(pair.clone()) {
        Ok(Claim::Tags(pair))
    } else {
        Err(Refusal(45035))
    }
}

/// Any app may apply any corp tag.
pub(super) fn mark(call: &mut Call<'_>) -> Answer {
    let pair = call.open_pair()?;
    let (add, remove) = (
        call.fields.texts("add_tag")?,
        call.fields.texts("remove_tag")?,
    );
    match add.len() + remove.len() {
        0 => return Err(Refusal(40063)),
        1..=MAX_TAGS_PER_CALL => {}
        _ => return Err(Refusal(41111)),
    }
    if add
        .iter()
        .chain(&remove)
        .any(|id| call.corp.tags.tag(id).is_none())
    {
        return Err(Refusal(40068));
    }
    let relation = call.corp.relations.get_mut(&pair).ok_or(Refusal(84061))?;
    relation.tag(add.into_iter().map(Id::from));
    relation.untag(&remove);
    done()
}

fn read_new_tags(fields: Fields<'_>) -> Result<Vec<(String, u32)>, Refusal> {
    let tags = fields
        .array("tag")?
        .filter(|tags| !tags.is_empty())
        .ok_or(Refusal(40063))?;
    let tags = tags.iter().map(|tag| {
        let tag = Fields(tag.as_object().ok_or(Refusal(40035))?);
        Ok((name(tag, "name")?.to_owned(), order(tag)?.unwrap_or(0)))
    });
    tags.collect()
}

/// The group that is named by id or by name. An empty id is an error of its own, so an app that has none must leave the
/// field out.
fn find_or_make_group(call: &mut Call<'_>) -> Result<String, Refusal> {
    let by_id = call.fields.text("group_id")?;
    let existing = match by_id {
        Some(id) => Some(call.corp.tags.group(id).ok_or(Refusal(40068))?),
        None => {
            let name = name(call.fields, "group_name")?;
            call.corp
                .tags
                .live_groups()
                .find(|group| group.name == name)
        }
    };
    if let Some(group) = existing {
        // That a group of the console cannot be extended follows from the rule; it is unverified.
        let own = group.made_by == MadeBy::App(call.app.to_owned());
        return if own {
            Ok(group.id.clone())
        } else {
            Err(Refusal(81011))
        };
    }
    let group = TagGroup {
        id: call.ids.word("et", 30),
        name: name(call.fields, "group_name")?.to_owned(),
        created: call.now_s(),
        order: order(call.fields)?.unwrap_or(0),
        deleted: false,
        made_by: MadeBy::App(call.app.to_owned()),
        tags: Vec::new(),
    };
    let id = group.id.clone();
    call.corp.tags.groups.push(group);
    Ok(id)
}

fn check_owner(call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    let group = call.corp.tags.group_of(id).ok_or(Refusal(40068))?;
    if group.made_by == MadeBy::App(call.app.to_owned()) {
        Ok(())
    } else {
        Err(Refusal(81011))
    }
}

fn name<'a>(fields: Fields<'a>, field: &str) -> Result<&'a str, Refusal> {
    let name = fields.required(field, 40063)?;
    if name.chars().count() > 30 {
        return Err(Refusal(40072));
    }
    Ok(name)
}

/// 0 to 2^32 - 1.
fn order(fields: Fields<'_>) -> Result<Option<u32>, Refusal> {
    let order = fields.integer("order")?;
    order
        .map(|order| u32::try_from(order).map_err(|_| Refusal(40035)))
        .transpose()
}

/// A deleted group is returned only by a query with the id of one of its tags.
fn show_group(group: &TagGroup, keep: impl Fn(&Tag) -> bool, tell_deleted: bool) -> Value {
    let tags = group.tags.iter().filter(|tag| keep(tag));
    let tags: Vec<Value> = tags.map(show_tag).collect();
    let mut shown = json!({
        "group_id": group.id, "group_name": group.name, "create_time": group.created, "order": group.order, "tag": tags,
    });
    if group.deleted && tell_deleted {
        shown["deleted"] = json!(true);
    }
    shown
}

fn show_tag(tag: &Tag) -> Value {
    let mut shown =
        json!({"id": tag.id, "name": tag.name, "create_time": tag.created, "order": tag.order});
    if tag.deleted {
        shown["deleted"] = json!(true);
    }
    shown
}
