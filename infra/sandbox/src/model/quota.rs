//! How many customers the acquisition links may still bring (WeCom doc 97375).

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::moment::unix_s_of;

const A_YEAR_S: u64 = 365 * 24 * 3600;

/// The usage of a corp. The default stands for a quota that is missing in a saved file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quota {
    /// Used so far.
    pub(crate) used: u64,
    /// What is left of each purchase, the one that expires first in front.
    pub(crate) purchases: Vec<Purchase>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Purchase {
    /// Unix time in seconds.
    pub(crate) expires: u64,
    pub(crate) balance: u64,
}

impl Quota {
    /// Enough for a year of tests that are about something else.
    pub(crate) fn new(now: SystemTime) -> Self {
        let purchase = Purchase {
            expires: unix_s_of(now) + A_YEAR_S,
            balance: 1000,
        };
        Self {
            used: 0,
            purchases: vec![purchase],
        }
    }

    pub(crate) fn balance(&self) -> u64 {
        self.purchases.iter().map(|purchase| purchase.balance).sum()
    }

    /// Uses up so much, or what there is, from what expires first.
    pub(crate) fn spend(&mut self, mut amount: u64) {
        for purchase in &mut self.purchases {
            let part = amount.min(purchase.balance);
            purchase.balance -= part;
            self.used += part;
            amount -= part;
        }
        self.purchases.retain(|purchase| purchase.balance > 0);
    }

    pub(crate) fn add(&mut self, purchase: Purchase) {
        self.purchases.push(purchase);
        self.purchases.sort_by_key(|purchase| purchase.expires);
    }
}
