//! What happens to the acquisition quota and links outside the API (WeCom doc 97299).

use super::{Corp, VerbError};
use crate::callback::{self, Happened};
use crate::journal::EventId;
use crate::model::{AcquisitionLink, Channel, CorpState, Purchase};

const EVENT: &str = "customer_acquisition";
/// What is left below this is low (WeCom doc 97299).
const LOW: u64 = 20;

impl Corp {
    /// Links bring this number of customers: the balance falls by it, from what expires first. The event is
    /// `balance_low` when it falls below 20, and `balance_exhausted` when nothing is left. Customers who scan a link in
    /// the sandbox use up nothing by themselves.
    ///
    /// # Errors
    ///
    /// Never for a corp of this sandbox.
    pub fn quota_is_used(&self, customers: u64) -> Result<Vec<EventId>, VerbError> {
        self.publish_events(|corp| {
            let before = corp.quota.balance();
            corp.quota.spend(customers);
            let after = corp.quota.balance();
            Ok(match after {
                0 if before > 0 => event_for_all(corp, "balance_exhausted", &[]),
                1..LOW if before >= LOW => event_for_all(corp, "balance_low", &[]),
                _ => Vec::new(),
            })
        })
    }

    /// The company buys this number of customers, valid until `expires` (Unix seconds). The event is
    /// `balance_increased` when nothing was left.
    ///
    /// # Errors
    ///
    /// Never for a corp of this sandbox.
    pub fn quota_is_bought(&self, customers: u64, expires: u64) -> Result<Vec<EventId>, VerbError> {
        self.publish_events(|corp| {
            let before = corp.quota.balance();
            let balance = customers;
            corp.quota.add(Purchase { expires, balance });
            Ok(if before == 0 && balance > 0 {
                event_for_all(corp, "balance_increased", &[])
            } else {
                Vec::new()
            })
        })
    }

    /// What expires first expires soon: `quota_expire_soon`, as 14, 7, 3, 2 and 1 days before. Without a balance there
    /// is no event.
    ///
    /// # Errors
    ///
    /// Never for a corp of this sandbox.
    pub fn quota_expires_soon(&self) -> Result<Vec<EventId>, VerbError> {
        self.publish_events(|corp| {
            let Some(first) = corp.quota.purchases.first() else {
                return Ok(Vec::new());
            };
            let (expires, balance) = (first.expires.to_string(), first.balance.to_string());
            let fields = [
                ("ExpireTime", expires.as_str()),
                ("ExpireQuotaNum", &balance),
            ];
            Ok(event_for_all(corp, "quota_expire_soon", &fields))
        })
    }

    /// No member of the link can add customers for now. Only the app that made the link gets the event.
    ///
    /// # Errors
    ///
    /// When there is no such link.
    pub fn link_is_unavailable(&self, link_id: &str) -> Result<Vec<EventId>, VerbError> {
        self.publish_events(|corp| {
            let (_, link) = find(corp, link_id)?;
            Ok(about_link(corp, &link, "link_unavailable"))
        })
    }

    /// An administrator deletes the link. Only the app that made it gets the event.
    ///
    /// # Errors
    ///
    /// When there is no such link.
    pub fn console_deletes_link(&self, link_id: &str) -> Result<Vec<EventId>, VerbError> {
        self.publish_events(|corp| {
            let (place, link) = find(corp, link_id)?;
            corp.channels.remove(&place);
            Ok(about_link(corp, &link, "delete_link"))
        })
    }

    fn publish_events(
        &self,
        change: impl FnOnce(&mut CorpState) -> Result<Vec<Happened>, VerbError>,
    ) -> Result<Vec<EventId>, VerbError> {
        let ((), events) = self.publish(|corp, _| Ok(((), change(corp)?)))?;
        Ok(events)
    }
}

fn event_for_all(corp: &CorpState, change: &str, fields: &[(&str, &str)]) -> Vec<Happened> {
    callback::event_for_all(corp, EVENT, change, fields)
}

fn find(corp: &CorpState, link_id: &str) -> Result<(u64, AcquisitionLink), VerbError> {
    let mut channels = corp.channels.iter();
    let found = channels.find_map(|(place, channel)| match channel {
        Channel::Link(link) if link.link_id == link_id => Some((*place, link.clone())),
        _ => None,
    });
    found.ok_or(VerbError::NoChannel)
}

fn about_link(corp: &CorpState, link: &AcquisitionLink, change: &str) -> Vec<Happened> {
    let fields = [("LinkId", link.link_id.as_str())];
    let apps = callback::listening(corp).filter(|app| app.name == link.app);
    apps.map(|app| callback::event(app, EVENT, change, &fields))
        .collect()
}
