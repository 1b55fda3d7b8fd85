//! The clock of the machine.

use std::time::Instant;

use jiff::Timestamp;

use crate::{TimeSource, Wait, Waiting};

/// The time of the operating system, and Tokio's timers.
pub(crate) struct System;

impl TimeSource for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn wait_until(&self, until: Instant, _wait: Wait) -> Waiting {
        Box::pin(tokio::time::sleep_until(until.into()))
    }
}
