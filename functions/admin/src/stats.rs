//! Numbers of a channel per day, in the corp's time zone.

use domain::field::FieldError;
use domain::tally::DayCounts;
use jiff::Span;
use jiff::civil::Date;
use serde_json::json;

use crate::input::Input;
use crate::refusal::Refusal;
use crate::view::{CountsView, DayView};
use crate::{Admin, Answer, Scope, Store, Wecom};

/// Days that are shown if `from` is not given.
const DAYS: i64 = 30;
/// Days of the longest answer.
const MOST_DAYS: i32 = 92;
/// A date as it is written.
const FORM: &str = "a date such as 2026-10-01";

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn channel_stats(&self, scope: &Scope, id: &str, input: &Input) -> Answer {
        let channel = self.settled(scope, id).await?;
        let today = self.clock.now().to_zoned(scope.timezone.clone()).date();
        let (from, to) = span(today, input)?;
        let days = self.store.days(&scope.corp, &channel.id, from, to).await?;
        let mut total = DayCounts::default();
        days.values().for_each(|day| total.add(day));
        let day = |(date, counts): (&Date, &DayCounts)| DayView {
            date: *date,
            counts: CountsView::from(counts),
        };
        let shown: Vec<DayView> = days.iter().map(day).collect();
        Ok((
            200,
            json!({"from": from, "to": to, "days": shown, "total": CountsView::from(&total)}),
        ))
    }
}

fn span(today: Date, input: &Input) -> Result<(Date, Date), Refusal> {
    let to: Date = input.parsed("to", FORM)?.unwrap_or(today);
    let from: Date = input
        .parsed("from", FORM)?
        .unwrap_or_else(|| to.saturating_sub(Span::new().days(DAYS - 1)));
    let days = (to - from).get_days() + 1;
    if (1..=MOST_DAYS).contains(&days) {
        return Ok((from, to));
    }
    let message = format!(
        "makes {days} days up to `to`: ask for 1 to {MOST_DAYS}, from the earlier date to the later"
    );
    Err(Refusal::Query(FieldError::new("from", message)))
}
