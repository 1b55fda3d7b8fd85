//! Who is on duty: the members who stand in a channel's contact way or link at one moment.
//!
//! A [`Schedule`] says who receives customers at which hours, and how many a day. Its rules are pure: the local
//! time and the day's counts go in, a list comes out, and that list is never empty. The crate `operations` asks the
//! store for the counts, and updates WeCom when the list differs from the one that was sent last.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use wecom::UserId;

use crate::instant::UnixSeconds;
use crate::schedule::{Minute, Weekday, When};

mod check;
mod limits;

/// Days that are searched for the next change. A week repeats itself; for dates further away the search begins
/// anew after it.
const DAYS_AHEAD: i64 = 8;

/// Who receives the customers of a channel, when, and how many of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Who is on duty when. Without any, all members of the channel are on duty always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<Shift>,
    /// Dates on which only those shifts hold that name the date. A shift over midnight is of the day on which
    /// it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Date>,
    /// Customers that one member receives through the channel on one day, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_limit: Option<u32>,
    /// The same for single members, in place of `daily_limit`.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "limits::read"
    )]
    pub daily_limits: BTreeMap<UserId, u32>,
    /// The members who receive the customers while no other member does, without a limit.
    #[serde(default)]
    pub backup: Vec<UserId>,
}

/// Members who are on duty while [`When`] holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenShift")]
pub struct Shift {
    /// Some of the channel's members; all of them if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<UserId>>,
    /// The hours and dates.
    #[serde(flatten)]
    pub when: When,
}

/// A shift as it is read: with a flattened part serde can neither refuse unknown fields nor say which field is
/// at fault.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenShift {
    users: Option<Vec<UserId>>,
    #[serde(default)]
    weekdays: Vec<Weekday>,
    #[serde(default)]
    dates: Vec<Date>,
    from: Option<Minute>,
    to: Option<Minute>,
}

impl From<WrittenShift> for Shift {
    fn from(written: WrittenShift) -> Self {
        let WrittenShift {
            users,
            weekdays,
            dates,
            from,
            to,
        } = written;
        let when = When {
            weekdays,
            dates,
            from,
            to,
        };
        Self { users, when }
    }
}

impl Schedule {
    /// Those of `users`, the channel's members, who are on duty at `now`, the local time of the corp, and not
    /// `full`; else the backup. The order is that of the list they come from.
    ///
    /// ```
    /// use domain::duty::Schedule;
    /// use jiff::civil::date;
    /// use wecom::UserId;
    ///
    /// let schedule: Schedule = serde_json::from_str(r#"{"daily_limit": 50, "backup": ["wangwu"]}"#)?;
    /// let users = [UserId::from("zhangsan"), UserId::from("lisi")];
    /// let noon = date(2026, 11, 23).at(12, 0, 0, 0);
    /// let without = |full: &'static [&str]| schedule.on_duty(&users, noon, &|user| full.contains(&user.as_str()));
    /// assert_eq!(without(&[]), users);
    /// assert_eq!(without(&["zhangsan"]), [UserId::from("lisi")]);
    /// assert_eq!(without(&["zhangsan", "lisi"]), [UserId::from("wangwu")]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn on_duty(
        &self,
        users: &[UserId],
        now: DateTime,
        full: &dyn Fn(&UserId) -> bool,
    ) -> Vec<UserId> {
        let shifts: Vec<&Shift> = self.shifts.iter().filter(|s| self.holds(s, now)).collect();
        let has_shift = |user| self.shifts.is_empty() || shifts.iter().any(|s| s.is_of(user));
        let on_duty: Vec<UserId> = users
            .iter()
            .filter(|user| has_shift(user) && !full(user))
            .cloned()
            .collect();
        let or_else = |list: Vec<UserId>, other: &[UserId]| {
            if list.is_empty() {
                other.to_vec()
            } else {
                list
            }
        };
        // `check` sees to it that there is a backup; WeCom would refuse an empty list.
        or_else(or_else(on_duty, &self.backup), users)
    }

    /// The next minute, after `now`, at which the clock may change who is on duty: a shift begins or ends, or a
    /// day begins and with it new counts. If nothing is near, the end of the days that were searched; `None` if
    /// the clock changes nothing ever.
    ///
    /// ```
    /// use domain::duty::Schedule;
    /// use jiff::civil::date;
    ///
    /// let schedule: Schedule = serde_json::from_str(
    ///     r#"{"shifts": [{"weekdays": ["mon"], "from": "09:00", "to": "18:00"}], "backup": ["wangwu"]}"#,
    /// )?;
    /// // 2026-11-23 is a Monday.
    /// let morning = date(2026, 11, 23).at(8, 0, 0, 0);
    /// let begins = date(2026, 11, 23).at(9, 0, 0, 0);
    /// let ends = date(2026, 11, 23).at(18, 0, 0, 0);
    /// assert_eq!(schedule.next_change(morning), Some(begins));
    /// assert_eq!(schedule.next_change(begins), Some(ends));
    ///
    /// let always: Schedule = serde_json::from_str(r#"{"backup": ["wangwu"]}"#)?;
    /// assert_eq!(always.next_change(morning), None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn next_change(&self, now: DateTime) -> Option<DateTime> {
        if self.shifts.is_empty() && !self.has_limits() {
            return None;
        }
        let active = self.active_shifts(now);
        let mut boundaries = self.boundaries(now.date());
        boundaries.sort_unstable();
        let changes = |moment: &DateTime| {
            let new_counts = self.has_limits() && moment.time() == Time::midnight();
            new_counts || self.active_shifts(*moment) != active
        };
        let mut later = boundaries.iter().filter(|moment| **moment > now);
        let change = later.find(|moment| changes(moment));
        change.or(boundaries.last()).copied()
    }

    /// The most that `user`, a member of the channel, receives on one day.
    #[must_use]
    pub fn limit_of(&self, user: &UserId) -> Option<u32> {
        self.daily_limits.get(user).copied().or(self.daily_limit)
    }

    /// Whether adds have to be counted by the day.
    #[must_use]
    pub fn has_limits(&self) -> bool {
        self.daily_limit.is_some() || !self.daily_limits.is_empty()
    }

    fn holds(&self, shift: &Shift, now: DateTime) -> bool {
        let allowed = |day| !self.holidays.contains(&day) || shift.when.dates.contains(&day);
        shift.when.begun(now).is_some_and(allowed)
    }

    /// Which of the shifts hold.
    fn active_shifts(&self, now: DateTime) -> Vec<bool> {
        let holds = |shift| self.holds(shift, now);
        self.shifts.iter().map(holds).collect()
    }

    /// Every minute at which something may change, from the slots that began on the eve of `today` on.
    fn boundaries(&self, today: Date) -> Vec<DateTime> {
        let day = |days: i64| today.saturating_add(Span::new().days(days));
        let edges = (-1..DAYS_AHEAD).flat_map(|days| {
            let slots = self.shifts.iter();
            slots.flat_map(move |shift| shift.when.edges(day(days)))
        });
        let midnights = [1, DAYS_AHEAD].map(|days| day(days).to_datetime(Time::midnight()));
        // Edges beyond the last midnight belong to a part that is not searched as a whole.
        let end = midnights[1];
        edges.filter(|edge| *edge <= end).chain(midnights).collect()
    }
}

impl Shift {
    fn is_of(&self, user: &UserId) -> bool {
        self.users.as_ref().is_none_or(|users| users.contains(user))
    }
}

/// The moment by which a list computed at `now` has to be looked at again: when the clock of
/// `timezone` shows `next`, or when that clock is changed (daylight saving), whichever is first. Between two
/// changes of the clock local time runs on evenly, so no hour that is skipped or comes twice is missed.
#[must_use]
pub fn recheck_at(next: DateTime, now: Timestamp, timezone: &TimeZone) -> UnixSeconds {
    let shown = timezone.to_offset(now).to_timestamp(next);
    let shown = shown.unwrap_or(Timestamp::MAX);
    let clock_changes = timezone.following(now).next();
    let at = clock_changes.map_or(shown, |change| shown.min(change.timestamp()));
    UnixSeconds::of(at)
}

#[cfg(test)]
mod tests;
