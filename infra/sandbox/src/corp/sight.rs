//! What can be seen of a relation from the outside.

use serde::Serialize;

use super::Corp;
use crate::model::{CorpState, Message, Relation};

/// A relation as it can be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RelationView {
    /// `half`, `full`, `left` (the customer left) or `removed` (the member removed the customer).
    pub standing: &'static str,
    /// The state by which the customer came.
    pub state: Option<String>,
    /// The member's remark.
    pub remark: String,
    /// The member's description.
    pub description: String,
    /// The corp tags.
    pub tags: Vec<AppliedTag>,
}

/// A corp tag on a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppliedTag {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The name of its group.
    pub group: String,
}

impl Corp {
    /// The chat as the customer sees it, oldest message first; empty for strangers.
    #[must_use]
    pub fn chat(&self, external_userid: &str, userid: &str) -> Vec<Message> {
        let now = self.sandbox.now();
        let chat = |_: &CorpState, relation: &Relation| relation.chat(now);
        self.look(external_userid, userid, chat).unwrap_or_default()
    }

    /// The corp tags of a relation; empty for strangers.
    #[must_use]
    pub fn tags(&self, external_userid: &str, userid: &str) -> Vec<AppliedTag> {
        self.look(external_userid, userid, applied_tags)
            .unwrap_or_default()
    }

    /// A relation as it stands; `None` for strangers.
    #[must_use]
    pub fn relation(&self, external_userid: &str, userid: &str) -> Option<RelationView> {
        self.look(external_userid, userid, |corp, relation| RelationView {
            standing: relation.standing.name(),
            state: relation.state.as_deref().map(str::to_owned),
            remark: relation.remark.to_string(),
            description: relation.description.to_string(),
            tags: applied_tags(corp, relation),
        })
    }

    fn look<T>(
        &self,
        external_userid: &str,
        userid: &str,
        look: impl FnOnce(&CorpState, &Relation) -> T,
    ) -> Option<T> {
        self.sandbox.read(|state| {
            let corp = state.corps.get(&self.id)?;
            Some(look(corp, corp.relation(userid, external_userid)?))
        })
    }
}

pub(crate) fn applied_tags(corp: &CorpState, relation: &Relation) -> Vec<AppliedTag> {
    let tags = relation.tag_ids.iter().filter_map(|id| {
        let (group, tag) = corp.tags.tag(id)?;
        Some(AppliedTag {
            id: id.to_string(),
            name: tag.name.clone(),
            group: group.name.clone(),
        })
    });
    tags.collect()
}
