//! A run of the daily reconcile: what it is about, how far it has come, and what it has cost.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hasher;

use fnv::FnvHasher;
use serde::{Deserialize, Serialize};
use wecom::{ExternalUserId, UserId};

use crate::instant::{UnixMillis, UnixSeconds};

pub use chunk::{Chunk, PageRead};

mod chunk;

/// Identifies a run within its corp. Later runs have greater ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The run that begins at `now`.
    #[must_use]
    pub fn starting_at(now: UnixMillis) -> Self {
        Self(format!("run{:013}", now.get()))
    }

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> UnixMillis {
        let millis = self.0.trim_start_matches("run").parse();
        UnixMillis(millis.unwrap_or_default())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hours since the last complete run, of a corp that never had one: a week.
const NEVER_HOURS: i64 = 168;

/// Whole hours since the last complete run began, of what is known of a corp's runs at `now`.
///
/// They are counted from its beginning: what has changed at WeCom while it ran may not be in it, so a run of six hours
/// leaves a copy that is six hours old. A corp without one counts as a week old, so that an alarm is on until there is
/// one.
#[must_use]
pub fn hours_since_complete(running: Option<&Run>, last: Option<&Run>, now: UnixSeconds) -> i64 {
    let runs = running.into_iter().chain(last);
    let begun = runs.filter_map(Run::complete_since).max();
    begun.map_or(NEVER_HOURS, |begun| now.seconds_since(begun).max(0) / 3_600)
}

/// What asking for the lease of a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunLease {
    /// The caller has acquired it.
    Acquired(Run),
    /// Another process works on the run.
    HeldByOther(Run),
    /// There is no run.
    NoRun,
}

/// The parts of a reconcile, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The corp tag list, and the balance of acquisition links.
    Tags,
    /// Departments and members, and at the same time all customers, member by member.
    Customers,
    /// Customer groups.
    Groups,
}

/// One run, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Identifies it within the corp.
    pub id: RunId,
    /// What it does: `reconcile`.
    pub task: String,
    /// When it began.
    pub started_at: UnixSeconds,
    /// When it ended; `None` before.
    pub finished_at: Option<UnixSeconds>,
    /// The part that it is in.
    pub phase: Phase,
    /// Members and groups that are done.
    pub done: u64,
    /// Members and groups in all, as far as is known.
    pub total: u64,
    /// Relations that WeCom has listed.
    #[serde(default)]
    pub relations: u64,
    /// Calls to WeCom.
    pub calls: u64,
    /// The same by API: what it has spent of each quota.
    #[serde(default)]
    pub quota: BTreeMap<String, u64>,
    /// Rows written because they differed.
    pub writes: u64,
    /// Relations concluded to be lost.
    pub lost: u64,
    /// Customers whose tags were put in order.
    #[serde(default)]
    pub repaired: u64,
    /// In how many chunks the members are read; `None` until they are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u32>,
    /// Whether all members are read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub members_read: bool,
    /// The last member or group that is done in a part that goes through them in the order of their ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_after: Option<String>,
    /// What the app may not read, and was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it could not continue, while it is not over. Stored as `held_up`, the name that earlier releases read.
    #[serde(rename = "held_up", default, skip_serializing_if = "Option::is_none")]
    pub blocked_on: Option<String>,
    /// When this was written.
    #[serde(default)]
    pub updated_at: UnixSeconds,
    /// When the last complete run before this one began. The run itself is kept no longer than until
    /// another one is over, and that may fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_before: Option<UnixSeconds>,
}

impl Run {
    /// A run that begins at `now`.
    #[must_use]
    pub fn starting_at(now: UnixMillis) -> Self {
        let (id, now) = (RunId::starting_at(now), now.seconds());
        Self {
            id,
            task: "reconcile".to_owned(),
            started_at: now,
            finished_at: None,
            phase: Phase::Tags,
            done: 0,
            total: 0,
            relations: 0,
            calls: 0,
            quota: BTreeMap::new(),
            writes: 0,
            lost: 0,
            repaired: 0,
            chunks: None,
            members_read: false,
            resume_after: None,
            skipped: Vec::new(),
            error: None,
            blocked_on: None,
            updated_at: now,
            complete_before: None,
        }
    }

    /// The same run as the one that follows on `before`. Its id is greater, also if both begin in one millisecond.
    #[must_use]
    pub fn following(self, before: &Self) -> Self {
        let earliest = before.id.started_at().plus_millis(1);
        Self {
            id: self.id.max(RunId::starting_at(earliest)),
            complete_before: before.complete_since(),
            ..self
        }
    }

    /// When the last complete run began that this one knows of: itself, if it ended without an error.
    #[must_use]
    pub fn complete_since(&self) -> Option<UnixSeconds> {
        let is_complete = self.finished_at.is_some() && self.error.is_none();
        if is_complete {
            Some(self.started_at)
        } else {
            self.complete_before
        }
    }

    /// How much of it is done, in percent; `None` as long as it is not known how much there is.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        let percent = self.done.saturating_mul(100).checked_div(self.total)?;
        Some(percent.min(100))
    }

    /// Members and groups done per minute, waiting for the next tick included; `None` before the first.
    #[must_use]
    pub fn per_minute(&self) -> Option<u64> {
        let seconds = u64::try_from(self.updated_at.seconds_since(self.started_at))
            .ok()?
            .max(1);
        (self.done > 0).then(|| self.done * 60 / seconds)
    }

    /// Seconds that the rest takes at this rate.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        let seconds = u64::try_from(self.updated_at.seconds_since(self.started_at))
            .ok()?
            .max(1);
        let left = self.total.checked_sub(self.done)?;
        (self.done > 0).then(|| left * seconds / self.done)
    }
}

/// The pairs that a reading has listed: 64 bits of each, so that a member with thousands of customers fits in memory
/// and the pages of a reading fit in small items. Two pairs of one reading with the same bits, one of which is gone,
/// would hide the loss until the next day; among 20,000 that has a chance of one in 10^11.
#[derive(Debug, Clone, Default)]
pub struct Seen(HashSet<u64>);

impl Seen {
    /// Adds a pair and returns its bits as they are stored.
    pub fn add(&mut self, member: &UserId, customer: &ExternalUserId) -> [u8; 8] {
        let bits = bits(member, customer);
        self.0.insert(bits);
        bits.to_be_bytes()
    }

    /// Adds pairs as they are stored.
    pub fn add_stored(&mut self, stored: &[u8]) {
        let (pairs, _) = stored.as_chunks::<8>();
        self.0.extend(pairs.iter().copied().map(u64::from_be_bytes));
    }

    /// Whether the reading has listed this pair.
    #[must_use]
    pub fn holds(&self, member: &UserId, customer: &ExternalUserId) -> bool {
        self.0.contains(&bits(member, customer))
    }
}

/// FNV-1a, which is the same in every version of the program: a run may outlive one.
fn bits(member: &UserId, customer: &ExternalUserId) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(member.key().as_bytes());
    hasher.write(b"#");
    hasher.write(customer.as_str().as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_the_estimate_follows_the_rate() {
        assert!(
            RunId::starting_at(UnixMillis(999)) < RunId::starting_at(UnixMillis(1_700_000_000_000))
        );
        let one = Run::starting_at(UnixMillis(1_000_000));
        assert!(Run::starting_at(UnixMillis(1_000_000)).following(&one).id > one.id);
        let mut run = Run::starting_at(UnixMillis(1_000_000));
        assert_eq!((run.per_minute(), run.seconds_left()), (None, None));
        run.done = 20;
        run.total = 100;
        run.updated_at = run.started_at.plus_seconds(10);
        assert_eq!(
            (run.per_minute(), run.seconds_left()),
            (Some(120), Some(40))
        );
    }

    #[test]
    fn the_part_that_is_done_is_told_when_the_whole_is_known() {
        let mut run = Run::starting_at(UnixMillis(0));
        for (done, total, percent) in [
            (0, 0, None),
            (0, 3, Some(0)),
            (2, 3, Some(66)),
            (3, 3, Some(100)),
            (4, 3, Some(100)),
        ] {
            (run.done, run.total) = (done, total);
            assert_eq!(run.percent(), percent, "{done} of {total}");
        }
    }

    #[test]
    fn a_copy_is_as_old_as_the_beginning_of_the_last_run_without_an_error() {
        const HOUR: i64 = 3_600;
        let at = |hour: i64| Run::starting_at(UnixMillis(hour * HOUR * 1_000));
        let over = |mut run: Run, error: Option<&str>| {
            run.finished_at = Some(run.started_at.plus_seconds(2 * HOUR));
            run.error = error.map(str::to_owned);
            run
        };
        assert_eq!(hours_since_complete(None, None, UnixSeconds(9 * HOUR)), 168);
        let first = at(10);
        assert_eq!(
            hours_since_complete(Some(&first), None, UnixSeconds(11 * HOUR)),
            168
        );
        let complete = over(first, None);
        let age = hours_since_complete(None, Some(&complete), UnixSeconds(13 * HOUR - 1));
        assert_eq!(age, 2);
        // Neither a run under way nor failed ones, however many, make it younger or forget it.
        let running = at(34).following(&complete);
        let age = hours_since_complete(Some(&running), Some(&complete), UnixSeconds(35 * HOUR));
        assert_eq!(age, 25);
        let failed = over(running, Some("refused"));
        let again = over(at(58).following(&failed), Some("refused"));
        assert_eq!(
            hours_since_complete(None, Some(&again), UnixSeconds(60 * HOUR)),
            50
        );
        let repaired = over(at(82).following(&again), None);
        let age = hours_since_complete(None, Some(&repaired), UnixSeconds(84 * HOUR));
        assert_eq!(age, 2);
    }

    #[test]
    fn pairs_are_known_again_from_what_is_stored() {
        let [a, b] = ["wmA", "wmB"].map(ExternalUserId::from);
        let li = UserId::from("Li");
        let mut seen = Seen::default();
        let stored = seen.add(&li, &a);
        let mut again = Seen::default();
        again.add_stored(&stored);
        assert!(again.holds(&UserId::from("li"), &a), "userids ignore case");
        assert!(!again.holds(&li, &b));
        assert_eq!(
            stored,
            0xae1b7c95972729ea_u64.to_be_bytes(),
            "the same for ever"
        );
    }
}
