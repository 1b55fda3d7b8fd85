//! An add with everything that its handling found out: one change of the relation, so that it is written once.

use jiff::Timestamp;
use wecom::TagId;

use super::{Change, Counted, Observation, Reading, Relation, Trigger};

/// What an add does to a relation.
#[derive(Debug, Clone)]
pub struct AddRecord {
    /// What the event says.
    pub change: Change,
    /// The channel and the day for which it counts.
    pub counted: Option<Counted>,
    /// The customer as WeCom returned it, and when that call began.
    pub read: Option<(Observation, Timestamp)>,
    /// Tags that the bundle applied, and when.
    pub tagged: Option<(Vec<TagId>, Timestamp)>,
    /// The remark that the bundle has written.
    pub remark: Option<String>,
    /// The description that the bundle has written.
    pub description: Option<String>,
}

impl AddRecord {
    /// An add of which only the event is known.
    #[must_use]
    pub fn new(change: Change, counted: Option<Counted>) -> Self {
        Self {
            change,
            counted,
            read: None,
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
        if let Some((observation, at)) = &self.read {
            let reading = Reading {
                at: *at,
                trigger: Trigger::Event,
            };
            after = Relation::read(Some(&after), observation, reading);
        }
        if let Some((tags, at)) = &self.tagged {
            after = after.tagged(tags, *at);
        }
        let follow = &mut after.snapshot.follow;
        let written = [
            (&mut follow.remark, &self.remark),
            (&mut follow.description, &self.description),
        ];
        for (field, text) in written {
            if let Some(text) = text {
                *field = text.as_str().into();
            }
        }
        after
    }
}
