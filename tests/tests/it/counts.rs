//! The counts of a channel, written as `Counts::added(2).lost(1)`.

use serde_json::{Value, json};

/// What the statistics of a channel show in total.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    added: u64,
    lost: u64,
    welcomed: u64,
    welcome_failed: u64,
}

impl Counts {
    /// This many adds and nothing else.
    pub(crate) fn added(added: u64) -> Self {
        Self {
            added,
            ..Self::default()
        }
    }

    /// The same with this many losses.
    pub(crate) fn lost(self, lost: u64) -> Self {
        Self { lost, ..self }
    }

    /// The same with this many welcomes sent.
    pub(crate) fn welcomed(self, welcomed: u64) -> Self {
        Self { welcomed, ..self }
    }

    /// The same with this many failed welcomes.
    pub(crate) fn welcome_failed(self, welcome_failed: u64) -> Self {
        Self {
            welcome_failed,
            ..self
        }
    }

    /// As the admin API shows them.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "added": self.added,
            "lost": self.lost,
            "welcomed": self.welcomed,
            "welcome_failed": self.welcome_failed,
        })
    }
}
