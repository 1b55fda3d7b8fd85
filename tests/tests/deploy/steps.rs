//! Says what is done, and how long it took.

use std::time::{Duration, Instant};

use crate::command::Outcome;

/// The log of a run.
pub(crate) struct Steps {
    began: Instant,
}

impl Steps {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// Begins a part.
    pub(crate) fn act(&mut self, name: &str) {
        println!("\n{name} ({:.0} s)", self.began.elapsed().as_secs_f64());
    }

    /// Does one thing, and says how long it took. What it failed with names it.
    pub(crate) async fn step<T>(
        &self,
        what: &str,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        let began = Instant::now();
        let done = work.await;
        let (seconds, word) = (
            began.elapsed().as_secs_f64(),
            if done.is_ok() { "ok" } else { "FAILED" },
        );
        println!("{seconds:>9.1} s  {word:<6}  {what}");
        done.map_err(|wrong| format!("{what}: {wrong}").into())
    }

    /// Tells a figure that belongs to the last step.
    pub(crate) fn note(&self, text: &str) {
        println!("{:21}> {text}", "");
    }

    /// The end, and what it means.
    pub(crate) fn done(&self, what: &str) {
        println!("\n{what}, in {:.0} s.", self.began.elapsed().as_secs_f64());
    }
}

/// Asks until the answer is there, for as long as `patience`.
pub(crate) async fn eventually<T, F>(patience: Duration, mut ask: impl FnMut() -> F) -> Outcome<T>
where
    F: Future<Output = Result<T, String>>,
{
    let until = Instant::now() + patience;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(wrong) if Instant::now() > until => {
                return Err(format!("not within {} s: {wrong}", patience.as_secs()).into());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
