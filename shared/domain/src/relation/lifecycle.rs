//! Whether a relation holds, since when, and how that is known.
//!
//! ```text
//!            add event, listed by WeCom
//!   (none) ───────────────────────────▶ Active ◀──── add event after the end, or listed again
//!                                       │ │ │
//!         del_follow_user event ────────┘ │ └──────── del_external_contact event
//!                  ▼                      ▼                       ▼
//!           Lost (Event)     missing in a complete listing     Removed
//!                                  Lost (Inferred)
//! ```
//!
//! Events come late, twice and out of order (WeCom doc 90930): each change has its own time, and an older one never
//! undoes a newer one.

use crate::instant::UnixSeconds;

/// Where a relation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Member and customer are in contact.
    Active,
    /// The customer left: deleted or blocked the member. Calls about the pair still work.
    Lost,
    /// The member removed the customer. Calls about the pair answer `NOT_EXTERNAL_CONTACT`.
    Removed,
}

/// How the end of a relation is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// An event reported it.
    Event,
    /// A complete listing of the member's customers did not contain it. Who ended it is not known.
    Inferred,
}

/// A stage in the life of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Member and customer are in contact.
    Active {
        /// The latest time at which that is known: of the add, or of the start that WeCom lists.
        confirmed_at: UnixSeconds,
        /// Whether the customer came by a half add that the member has not confirmed yet.
        unconfirmed: bool,
    },
    /// The customer left.
    Lost {
        /// When: time of the event, or start of the listing without it.
        at: UnixSeconds,
        /// How that is known.
        evidence: Evidence,
    },
    /// The member removed the customer.
    Removed {
        /// Time of the event.
        at: UnixSeconds,
    },
}

/// The life of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle {
    /// The present stage.
    pub stage: Stage,
    /// Start of the present relation, or of the last one; `None` while only its end is known.
    pub added_at: Option<UnixSeconds>,
    /// When the customer left last, as an event reported it.
    pub lost_at: Option<UnixSeconds>,
}

impl Lifecycle {
    /// The life of a relation that began at `at`.
    #[must_use]
    pub fn active(at: UnixSeconds, unconfirmed: bool) -> Self {
        Self {
            stage: Stage::Active {
                confirmed_at: at,
                unconfirmed,
            },
            added_at: Some(at),
            lost_at: None,
        }
    }

    /// The life of a relation of which only the end is known.
    #[must_use]
    pub fn ended(stage: Stage) -> Self {
        Self {
            stage,
            added_at: None,
            lost_at: None,
        }
    }

    /// The stage without its details.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.stage {
            Stage::Active { .. } => Status::Active,
            Stage::Lost { .. } => Status::Lost,
            Stage::Removed { .. } => Status::Removed,
        }
    }

    /// The time to which the stage is known: an older event changes nothing.
    #[must_use]
    pub fn known_at(&self) -> UnixSeconds {
        match self.stage {
            Stage::Active { confirmed_at, .. } => confirmed_at,
            Stage::Lost { at, .. } | Stage::Removed { at } => at,
        }
    }

    /// Whether member and customer are in contact.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.stage, Stage::Active { .. })
    }

    /// Whether the member has yet to confirm the customer.
    #[must_use]
    pub fn is_unconfirmed(&self) -> bool {
        matches!(
            self.stage,
            Stage::Active {
                unconfirmed: true,
                ..
            }
        )
    }

    /// Whether the end was inferred from a listing, and not reported by an event.
    #[must_use]
    pub fn end_is_inferred(&self) -> bool {
        matches!(
            self.stage,
            Stage::Lost {
                evidence: Evidence::Inferred,
                ..
            }
        )
    }

    /// Whether an event has reported the end, which is more than a listing can infer.
    #[must_use]
    pub(super) fn end_was_reported(&self) -> bool {
        !self.is_active() && !self.end_is_inferred()
    }

    /// Whether the present relation began at `at` or before, as far as its start is known.
    pub(super) fn began_by(&self, at: UnixSeconds) -> bool {
        self.added_at.is_none_or(|added| added <= at)
    }

    /// The member has confirmed the customer.
    pub(super) fn confirm(&mut self) {
        if let Stage::Active { unconfirmed, .. } = &mut self.stage {
            *unconfirmed = false;
        }
    }
}
