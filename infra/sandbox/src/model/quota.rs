//! How many customers the acquisition links may still bring (WeCom doc 97375).

use serde::{Deserialize, Serialize};

/// The usage of a corp.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Quota {
    /// Used so far.
    pub(crate) used: u64,
    /// What is left of each purchase, the one that expires first in front.
    pub(crate) purchases: Vec<Purchase>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Purchase {
    /// Unix time in seconds.
    pub(crate) expires: u64,
    pub(crate) balance: u64,
}

impl Default for Quota {
    /// Enough for tests that are about something else.
    fn default() -> Self {
        const A_YEAR_S: u64 = 365 * 24 * 3600;
        let purchase = Purchase {
            expires: super::unix_ms() / 1000 + A_YEAR_S,
            balance: 1000,
        };
        Self {
            used: 0,
            purchases: vec![purchase],
        }
    }
}

impl Quota {
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
