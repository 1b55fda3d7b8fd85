//! Hours of the week and dates on which something holds, such as a welcome for the night.
//!
//! A slot that goes over midnight belongs to the day on which it begins: `22:00` to `06:00` on Mondays
//! holds on Tuesday at five in the morning, and not on Monday at five.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::field::FieldError;

/// Minutes since midnight; 1,440 is `24:00`, the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(u16);

/// One day has this many minutes.
const DAY: u16 = 24 * 60;

impl Minute {
    /// Reads `HH:MM`, from `00:00` to `24:00`.
    ///
    /// ```
    /// use domain::schedule::Minute;
    ///
    /// assert!(Minute::parse("09:00")? < Minute::parse("24:00")?);
    /// for wrong in ["9:00", "24:01", "12:60", "noon"] {
    ///     assert!(Minute::parse(wrong).is_err(), "{wrong}");
    /// }
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// Says what a time looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a time of day: write HH:MM, from 00:00 to 24:00");
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(hours) || !digits(minutes) {
            return Err(wrong());
        }
        let hours: u16 = hours.parse().map_err(|_| wrong())?;
        let minutes: u16 = minutes.parse().map_err(|_| wrong())?;
        let total = hours * 60 + minutes;
        if minutes > 59 || total > DAY {
            return Err(wrong());
        }
        Ok(Self(total))
    }

    fn of(time: Time) -> Self {
        // Both parts are in range: 0..=23 and 0..=59.
        Self(u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs()))
    }
}

impl Serialize for Minute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

impl<'de> Deserialize<'de> for Minute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A day of the week: 1 is Monday and 7 is Sunday (ISO 8601). Read from a number, where 0 is Sunday too,
/// or from an English name such as `mon` or `Monday`; written as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Weekday(i8);

impl Weekday {
    const NAMES: [&'static str; 7] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];

    /// The weekday of a date.
    pub(crate) fn of(date: Date) -> Self {
        Self(date.weekday().to_monday_one_offset())
    }

    fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self(7)),
            1..=7 => i8::try_from(number).ok().map(Self),
            _ => None,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let at = Self::NAMES
            .iter()
            .position(|full| *full == name || full[..3] == name)?;
        i8::try_from(at + 1).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for Weekday {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(i64),
            Name(String),
        }
        let weekday = match Written::deserialize(deserializer)? {
            Written::Number(number) => Self::from_number(number),
            Written::Name(name) => Self::from_name(&name),
        };
        weekday.ok_or_else(|| {
            serde::de::Error::custom("a weekday is 1 (Monday) to 7 (Sunday), or a name such as mon")
        })
    }
}

/// When something holds. Every part that is given must fit; a part that is left out always fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// Days of the week.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// Dates such as `2026-10-01`, for holidays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<Date>,
    /// First minute of the slot; midnight if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Minute>,
    /// First minute after the slot; the end of the day if left out. Before `from`, it is the next day's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Minute>,
}

impl When {
    /// Refuses a slot without length.
    ///
    /// # Errors
    /// Names `to`.
    pub fn check(&self) -> Result<(), FieldError> {
        if self.start() == self.end() {
            return Err(FieldError::new(
                "to",
                "is the same minute as from: leave both out for the whole day",
            ));
        }
        Ok(())
    }

    /// Whether it holds at `now`, the local time of the corp.
    ///
    /// ```
    /// use domain::schedule::When;
    /// use jiff::civil::date;
    ///
    /// // 2026-11-23 is a Monday.
    /// let nights: When = serde_json::from_str(r#"{"weekdays": ["mon"], "from": "22:00", "to": "06:00"}"#)?;
    /// assert!(nights.holds_at(date(2026, 11, 23).at(23, 0, 0, 0)));
    /// assert!(nights.holds_at(date(2026, 11, 24).at(5, 0, 0, 0)));
    /// assert!(!nights.holds_at(date(2026, 11, 23).at(5, 0, 0, 0)));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn holds_at(&self, now: DateTime) -> bool {
        self.begun(now).is_some()
    }

    /// The day to which the slot that holds at `now` belongs: today, or yesterday if it went over midnight.
    #[must_use]
    pub fn begun(&self, now: DateTime) -> Option<Date> {
        let minute = Minute::of(now.time());
        let within_a_day = self.start() < self.end();
        let day = if within_a_day || minute >= self.start() {
            let holds = self.start() <= minute && (!within_a_day || minute < self.end());
            holds.then_some(now.date())
        } else if minute < self.end() {
            now.date().yesterday().ok()
        } else {
            None
        };
        day.filter(|day| self.is_day(*day))
    }

    /// The first minute of the slot that begins on `day` and the first one after it, whether or not `day` is
    /// one of its days.
    #[must_use]
    pub fn edges(&self, day: Date) -> [DateTime; 2] {
        let over_midnight = self.end() <= self.start();
        let end = u32::from(self.end().0) + if over_midnight { u32::from(DAY) } else { 0 };
        [u32::from(self.start().0), end].map(|minutes| {
            let midnight = day.to_datetime(Time::midnight());
            midnight.saturating_add(SignedDuration::from_mins(i64::from(minutes)))
        })
    }

    fn start(&self) -> Minute {
        self.from.unwrap_or(Minute(0))
    }

    fn end(&self) -> Minute {
        self.to.unwrap_or(Minute(DAY))
    }

    fn is_day(&self, date: Date) -> bool {
        let weekday = Weekday::of(date);
        (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
            && (self.dates.is_empty() || self.dates.contains(&date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(json: &str) -> When {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn slots_hold_from_their_first_minute_to_before_their_last() {
        // 2026-11-23 is a Monday.
        let cases = [
            (r"{}", "2026-11-23T00:00", true),
            (r#"{"from":"09:00","to":"18:00"}"#, "2026-11-23T09:00", true),
            (
                r#"{"from":"09:00","to":"18:00"}"#,
                "2026-11-23T08:59:59",
                false,
            ),
            (
                r#"{"from":"09:00","to":"18:00"}"#,
                "2026-11-23T17:59:59",
                true,
            ),
            (
                r#"{"from":"09:00","to":"18:00"}"#,
                "2026-11-23T18:00",
                false,
            ),
            (r#"{"from":"18:00"}"#, "2026-11-23T23:59:59", true),
            (r#"{"to":"24:00"}"#, "2026-11-23T23:59:59", true),
            (r#"{"weekdays":[1]}"#, "2026-11-23T12:00", true),
            (r#"{"weekdays":["Sunday",0,7]}"#, "2026-11-22T12:00", true),
            (r#"{"weekdays":["tue"]}"#, "2026-11-23T12:00", false),
            (r#"{"dates":["2026-10-01"]}"#, "2026-10-01T00:00", true),
            (r#"{"dates":["2026-10-01"]}"#, "2026-10-02T00:00", false),
        ];
        for (slot, now, expected) in cases {
            assert_eq!(
                when(slot).holds_at(now.parse().unwrap()),
                expected,
                "{slot} at {now}"
            );
        }
    }

    #[test]
    fn a_slot_over_midnight_belongs_to_the_day_it_begins() {
        let monday_night = when(r#"{"weekdays":["mon"],"from":"22:00","to":"06:00"}"#);
        let cases = [
            ("2026-11-23T05:00", false),
            ("2026-11-23T21:59", false),
            ("2026-11-23T22:00", true),
            ("2026-11-24T05:59", true),
            ("2026-11-24T06:00", false),
            ("2026-11-24T23:00", false),
        ];
        for (now, expected) in cases {
            assert_eq!(
                monday_night.holds_at(now.parse().unwrap()),
                expected,
                "{now}"
            );
        }
        let holiday = when(r#"{"dates":["2026-10-01"],"from":"20:00","to":"02:00"}"#);
        assert!(holiday.holds_at("2026-10-02T01:59".parse().unwrap()));
        assert!(!holiday.holds_at("2026-10-01T01:59".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_time_is_refused_with_the_right_form() {
        for text in [
            "9:00", "09:60", "24:01", "25:00", "0900", "-1:00", "ab:cd", "", "+9:00",
        ] {
            assert!(Minute::parse(text).unwrap_err().contains("HH:MM"), "{text}");
        }
        assert!(serde_json::from_str::<When>(r#"{"weekdays":[8]}"#).is_err());
        assert!(serde_json::from_str::<When>(r#"{"weekdays":["someday"]}"#).is_err());
        assert!(serde_json::from_str::<When>(r#"{"dates":["2026-02-30"]}"#).is_err());
        assert_eq!(
            when(r#"{"from":"09:00","to":"09:00"}"#)
                .check()
                .unwrap_err()
                .field,
            "to"
        );
    }

    #[test]
    fn what_is_stored_reads_back_the_same() {
        let slot =
            when(r#"{"weekdays":["sun",1],"dates":["2026-10-01"],"from":"22:00","to":"24:00"}"#);
        let stored = serde_json::to_string(&slot).unwrap();
        assert_eq!(
            stored,
            r#"{"weekdays":[7,1],"dates":["2026-10-01"],"from":"22:00","to":"24:00"}"#
        );
        assert_eq!(when(&stored), slot);
    }
}
