//! Metrics in CloudWatch's embedded metric format: a JSON line on the standard output, which costs no call and no wait.
//! The line that counts an event is also its entry in the log.

use std::fmt;
use std::sync::Arc;

use domain::event::InboxEvent;
use domain::outcome::Outcome;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Namespace of all metrics of the bundle.
pub const NAMESPACE: &str = "wecom-scrm";

/// Writes the metrics of one function.
#[derive(Clone)]
pub struct Metrics {
    function: Arc<str>,
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
    /// Writes the metrics of `function` through `write`, one line a call.
    pub fn new(
        function: impl Into<Arc<str>>,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            function: function.into(),
            write: Arc::new(write),
        }
    }

    /// Writes to the standard output, where Lambda collects them.
    #[must_use]
    pub fn to_stdout(function: impl Into<Arc<str>>) -> Self {
        Self::new(function, |line| println!("{line}"))
    }

    /// Writes one measurement, with at most a few dimensions beside the function's name. Values of
    /// dimensions come from short lists, never from customers: each pair of values is a metric of its own.
    pub fn put(&self, name: &str, unit: Unit, value: i64, dimensions: &[(&str, &str)]) {
        let group = Group {
            dimensions,
            measured: &[(name, unit, value)],
        };
        self.tell(&[group], Map::new());
    }

    /// Writes measurements and what else is to be known of the matter in one line. A line of its own for each would be
    /// paid for again: what most of it says is what it is.
    pub fn tell(&self, groups: &[Group<'_>], known: Map<String, Value>) {
        let mut line = Map::new();
        let mut directives = Vec::with_capacity(groups.len());
        for group in groups {
            let names =
                std::iter::once("function").chain(group.dimensions.iter().map(|(name, _)| *name));
            let measured = group.measured.iter();
            let measured =
                measured.map(|(name, unit, _)| json!({"Name": name, "Unit": unit.word()}));
            directives.push(json!({
                "Namespace": NAMESPACE,
                "Dimensions": [names.collect::<Vec<_>>()],
                "Metrics": measured.collect::<Vec<_>>(),
            }));
            for (name, value) in group.dimensions {
                line.insert((*name).to_owned(), Value::from(*value));
            }
            for (name, _, value) in group.measured {
                line.insert((*name).to_owned(), Value::from(*value));
            }
        }
        let at = Timestamp::now().as_millisecond();
        let directive = json!({"Timestamp": at, "CloudWatchMetrics": directives});
        line.insert("_aws".to_owned(), directive);
        line.insert("function".to_owned(), Value::from(&*self.function));
        line.extend(known);
        (self.write)(&Value::Object(line).to_string());
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
pub fn facts<R>(event: &InboxEvent, outcome: &Outcome<R>) -> Map<String, Value> {
    let mut facts = Map::from_iter([
        ("event.id".to_owned(), Value::from(event.id.as_str())),
        ("corp.id".to_owned(), Value::from(event.corp.as_str())),
        ("attempts".to_owned(), Value::from(outcome.attempts)),
    ]);
    if let Some(errcode) = outcome.errcode {
        facts.insert("errcode".to_owned(), Value::from(errcode));
    }
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
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let metrics = Metrics::new("welcome", move |line| {
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
        let metrics = Metrics::new("callback", move |line| {
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
        metrics.tell(&groups, Map::from_iter([("event.id".into(), "e1".into())]));
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
