//! What was done about an event.

use domain::instant::UnixSeconds;
use domain::outcome::Outcome;
use serde::Serialize;
use wecom::ErrorCode;

/// How the welcome or the tags of an event ended.
#[derive(Serialize)]
pub(crate) struct OutcomeView<R> {
    outcome: R,
    #[serde(skip_serializing_if = "Option::is_none")]
    errcode: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark_errcode: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retryable: bool,
    /// Absent while nothing is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<UnixSeconds>,
}

impl<R: Copy> From<&Outcome<R>> for OutcomeView<R> {
    fn from(outcome: &Outcome<R>) -> Self {
        Self {
            outcome: outcome.outcome,
            errcode: outcome.errcode,
            remark_errcode: outcome.remark_errcode,
            reason: outcome.reason.clone(),
            attempts: outcome.attempts,
            latency_ms: outcome.latency_ms,
            retryable: outcome.retryable,
            at: Some(outcome.at).filter(|at| *at != UnixSeconds::EPOCH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::outcome::{TagsOutcome, TagsResult};
    use serde_json::json;

    #[test]
    fn an_outcome_is_shown_with_all_that_is_known() {
        let shown = json!({
            "outcome": "failed", "errcode": 45009, "remark_errcode": 40098, "reason": "r", "attempts": 2,
            "latency_ms": 340, "retryable": true, "at": 7,
        });
        let outcome: TagsOutcome = serde_json::from_value(shown.clone()).unwrap();
        assert_eq!(json!(OutcomeView::from(&outcome)), shown);
        let pending = TagsOutcome::new(TagsResult::Pending);
        let shown = json!({"outcome": "pending", "attempts": 0});
        assert_eq!(json!(OutcomeView::from(&pending)), shown);
    }
}
