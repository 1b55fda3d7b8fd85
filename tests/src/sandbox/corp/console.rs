//! What an administrator does to corp tags in the console (WeCom doc 92130).

use super::{Corp, VerbError};
use crate::sandbox::callback::{self, Happened};
use crate::sandbox::journal::EventId;
use crate::sandbox::model::{CorpState, Ids, MadeBy, Tag, TagGroup, unix_ms};

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
        let ((group_id, tag_ids), events) = self.publish(|corp, ids| {
            let group = new_group(group, tags, ids);
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

fn new_group(name: &str, tags: &[&str], ids: &mut Ids) -> TagGroup {
    let created = unix_ms() / 1000;
    let tags = tags.iter().map(|name| Tag {
        id: ids.word("et", 30),
        name: (*name).to_owned(),
        created,
        order: 0,
        deleted: false,
    });
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

fn kind_of(corp: &CorpState, id: &str) -> Result<&'static str, VerbError> {
    match (corp.tags.group(id), corp.tags.tag(id)) {
        (Some(_), _) => Ok("tag_group"),
        (None, Some(_)) => Ok("tag"),
        (None, None) => Err(VerbError::NoTag),
    }
}

fn about_tag(corp: &CorpState, change: &str, id: &str, kind: &str) -> Vec<Happened> {
    let fields = [("Id", id), ("TagType", kind)];
    callback::event_for_all(corp, "change_external_tag", change, &fields)
}
