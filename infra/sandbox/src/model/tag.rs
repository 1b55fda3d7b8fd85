//! Corp tags in their groups (WeCom doc 92117).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::CorpState;

/// Who made a tag group; only that app may change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MadeBy {
    App(String),
    Console,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TagGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: u64,
    pub(crate) order: u32,
    pub(crate) deleted: bool,
    pub(crate) made_by: MadeBy,
    pub(crate) tags: Vec<Tag>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: u64,
    pub(crate) order: u32,
    pub(crate) deleted: bool,
}

/// All tags of a corp. Deleted ones stay, because a query by id still returns them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct TagLibrary {
    pub(crate) groups: Vec<TagGroup>,
}

impl TagGroup {
    pub(crate) fn live_tags(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter().filter(|tag| !tag.deleted)
    }

    fn delete(&mut self) {
        self.deleted = true;
        self.tags.iter_mut().for_each(|tag| tag.deleted = true);
    }
}

impl TagLibrary {
    pub(crate) fn live_groups(&self) -> impl Iterator<Item = &TagGroup> {
        self.groups.iter().filter(|group| !group.deleted)
    }

    /// A tag that is not deleted, with its group.
    pub(crate) fn tag(&self, id: &str) -> Option<(&TagGroup, &Tag)> {
        let mut tags = self
            .live_groups()
            .flat_map(|group| group.live_tags().map(move |tag| (group, tag)));
        tags.find(|(_, tag)| tag.id == id)
    }

    pub(crate) fn group(&self, id: &str) -> Option<&TagGroup> {
        self.live_groups().find(|group| group.id == id)
    }

    pub(crate) fn group_mut(&mut self, id: &str) -> Option<&mut TagGroup> {
        self.groups
            .iter_mut()
            .find(|group| !group.deleted && group.id == id)
    }

    /// The group that `id` names, or to which the tag that `id` names belongs.
    pub(crate) fn group_of(&self, id: &str) -> Option<&TagGroup> {
        self.group(id)
            .or_else(|| self.tag(id).map(|(group, _)| group))
    }

    pub(crate) fn count(&self) -> usize {
        self.live_groups()
            .map(|group| group.live_tags().count())
            .sum()
    }

    /// Renames or reorders a tag or a group.
    pub(crate) fn change(&mut self, id: &str, name: Option<&str>, order: Option<u32>) {
        let live = self.groups.iter_mut().filter(|group| !group.deleted);
        for group in live {
            if group.id == id {
                set(&mut group.name, &mut group.order, name, order);
            }
            for tag in group.tags.iter_mut().filter(|tag| tag.id == id) {
                set(&mut tag.name, &mut tag.order, name, order);
            }
        }
    }

    /// Deletes a tag or a group; a group whose last tag goes, goes with it.
    fn delete(&mut self, id: &str) {
        if let Some(group) = self.group_mut(id) {
            return group.delete();
        }
        let Some(group_id) = self.tag(id).map(|(group, _)| group.id.clone()) else {
            return;
        };
        if let Some(group) = self.group_mut(&group_id) {
            group
                .tags
                .iter_mut()
                .filter(|tag| tag.id == id)
                .for_each(|tag| tag.deleted = true);
            if group.live_tags().next().is_none() {
                group.delete();
            }
        }
    }
}

impl CorpState {
    /// Deletes a tag or a group, and takes it off every customer.
    pub(crate) fn delete_tag(&mut self, id: &str) {
        self.tags.delete(id);
        let live_groups = self.tags.live_groups();
        let live: HashSet<&str> = live_groups
            .flat_map(|group| group.live_tags().map(|tag| tag.id.as_str()))
            .collect();
        for relation in self.relations.values_mut() {
            relation.tag_ids.retain(|id| live.contains(&**id));
        }
    }
}

fn set(own_name: &mut String, own_order: &mut u32, name: Option<&str>, order: Option<u32>) {
    if let Some(name) = name {
        name.clone_into(own_name);
    }
    *own_order = order.unwrap_or(*own_order);
}
