//! A run of the daily reconcile, and the balance of acquisition links.

use std::collections::BTreeMap;

use domain::acquisition::Balance;
use domain::instant::UnixSeconds;
use domain::sync::{Phase, Run, RunId};
use serde::Serialize;
use wecom::api::acquisition::ExpiringQuota;

/// A run with its rate and what it has still to do. Its place in a list of ids, and what it remembers of other runs,
/// are internal.
#[derive(Serialize)]
pub(crate) struct RunView<'a> {
    id: &'a RunId,
    task: &'a str,
    started_at: UnixSeconds,
    finished_at: Option<UnixSeconds>,
    phase: Phase,
    done: u64,
    total: u64,
    relations: u64,
    calls: u64,
    quota: &'a BTreeMap<String, u64>,
    writes: u64,
    lost: u64,
    repaired: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    skipped: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_on: Option<&'a str>,
    /// The same under its name of before, for one version.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_up: Option<&'a str>,
    updated_at: UnixSeconds,
    per_minute: Option<u64>,
    /// Absent once the run is over; `null` while its rate is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<Option<u64>>,
}

impl<'a> From<&'a Run> for RunView<'a> {
    fn from(run: &'a Run) -> Self {
        let blocked_on = run.blocked_on.as_deref();
        Self {
            id: &run.id,
            task: &run.task,
            started_at: run.started_at,
            finished_at: run.finished_at,
            phase: run.phase,
            done: run.done,
            total: run.total,
            relations: run.relations,
            calls: run.calls,
            quota: &run.quota,
            writes: run.writes,
            lost: run.lost,
            repaired: run.repaired,
            skipped: &run.skipped,
            error: run.error.as_deref(),
            blocked_on,
            held_up: blocked_on,
            updated_at: run.updated_at,
            per_minute: run.per_minute(),
            seconds_left: run.finished_at.is_none().then(|| run.seconds_left()),
        }
    }
}

/// The balance of acquisition links, and when it was read.
#[derive(Serialize)]
pub(crate) struct BalanceView {
    total: i64,
    balance: i64,
    quota_list: Vec<ExpiringView>,
    read_at: UnixSeconds,
}

/// Uses that expire together.
#[derive(Serialize)]
struct ExpiringView {
    expire_date: i64,
    balance: i64,
}

impl From<&Balance> for BalanceView {
    fn from(balance: &Balance) -> Self {
        let quota = &balance.quota;
        Self {
            total: quota.total,
            balance: quota.balance,
            quota_list: quota.quota_list.iter().map(ExpiringView::from).collect(),
            read_at: balance.read_at,
        }
    }
}

impl From<&ExpiringQuota> for ExpiringView {
    fn from(expiring: &ExpiringQuota) -> Self {
        Self {
            expire_date: expiring.expire_date,
            balance: expiring.balance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::instant::UnixMillis;
    use serde_json::json;

    #[test]
    fn a_run_under_way_is_shown_with_the_fields_of_the_contract_and_no_others() {
        let mut run = Run::starting_at(UnixMillis(1_700_000_000_000));
        run.chunks = Some(3);
        run.members_read = true;
        run.resume_after = Some("zhangsan".to_owned());
        run.complete_before = Some(UnixSeconds(1));
        let shown = json!({
            "id": "run1700000000000", "task": "reconcile", "started_at": 1_700_000_000, "finished_at": null,
            "phase": "tags", "done": 0, "total": 0, "relations": 0, "calls": 0, "quota": {}, "writes": 0,
            "lost": 0, "repaired": 0, "updated_at": 1_700_000_000, "per_minute": null, "seconds_left": null,
        });
        assert_eq!(json!(RunView::from(&run)), shown);
    }

    #[test]
    fn what_a_run_waits_for_is_shown_under_its_name_and_the_one_of_before() {
        let mut run = Run::starting_at(UnixMillis(0));
        run.blocked_on = Some("a paused API".to_owned());
        let shown = json!(RunView::from(&run));
        assert_eq!(shown["blocked_on"], "a paused API");
        assert_eq!(shown["held_up"], "a paused API");
    }

    #[test]
    fn a_run_that_is_over_has_no_time_left() {
        let mut run = Run::starting_at(UnixMillis(0));
        (run.done, run.total, run.updated_at) = (2, 2, UnixSeconds(60));
        run.finished_at = Some(UnixSeconds(60));
        run.skipped.push("groups".to_owned());
        run.error = Some("refused".to_owned());
        let shown = json!(RunView::from(&run));
        assert_eq!(shown["per_minute"], 2);
        assert_eq!(shown["skipped"], json!(["groups"]));
        assert_eq!(shown["error"], "refused");
        assert!(shown.get("seconds_left").is_none());
    }

    #[test]
    fn a_balance_is_shown_as_wecom_returned_it() {
        let shown = json!({
            "total": 9, "balance": 4, "quota_list": [{"expire_date": 7, "balance": 4}], "read_at": 5,
        });
        let balance: Balance = serde_json::from_value(shown.clone()).unwrap();
        assert_eq!(json!(BalanceView::from(&balance)), shown);
    }
}
