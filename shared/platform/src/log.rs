//! The log of a function: lines on the standard output, as Lambda's logging controls ask for them.
//!
//! The Lambda runtime brings a subscriber of its own, which takes filters by target. They are made of regular
//! expressions, which every package and every init would carry, and Lambda's controls only know levels.
//!
//! Every line has a `timestamp` in RFC 3339 and a `level`: a line without them counts as INFO, whatever it says (AWS
//! Lambda developer guide, "Using Lambda advanced logging controls", custom runtimes). Lines that operators look for
//! have an `event`, a stable name such as `tagging.retry`; the sentence in `message` may change. `spans` says what the
//! function was working on: the invocation, and the record, request or run.

use std::fmt;

use clock::Clock;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

/// Begins to log on the standard output what is at or above the level of `AWS_LAMBDA_LOG_LEVEL`, else of `RUST_LOG`,
/// else `INFO`; as JSON if `AWS_LAMBDA_LOG_FORMAT` says so. Variables are read through `variable`.
pub fn start(variable: impl Fn(&str) -> Option<String>, clock: &Clock) {
    let level = variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| variable("RUST_LOG"));
    let level = level.and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    let format = variable("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
    if format.eq_ignore_ascii_case("json") {
        json(level, clock, std::io::stdout).init();
    } else {
        // CloudWatch shows escape sequences as they are.
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_target(false)
            .with_timer(Time(clock.clone()))
            .with_max_level(level)
            .init();
    }
}

/// The lines in JSON, one for each, written by `writer`.
fn json<W>(level: LevelFilter, clock: &Clock, writer: W) -> JsonLines<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_target(false)
        .with_timer(Time(clock.clone()))
        .with_max_level(level)
        .with_writer(writer)
}

type JsonLines<W> = tracing_subscriber::fmt::SubscriberBuilder<
    tracing_subscriber::fmt::format::JsonFields,
    tracing_subscriber::fmt::format::Format<tracing_subscriber::fmt::format::Json, Time>,
    LevelFilter,
    W,
>;

/// The time of a line, in RFC 3339 with microseconds.
struct Time(Clock);

impl FormatTime for Time {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        write!(line, "{:.6}", self.0.now())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use clock::ManualClock;
    use serde_json::{Value, json};

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_time_level_event_fields_and_what_was_worked_on() {
        let written = Written::default();
        let writer = written.clone();
        let clock = ManualClock::new().clock();
        let lines = json(LevelFilter::INFO, &clock, move || writer.clone());
        tracing::subscriber::with_default(lines.finish(), || {
            let _record = tracing::info_span!("record", event.id = "e1").entered();
            tracing::warn!(
                event = "tagging.retry",
                wecom.errcode = 45009,
                "a record will be retried"
            );
            tracing::debug!("below the level");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let mut line: Value = serde_json::from_str(&text).unwrap();
        let timestamp = line["timestamp"].take();
        let timestamp: jiff::Timestamp = timestamp.as_str().unwrap().parse().unwrap();
        assert_eq!(timestamp.as_second(), clock.now().as_second());
        assert_eq!(
            line,
            json!({
                "timestamp": null,
                "level": "WARN",
                "event": "tagging.retry",
                "wecom.errcode": 45009,
                "message": "a record will be retried",
                "spans": [{"name": "record", "event.id": "e1"}],
            })
        );
    }
}
