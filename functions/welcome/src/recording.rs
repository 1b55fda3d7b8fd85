//! Stores the outcome of a welcome that was sent, although the store has no capacity for a moment.

use std::time::Duration;

use clock::Clock;
use domain::error::StoreError;

/// How often the write is tried. Each has several tries of the SDK, 4 s at most, and the function has 10 s left after
/// the 20 s of the welcome.
const TRIES: u32 = 3;
/// The pause before the second try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// Writes, again after a pause while the store is unavailable. If the record came again instead, WeCom would answer
/// that the customer is welcomed already, and the channel would not count its welcome.
pub(crate) async fn write_in_place<F: Future<Output = Result<(), StoreError>>>(
    clock: &Clock,
    write: impl Fn() -> F,
) -> Result<(), StoreError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match write().await {
            Err(error @ StoreError::Unavailable(_)) => {
                tracing::warn!(
                    event = "welcome.outcome_retried",
                    store.error = %error,
                    "the outcome of a welcome that was sent is not stored yet; it is tried again"
                );
            }
            written => return written,
        }
        clock.sleep(pause).await;
        pause *= 2;
    }
    write().await
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use clock::ManualClock;

    use super::*;

    /// Writes with these answers of the store. Returns the result, and how many were used.
    async fn write(answers: Vec<Result<(), StoreError>>) -> (Result<(), StoreError>, usize) {
        let (manual, left) = (ManualClock::new(), RefCell::new(answers.into_iter()));
        let all = left.borrow().len();
        let write = || {
            let answer = left.borrow_mut().next().unwrap();
            async move { answer }
        };
        let clock = manual.clock();
        let written = manual.drive(write_in_place(&clock, write)).await;
        let used = all - left.borrow().len();
        (written, used)
    }

    fn throttled() -> Result<(), StoreError> {
        Err(StoreError::Unavailable("throttled".to_owned()))
    }

    #[tokio::test]
    async fn a_store_without_capacity_is_asked_again_and_other_errors_are_returned() {
        assert!(matches!(write(vec![Ok(())]).await, (Ok(()), 1)));
        let (written, used) = write(vec![throttled(), throttled(), Ok(())]).await;
        assert!(written.is_ok() && used == 3);
        let (written, used) = write(vec![throttled(), throttled(), throttled(), Ok(())]).await;
        assert!(matches!(written, Err(StoreError::Unavailable(_))) && used == 3);
        let (written, used) = write(vec![Err(StoreError::Contended("it")), Ok(())]).await;
        assert!(matches!(written, Err(StoreError::Contended(_))) && used == 1);
    }
}
