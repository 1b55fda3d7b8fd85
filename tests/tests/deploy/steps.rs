//! Prints each step of a run and how long it took.

use std::time::{Duration, Instant};

use crate::command::Outcome;

/// The log of a run.
pub(crate) struct Steps {
    started: Instant,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Prints the heading of a section.
    pub(crate) fn section(&mut self, name: &str) {
        println!("\n{name} ({:.0} s)", self.started.elapsed().as_secs_f64());
    }

    /// Runs a step, and prints how long it took. An error is prefixed with the name of the step.
    pub(crate) async fn step<T>(
        &self,
        what: &str,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        let started = Instant::now();
        let result = work.await;
        let (seconds, word) = (
            started.elapsed().as_secs_f64(),
            if result.is_ok() { "ok" } else { "FAILED" },
        );
        println!("{seconds:>9.1} s  {word:<6}  {what}");
        result.map_err(|error| format!("{what}: {error}").into())
    }

    /// Prints a detail of the last step.
    pub(crate) fn note(&self, text: &str) {
        println!("{:21}> {text}", "");
    }

    /// Prints the end of the run and its result.
    pub(crate) fn done(&self, what: &str) {
        println!(
            "\n{what}, in {:.0} s.",
            self.started.elapsed().as_secs_f64()
        );
    }
}

/// Polls until the result is `Ok`, for at most `patience`.
pub(crate) async fn eventually<T, F>(patience: Duration, mut poll: impl FnMut() -> F) -> Outcome<T>
where
    F: Future<Output = Result<T, String>>,
{
    let until = Instant::now() + patience;
    loop {
        match poll().await {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() > until => {
                return Err(format!("not within {} s: {error}", patience.as_secs()).into());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
