//! Patience with the machine: the one wait of these tests that the clock on the wall ends.

use std::fmt::Debug;
use std::time::Duration;

use clock::Clock;

/// How long something may take that another thread or process brings about. Only a test that fails waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The pause before the next look.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Looks again and again until `look` succeeds, and returns what it saw. Its error says what is there instead.
pub(crate) async fn eventually<T, E: Debug>(mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let clock = Clock::system();
    let began = clock.instant();
    loop {
        match look().await {
            Ok(seen) => return seen,
            Err(instead) => assert!(
                clock.since(began) < PATIENCE,
                "waited in vain, and saw {instead:?}"
            ),
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

/// Looks again and again until `holds`.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    eventually(async || holds().then_some(()).ok_or(("not", what))).await;
}
