//! Instants: WeCom's, in whole Unix seconds ([`UnixSeconds`]), and those of our own clock as they are stored: whole
//! Unix seconds in the field that has always had them, and the microseconds of the second in a separate field.
//!
//! Readings of WeCom are compared with one another by these instants, and several fall into one second. A release that
//! does not know the second field reads and writes the first.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An instant in whole Unix seconds, which is the resolution of every time that WeCom reports.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
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
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The microseconds of an instant that was stored without them: the last ones, so that nothing that happened in the
/// same second is taken for newer.
const UNKNOWN_MICROSECONDS: u32 = 999_999;

/// The Unix seconds of an instant, and the microseconds beyond them.
#[must_use]
pub fn split(at: Timestamp) -> (i64, u32) {
    let seconds = at.as_microsecond().div_euclid(1_000_000);
    let microseconds = at.as_microsecond().rem_euclid(1_000_000);
    (seconds, u32::try_from(microseconds).unwrap_or_default())
}

/// The instant of these Unix seconds and microseconds beyond them; without them, the last one of the second.
#[must_use]
pub fn join(seconds: i64, microseconds: Option<u32>) -> Timestamp {
    let microseconds = i64::from(microseconds.unwrap_or(UNKNOWN_MICROSECONDS));
    let whole = seconds
        .saturating_mul(1_000_000)
        .saturating_add(microseconds);
    Timestamp::from_microsecond(whole).unwrap_or_default()
}

/// The fields `read_at` and `read_us` of a row.
pub(crate) mod read_at {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Fields {
        read_at: i64,
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
            assert!(join(seconds, None) >= at && join(seconds, None).as_second() <= seconds + 1);
        }
    }
}
