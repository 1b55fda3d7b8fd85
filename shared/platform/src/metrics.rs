//! Metrics in CloudWatch's embedded metric format: a JSON line on the standard output, which costs no call and no wait.
//! The line that counts an event is also its entry in the log.

use std::fmt;
use std::sync::Arc;

use clock::Clock;
use domain::event::InboxEvent;
use domain::outcome::Outcome;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::Value;

/// Namespace of all metrics of the bundle.
pub const NAMESPACE: &str = "wecom-scrm";

/// Writes the metrics of one function.
#[derive(Clone)]
pub struct Metrics {
    function: Arc<str>,
    clock: Clock,
    write: Arc<dyn Fn(&str) + Send + Sync>,
}

/// The unit of a measurement.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// How many.
    Count,
    /// How long, in milliseconds.
    Milliseconds,
    /// A share of a hundred.
    Percent,
    /// One that CloudWatch has no word for; the metric's name says it.
    None,
}

/// Measurements with the same dimensions.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// Beside the function's name: names and values.
    pub dimensions: &'a [(&'a str, &'a str)],
    /// Name, unit and value of each.
    pub measured: &'a [(&'a str, Unit, i64)],
}

impl Metrics {
    /// Writes the metrics of `function` through `write`, one line a call, with the time of `clock`.
    pub fn new(
        function: impl Into<Arc<str>>,
        clock: Clock,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            function: function.into(),
            clock,
            write: Arc::new(write),
        }
    }

    /// Writes to the standard output, where Lambda collects them.
    #[must_use]
    pub fn to_stdout(function: impl Into<Arc<str>>, clock: Clock) -> Self {
        Self::new(function, clock, |line| println!("{line}"))
    }

    /// Writes one measurement, with at most a few dimensions beside the function's name. Values of
    /// dimensions come from short lists, never from customers: each pair of values is a metric of its own.
    pub fn put(&self, name: &str, unit: Unit, value: i64, dimensions: &[(&str, &str)]) {
        let group = Group {
            dimensions,
            measured: &[(name, unit, value)],
        };
        self.tell(&[group], &[]);
    }

    /// Writes measurements and what else is `known` of the matter in one line. A line of its own for each would be paid
    /// for again: what most of it says is what it is. No two of the names may be the same.
    pub fn tell(&self, groups: &[Group<'_>], known: &[(&str, Value)]) {
        let line = Line {
            aws: Directives {
                timestamp: self.clock.unix_millis(),
                metrics: groups.iter().map(Directive::of).collect(),
            },
            function: &self.function,
            groups,
            known,
        };
        match serde_json::to_string(&line) {
            Ok(line) => (self.write)(&line),
            Err(error) => tracing::error!(cause = %error, "could not write a metric"),
        }
    }
}

/// One line: what CloudWatch is to make of it, and the values.
struct Line<'a> {
    aws: Directives<'a>,
    function: &'a str,
    groups: &'a [Group<'a>],
    known: &'a [(&'a str, Value)],
}

#[derive(Serialize)]
struct Directives<'a> {
    #[serde(rename = "Timestamp")]
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    metrics: Vec<Directive<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: [Vec<&'a str>; 1],
    metrics: Vec<Metric<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric<'a> {
    name: &'a str,
    unit: &'static str,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("_aws", &self.aws)?;
        line.serialize_entry("function", self.function)?;
        for group in self.groups {
            for (name, value) in group.dimensions {
                line.serialize_entry(name, value)?;
            }
            for (name, _, value) in group.measured {
                line.serialize_entry(name, value)?;
            }
        }
        for (name, value) in self.known {
            line.serialize_entry(name, value)?;
        }
        line.end()
    }
}

impl<'a> Directive<'a> {
    fn of(group: &Group<'a>) -> Self {
        let names = group.dimensions.iter().map(|(name, _)| *name);
        let measured = group.measured.iter();
        let metrics = measured.map(|(name, unit, _)| Metric {
            name,
            unit: unit.word(),
        });
        Self {
            namespace: NAMESPACE,
            dimensions: [std::iter::once("function").chain(names).collect()],
            metrics: metrics.collect(),
        }
    }
}

impl Unit {
    const fn word(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Percent => "Percent",
            Self::None => "None",
        }
    }
}

/// What a line says of an event and its outcome: ids and codes, nothing of a customer.
#[must_use]
pub fn facts<R>(event: &InboxEvent, outcome: &Outcome<R>) -> Vec<(&'static str, Value)> {
    let mut facts = vec![
        ("event.id", Value::from(event.id.as_str())),
        ("corp.id", Value::from(event.corp.as_str())),
        ("attempts", Value::from(outcome.attempts)),
    ];
    facts.extend(
        outcome
            .errcode
            .map(|code| ("errcode", Value::from(code.get()))),
    );
    facts
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clock::ManualClock;
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let metrics = Metrics::new("welcome", ManualClock::new().clock(), move |line| {
            written.lock().unwrap().push(line.to_owned());
        });
        metrics.put("welcomes", Unit::Count, 1, &[("outcome", "sent")]);
        let line: Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
        assert_eq!(line["welcomes"], 1);
        assert_eq!(line["outcome"], "sent");
        let metric = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metric["Namespace"], NAMESPACE);
        assert_eq!(metric["Dimensions"], json!([["function", "outcome"]]));
        assert_eq!(
            metric["Metrics"],
            json!([{"Name": "welcomes", "Unit": "Count"}])
        );
        assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
    }

    #[test]
    fn one_line_tells_of_measurements_with_several_dimensions_and_of_the_matter() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let metrics = Metrics::new("callback", ManualClock::new().clock(), move |line| {
            written.lock().unwrap().push(line.to_owned());
        });
        let groups = [
            Group {
                dimensions: &[("event", "add_external_contact")],
                measured: &[("events", Unit::Count, 1)],
            },
            Group {
                dimensions: &[("status", "200")],
                measured: &[("callback_ms", Unit::Milliseconds, 7)],
            },
        ];
        metrics.tell(&groups, &[("event.id", "e1".into())]);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        let directives = &line["_aws"]["CloudWatchMetrics"];
        assert_eq!(directives[0]["Dimensions"], json!([["function", "event"]]));
        assert_eq!(directives[1]["Dimensions"], json!([["function", "status"]]));
        assert_eq!(directives[1]["Metrics"][0]["Name"], "callback_ms");
        assert_eq!(
            (&line["events"], &line["callback_ms"], &line["event.id"]),
            (&json!(1), &json!(7), &json!("e1"))
        );
    }
}
