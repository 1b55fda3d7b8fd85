//! Which calls of WeCom are repeated, how often and after which pause: the one policy of all functions but `welcome`,
//! which has 20 seconds.

use std::time::Duration;

use clock::Clock;
use domain::error::VendorError;
use wecom::{Class, ErrorCode};

/// Calls for one thing, the first included: WeCom asks for three at most after `SYSTEM_BUSY` (doc 90313).
const TRIES: u32 = 3;
/// First pause between two tries; it doubles: 1, 2, 4 s after `SYSTEM_BUSY` (doc 90313), 1 to 3 s after
/// `CONCURRENT_CHANGE`.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Makes a call, again after errors that pass within seconds. Returns the last answer, and how many calls there were.
pub async fn call<T, E, F: Future<Output = Result<T, E>>>(
    clock: &Clock,
    passes: impl Fn(&E) -> bool,
    make: impl Fn() -> F,
) -> (Result<T, E>, u32) {
    let (mut attempts, mut pause) = (1, FIRST_PAUSE);
    loop {
        match make().await {
            Err(error) if attempts < TRIES && passes(&error) => {
                clock.sleep(pause).await;
                pause *= 2;
                attempts += 1;
            }
            answer => return (answer, attempts),
        }
    }
}

/// Whether a call that ended with `error` is worth another one within seconds.
#[must_use]
pub fn passes_soon(error: &VendorError) -> bool {
    error.class() == Class::Retry && !error.code().is_some_and(ErrorCode::blocks_for_long)
}
