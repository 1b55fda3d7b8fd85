//! What an administrator does to corp tags in the console (WeCom doc 92130).

use super::{Corp, VerbError};
use crate::callback::{self, Happened};
use crate::journal::EventId;
use crate::model::{CorpState, Ids, MadeBy, Tag, TagGroup};

const EVENT: &str = "change_external_tag";

/// A tag that was made in the console.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsoleTag {
    /// Its id.
    pub id: String,
    /// The event about it, per app.
    pub events: Vec<EventId>,
}

/// A tag group that was made in the console.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsoleTagGroup {
    /// Its id.
    pub group_id: String,
    /// The ids of its tags, in the order of their names as given.
    pub tag_ids: Vec<String>,
    /// The events about it: one for the group and one per tag, all in the same second, per app.
    pub events: Vec<EventId>,
}

impl Corp {
    /// Makes a tag group with tags.
    ///
    /// # Errors
    ///
    /// Never for a corp of this sandbox.
    pub fn console_creates_tags(
        &self,
        group: &str,
        tags: &[&str],
    ) -> Result<ConsoleTagGroup, VerbError> {
        let created = self.now_s();
        let ((group_id, tag_ids), events) = self.publish(|corp, ids| {
            let group = new_group(group, tags, created, ids);
            let group_id = group.id.clone();
            let tag_ids: Vec<String> = group.tags.iter().map(|tag| tag.id.clone()).collect();
            corp.tags.groups.push(group);
            let mut events = about_tag(corp, "create", &group_id, "tag_group");
            events.extend(
                tag_ids
                    .iter()
                    .flat_map(|id| about_tag(corp, "create", id, "tag")),
            );
            Ok(((group_id, tag_ids), events))
        })?;
        Ok(ConsoleTagGroup {
            group_id,
            tag_ids,
            events,
        })
    }

    /// Adds a tag to a group.
    ///
    /// # Errors
    ///
    /// When there is no such group.
    pub fn console_adds_tag(&self, group_id: &str, name: &str) -> Result<ConsoleTag, VerbError> {
        let created = self.now_s();
        let (id, events) = self.publish(|corp, ids| {
            let group = corp.tags.group_mut(group_id).ok_or(VerbError::NoTag)?;
            let tag = new_tag(name, created, ids);
            let id = tag.id.clone();
            group.tags.push(tag);
            let events = about_tag(corp, "create", &id, "tag");
            Ok((id, events))
        })?;
        Ok(ConsoleTag { id, events })
    }

    /// Puts the tags of a group, or without a group the groups themselves, into this order. Ids that are left out keep
    /// the `order` they had. The event names the group, or none (WeCom doc 92130).
    ///
    /// # Errors
    ///
    /// When the group, a tag of it or one of the groups is not there.
    pub fn console_orders_tags(
        &self,
        group_id: Option<&str>,
        ids: &[&str],
    ) -> Result<Vec<EventId>, VerbError> {
        let ((), events) = self.publish(|corp, _| {
            if group_id.is_some_and(|id| corp.tags.group(id).is_none()) {
                return Err(VerbError::NoTag);
            }
            let belongs = |id: &&str| match group_id {
                Some(group_id) => corp
                    .tags
                    .tag(id)
                    .is_some_and(|(group, _)| group.id == group_id),
                None => corp.tags.group(id).is_some(),
            };
            if !ids.iter().all(belongs) {
                return Err(VerbError::NoTag);
            }
            // The larger number comes first.
            for (order, id) in (1..).zip(ids.iter().rev()) {
                corp.tags.change(id, None, Some(order));
            }
            let fields = [("Id", group_id.unwrap_or_default())];
            let events = callback::event_for_all(corp, EVENT, "shuffle", &fields);
            Ok(((), events))
        })?;
        Ok(events)
    }

    /// Renames a tag or a tag group.
    ///
    /// # Errors
    ///
    /// When there is none of this id.
    pub fn console_renames_tag(&self, id: &str, name: &str) -> Result<Vec<EventId>, VerbError> {
        let ((), events) = self.publish(|corp, _| {
            let kind = kind_of(corp, id)?;
            corp.tags.change(id, Some(name), None);
            Ok(((), about_tag(corp, "update", id, kind)))
        })?;
        Ok(events)
    }

    /// Deletes a tag or a tag group; the tags of a deleted group have no events of their own.
    ///
    /// # Errors
    ///
    /// When there is none of this id.
    pub fn console_deletes_tag(&self, id: &str) -> Result<Vec<EventId>, VerbError> {
        let ((), events) = self.publish(|corp, _| {
            let kind = kind_of(corp, id)?;
            corp.delete_tag(id);
            Ok(((), about_tag(corp, "delete", id, kind)))
        })?;
        Ok(events)
    }
}

fn new_group(name: &str, tags: &[&str], created: u64, ids: &mut Ids) -> TagGroup {
    let tags = tags.iter().map(|name| new_tag(name, created, ids));
    let tags = tags.collect();
    TagGroup {
        id: ids.word("et", 30),
        name: name.to_owned(),
        created,
        order: 0,
        deleted: false,
        made_by: MadeBy::Console,
        tags,
    }
}

fn new_tag(name: &str, created: u64, ids: &mut Ids) -> Tag {
    Tag {
        id: ids.word("et", 30),
        name: name.to_owned(),
        created,
        order: 0,
        deleted: false,
    }
}

fn kind_of(corp: &CorpState, id: &str) -> Result<&'static str, VerbError> {
    match (corp.tags.group(id), corp.tags.tag(id)) {
        (Some(_), _) => Ok("tag_group"),
        (None, Some(_)) => Ok("tag"),
        (None, None) => Err(VerbError::NoTag),
    }
}

fn about_tag(corp: &CorpState, change: &str, id: &str, kind: &str) -> Vec<Happened> {
    let fields = [("Id", id), ("TagType", kind)];
    callback::event_for_all(corp, EVENT, change, &fields)
}
