//! An add with all that its handling has found out: one change of the relation, so that it is written once.

use jiff::Timestamp;
use wecom::TagId;

use super::{Change, Counted, Relation};
use crate::relation::{Observation, Reading};

/// What an add does to a relation.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What the event says.
    pub change: Change,
    /// The channel and the day that it counts for.
    pub counted: Option<Counted>,
    /// The customer as WeCom returned it, and when that call began.
    pub told: Option<(Observation, Timestamp)>,
    /// Tags that the bundle applied, and when.
    pub tagged: Option<(Vec<TagId>, Timestamp)>,
    /// The remark that the bundle has written.
    pub remark: Option<String>,
    /// The description that the bundle has written.
    pub description: Option<String>,
}

impl Arrival {
    /// An add of which only the event is known.
    #[must_use]
    pub fn new(change: Change, counted: Option<Counted>) -> Self {
        Self {
            change,
            counted,
            told: None,
            tagged: None,
            remark: None,
            description: None,
        }
    }

    /// The relation after the add. What WeCom returned is older than what the bundle wrote afterwards.
    #[must_use]
    pub fn apply(&self, before: Option<&Relation>) -> Relation {
        let mut after = self.change.apply(before);
        if Relation::is_uncounted(before) {
            after.counted.clone_from(&self.counted);
        }
        if let Some((row, at)) = &self.told {
            let asked = Reading {
                at: *at,
                for_event: true,
            };
            after = Relation::read(Some(&after), row, asked);
        }
        if let Some((tags, at)) = &self.tagged {
            after = after.tagged(tags, *at);
        }
        let written = [
            (&mut after.told.remark, &self.remark),
            (&mut after.told.description, &self.description),
        ];
        for (field, text) in written {
            if let Some(text) = text {
                *field = text.as_str().into();
            }
        }
        after
    }
}
