//! Instants. WeCom reports times in whole Unix seconds ([`UnixSeconds`]), and the receipt of an event is stored in Unix
//! milliseconds ([`UnixMillis`]). An instant of our own clock is stored in two fields: the whole Unix seconds in the
//! field that has always had them, and the microseconds of the second in a separate field.
//!
//! Readings of WeCom are compared with one another by these instants, and several fall into one second. A release that
//! does not know the second field reads and writes the first.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An instant in whole Unix seconds, which is the resolution of every time that WeCom reports.
///
/// It is serialized as the plain number.
///
/// ```
/// use domain::instant::UnixSeconds;
///
/// let begun = UnixSeconds(1_700_000_000);
/// let ends = begun.plus_seconds(60);
/// assert!(begun < ends);
/// assert_eq!(ends.seconds_since(begun), 60);
/// assert_eq!(ends.timestamp().to_string(), "2023-11-14T22:14:20Z");
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
    /// The Unix epoch, 1970-01-01T00:00:00Z, which is before everything that is stored.
    pub const EPOCH: Self = Self(0);

    /// The second that contains `at`.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second())
    }

    /// The number of seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The beginning of the second; the Unix epoch if no calendar contains it.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or_default()
    }

    /// So many seconds later, or earlier if `seconds` is negative; at most the last instant that the type can hold.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The seconds from `earlier` to this instant; negative if `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An instant in whole Unix milliseconds.
///
/// It is serialized as the plain number.
///
/// ```
/// use domain::instant::{UnixMillis, UnixSeconds};
///
/// let received = UnixMillis(1_700_000_000_900);
/// let answered = received.plus_millis(350);
/// assert_eq!(answered.millis_since(received), 350);
/// assert_eq!(received.seconds(), UnixSeconds(1_700_000_000));
/// assert_eq!(answered.seconds(), UnixSeconds(1_700_000_001));
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The millisecond that contains `at`.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }

    /// The number of milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The second that contains it.
    #[must_use]
    pub fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0.div_euclid(1_000))
    }

    /// The beginning of the millisecond; the Unix epoch if no calendar contains it.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or_default()
    }

    /// So many milliseconds later, or earlier if `millis` is negative; at most the last instant that the type can hold.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The milliseconds from `earlier` to this instant; negative if `earlier` is later.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<UnixSeconds> for UnixMillis {
    /// The beginning of the second.
    fn from(second: UnixSeconds) -> Self {
        Self(second.0.saturating_mul(1_000))
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The microseconds of an instant that was stored without them: the last ones, so that nothing that happened in the
/// same second is taken for newer.
const UNKNOWN_MICROSECONDS: u32 = 999_999;

/// The Unix seconds of an instant, and the microseconds beyond them.
#[must_use]
pub fn split(at: Timestamp) -> (UnixSeconds, u32) {
    let seconds = at.as_microsecond().div_euclid(1_000_000);
    let microseconds = at.as_microsecond().rem_euclid(1_000_000);
    (
        UnixSeconds(seconds),
        u32::try_from(microseconds).unwrap_or_default(),
    )
}

/// The instant of these Unix seconds and microseconds beyond them; without them, the last one of the second.
#[must_use]
pub fn join(seconds: UnixSeconds, microseconds: Option<u32>) -> Timestamp {
    let microseconds = i64::from(microseconds.unwrap_or(UNKNOWN_MICROSECONDS));
    let whole = seconds
        .get()
        .saturating_mul(1_000_000)
        .saturating_add(microseconds);
    Timestamp::from_microsecond(whole).unwrap_or_default()
}

/// The fields `read_at` and `read_us` of a row.
pub(crate) mod read_at {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::UnixSeconds;

    #[derive(Serialize, Deserialize)]
    struct Fields {
        read_at: UnixSeconds,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read_us: Option<u32>,
    }

    pub(crate) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (read_at, microseconds) = super::split(*at);
        let fields = Fields {
            read_at,
            read_us: Some(microseconds),
        };
        fields.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        Ok(super::join(fields.read_at, fields.read_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_back_and_one_without_microseconds_is_the_last_of_its_second() {
        for microsecond in [-1, 0, 1, 1_999_999, 4_116_801_600_000_001] {
            let at = Timestamp::from_microsecond(microsecond).unwrap();
            let (seconds, microseconds) = split(at);
            assert_eq!(join(seconds, Some(microseconds)), at);
            assert!(
                join(seconds, None) >= at && join(seconds, None).as_second() <= seconds.get() + 1
            );
        }
    }

    #[test]
    fn instants_are_stored_as_plain_numbers_and_their_arithmetic_ends_at_the_limits() {
        assert_eq!(serde_json::to_value(UnixSeconds(7)).unwrap(), 7);
        assert_eq!(serde_json::to_value(UnixMillis(7)).unwrap(), 7);
        assert_eq!(
            serde_json::from_str::<UnixMillis>("-7").unwrap(),
            UnixMillis(-7)
        );
        assert_eq!(UnixSeconds(i64::MAX).plus_seconds(1), UnixSeconds(i64::MAX));
        assert_eq!(UnixMillis(i64::MIN).millis_since(UnixMillis(1)), i64::MIN);
        assert_eq!(UnixMillis(-1).seconds(), UnixSeconds(-1));
        let at = Timestamp::from_millisecond(1_700_000_000_900).unwrap();
        assert_eq!(UnixMillis::of(at).timestamp(), at);
        assert_eq!(UnixMillis::of(at).seconds(), UnixSeconds::of(at));
        assert_eq!(
            UnixMillis::from(UnixSeconds::of(at)).get(),
            1_700_000_000_000
        );
    }
}
