//! Counting: facts that are true once per (member, customer, channel), however often they are reported.
//!
//! A counter that is increased drifts with every redelivery. A fact is a row of its own, written if absent;
//! the numbers of a day are the rows of that day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use wecom::UserId;

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The customer came through the channel.
    Added,
    /// The customer who came through the channel left.
    Lost,
    /// The welcome was sent.
    Welcomed,
    /// The welcome was due and was not sent: too late, or refused.
    WelcomeFailed,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Self; 4] = [Self::Added, Self::Lost, Self::Welcomed, Self::WelcomeFailed];

    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Lost => "lost",
            Self::Welcomed => "welcomed",
            Self::WelcomeFailed => "welcome_failed",
        }
    }

    /// The fact of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.as_str() == word)
    }
}

/// The numbers of one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCounts {
    /// Customers who came.
    pub added: u64,
    /// Customers who left.
    pub lost: u64,
    /// Welcomes sent.
    pub welcomed: u64,
    /// Welcomes that were due and were not sent.
    pub welcome_failed: u64,
}

impl DayCounts {
    /// Adds another day's numbers.
    pub fn add(&mut self, other: &Self) {
        self.added += other.added;
        self.lost += other.lost;
        self.welcomed += other.welcomed;
        self.welcome_failed += other.welcome_failed;
    }

    /// Counts one fact.
    pub fn count(&mut self, fact: Fact) {
        *match fact {
            Fact::Added => &mut self.added,
            Fact::Lost => &mut self.lost,
            Fact::Welcomed => &mut self.welcomed,
            Fact::WelcomeFailed => &mut self.welcome_failed,
        } += 1;
    }
}

/// Numbers per local day of the corp.
pub type Days = BTreeMap<Date, DayCounts>;

/// Customers who came through one channel on one day, per member.
pub type DayAdds = BTreeMap<UserId, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_a_word_of_its_own_and_a_counter_of_its_own() {
        for fact in Fact::ALL {
            let word = fact.as_str();
            assert_eq!(Fact::from_word(word), Some(fact));
            let mut day = DayCounts::default();
            day.count(fact);
            assert_eq!(serde_json::to_value(day).unwrap()[word], 1);
        }
        assert_eq!(Fact::from_word("other"), None);
    }
}
