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
    use serde_json::Value;

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

    /// What `work` logs at INFO and above, line by line.
    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let writer = written.clone();
        let clock = ManualClock::new().clock();
        let lines = json(LevelFilter::INFO, &clock, move || writer.clone());
        tracing::subscriber::with_default(lines.finish(), work);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Compares the one line that `work` logs with a snapshot.
    fn compare(name: &str, work: impl FnOnce()) {
        let lines = lines(work);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_sort_maps(true);
        settings.bind(|| insta::assert_json_snapshot!(name, &lines[0]));
    }

    #[test]
    fn a_line_that_operators_look_for_has_an_event_and_its_spans() {
        compare("log_event", || {
            let _invocation = tracing::info_span!("invocation", requestId = "r1").entered();
            let _record = tracing::info_span!("record", event.id = "e1", corp.id = "c1").entered();
            tracing::warn!(
                event = "tagging.retry",
                wecom.errcode = 45009,
                "a record will be retried"
            );
        });
    }

    #[test]
    fn a_line_without_an_event_has_its_sentence_and_fields() {
        compare("log_sentence", || {
            tracing::info!(
                corp.id = %"c1",
                run.writes = 3_u64,
                run.lost = 0,
                run.done = true,
                "a run is complete"
            );
        });
    }

    #[test]
    fn an_error_has_its_cause_as_text() {
        compare("log_error", || {
            let cause = "a \"cause\"\nof two lines";
            tracing::error!(
                event = "admin.failed",
                http.status = 502,
                refusal.cause = %cause,
                "a call failed"
            );
        });
    }

    #[test]
    fn a_field_that_is_absent_is_left_out() {
        compare("log_absent_field", || {
            tracing::info!(
                run.error = None::<&str>,
                run.held_up = Some("quota"),
                "a run stops"
            );
        });
    }

    #[test]
    fn what_is_below_the_level_is_not_written() {
        assert_eq!(
            lines(|| tracing::debug!("below the level")),
            Vec::<Value>::new()
        );
    }

    #[test]
    fn the_time_of_a_line_is_that_of_the_clock() {
        let clock = ManualClock::new().clock();
        let line = lines(|| tracing::info!("now")).remove(0);
        let timestamp: jiff::Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(timestamp.as_second(), clock.now().as_second());
    }
}
