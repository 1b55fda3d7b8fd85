//! The numbers of a channel.

use domain::tally::DayCounts;
use jiff::civil::Date;
use serde::Serialize;

/// Numbers of a day or of several.
#[derive(Serialize)]
pub(crate) struct CountsView {
    added: u64,
    lost: u64,
    welcomed: u64,
    welcome_failed: u64,
}

/// The numbers of one day.
#[derive(Serialize)]
pub(crate) struct DayView {
    pub(crate) date: Date,
    #[serde(flatten)]
    pub(crate) counts: CountsView,
}

impl From<&DayCounts> for CountsView {
    fn from(counts: &DayCounts) -> Self {
        Self {
            added: counts.added,
            lost: counts.lost,
            welcomed: counts.welcomed,
            welcome_failed: counts.welcome_failed,
        }
    }
}
