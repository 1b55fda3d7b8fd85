//! Metrics in CloudWatch's embedded metric format: a JSON line on the standard output, which costs no call and no wait.
//! The line that counts an event is also its entry in the log.

use std::fmt;
use std::sync::Arc;

use clock::Clock;
use jiff::Timestamp;
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
    print: Arc<dyn Fn(&str) + Send + Sync>,
}

/// The unit of a measurement.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    /// How many.
    Count,
    /// How long, in milliseconds.
    Milliseconds,
    /// How long, in seconds.
    Seconds,
    /// A share of a hundred.
    Percent,
    /// One that CloudWatch has no word for; the metric's name says it.
    None,
}

/// Measurements with the same dimensions.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// Names and values, in addition to the function's name.
    pub dimensions: &'a [(&'a str, &'a str)],
    /// Name, unit and value of each.
    pub measured: &'a [(&'a str, Unit, i64)],
    /// Whether CloudWatch also adds up the measurements of all dimensions: a metric whose one dimension is the
    /// function. An alarm then looks at one metric instead of one for each value, and each is paid for.
    pub totalled: bool,
}

impl Metrics {
    /// Writes the metrics of `function` through `print`, one line for each call, with the time of `clock`.
    pub fn new(
        function: impl Into<Arc<str>>,
        clock: Clock,
        print: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            function: function.into(),
            clock,
            print: Arc::new(print),
        }
    }

    /// Writes to the standard output, where Lambda collects them.
    #[must_use]
    pub fn to_stdout(function: impl Into<Arc<str>>, clock: Clock) -> Self {
        Self::new(function, clock, |line| println!("{line}"))
    }

    /// Writes one measurement, with at most a few dimensions in addition to the function's name. Values of
    /// dimensions come from short lists, never from customers: each pair of values is a metric of its own.
    pub fn put(&self, name: &str, unit: Unit, value: i64, dimensions: &[(&str, &str)]) {
        let group = Group {
            dimensions,
            measured: &[(name, unit, value)],
            totalled: false,
        };
        self.write(&[group], &[]);
    }

    /// Counts one, as [`put`](Self::put) does, and also in the total of all `dimensions`.
    pub fn count_in_total(&self, name: &str, dimensions: &[(&str, &str)]) {
        let group = Group {
            dimensions,
            measured: &[(name, Unit::Count, 1)],
            totalled: true,
        };
        self.write(&[group], &[]);
    }

    /// Writes measurements and further `fields` in one line: most of a line is its frame, and each line is paid for. No
    /// two of the names may be the same.
    pub fn write(&self, groups: &[Group<'_>], fields: &[(&str, Value)]) {
        let now = self.clock.now();
        let line = Line {
            timestamp: now,
            aws: Directives {
                timestamp: now.as_millisecond(),
                metrics: groups.iter().map(Directive::of).collect(),
            },
            function: &self.function,
            groups,
            fields,
        };
        match serde_json::to_string(&line) {
            Ok(line) => (self.print)(&line),
            Err(error) => {
                tracing::error!(
                    event = "metrics.unwritten",
                    metrics.error = %error,
                    "could not write a metric"
                );
            }
        }
    }
}

/// One line: when it was written, what CloudWatch is to make of it, and the values.
struct Line<'a> {
    timestamp: Timestamp,
    aws: Directives<'a>,
    function: &'a str,
    groups: &'a [Group<'a>],
    fields: &'a [(&'a str, Value)],
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
    dimensions: Vec<Vec<&'a str>>,
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
        // Without the two, Lambda's logging controls take a line for one of level INFO that was written when it came
        // in.
        line.serialize_entry("timestamp", &format_args!("{:.3}", self.timestamp))?;
        line.serialize_entry("level", "INFO")?;
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
        for (name, value) in self.fields {
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
            unit: unit.as_str(),
        });
        let mut dimensions = vec![std::iter::once("function").chain(names).collect()];
        if group.totalled {
            dimensions.push(vec!["function"]);
        }
        Self {
            namespace: NAMESPACE,
            dimensions,
            metrics: metrics.collect(),
        }
    }
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 5] = [
        Self::Count,
        Self::Milliseconds,
        Self::Seconds,
        Self::Percent,
        Self::None,
    ];

    /// CloudWatch's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
            Self::Percent => "Percent",
            Self::None => "None",
        }
    }
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
        let timestamp: Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(line["_aws"]["Timestamp"], timestamp.as_millisecond());
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn every_unit_is_a_unit_of_cloudwatch() {
        let units = Unit::ALL.map(Unit::as_str);
        assert_eq!(
            units,
            ["Count", "Milliseconds", "Seconds", "Percent", "None"]
        );
    }

    /// Compares the one line that `write` writes with a snapshot.
    fn compare(name: &str, write: impl FnOnce(&Metrics)) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let metrics = Metrics::new("scrm-sync", ManualClock::new().clock(), move |line| {
            written.lock().unwrap().push(line.to_owned());
        });
        write(&metrics);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        let mut settings = insta::Settings::clone_current();
        settings.set_omit_expression(true);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_sort_maps(true);
        settings.bind(|| insta::assert_json_snapshot!(name, line));
    }

    #[test]
    fn a_measurement_without_dimensions_has_the_function_only() {
        compare("metric_gauge", |metrics| {
            metrics.put("reconcile_percent", Unit::Percent, 40, &[]);
        });
    }

    #[test]
    fn a_measurement_without_a_unit_says_so() {
        compare("metric_without_unit", |metrics| {
            metrics.put("reconcile_age_hours", Unit::None, 7, &[]);
        });
    }

    #[test]
    fn a_count_has_its_dimensions() {
        compare("metric_count", |metrics| {
            metrics.put("reconciles", Unit::Count, 1, &[("result", "complete")]);
        });
    }

    #[test]
    fn a_line_has_several_measurements_with_the_same_dimensions() {
        compare("metric_count_and_duration", |metrics| {
            let measured = Group {
                dimensions: &[("outcome", "sent")],
                measured: &[
                    ("welcomes", Unit::Count, 1),
                    ("welcome_ms", Unit::Milliseconds, 312),
                ],
                totalled: false,
            };
            metrics.write(&[measured], &[("event.id", "e1".into())]);
        });
    }

    #[test]
    fn one_line_has_measurements_with_several_dimensions_and_further_fields() {
        compare("metric_groups_and_fields", |metrics| {
            let groups = [
                Group {
                    dimensions: &[("event", "add_external_contact"), ("known", "false")],
                    measured: &[("events", Unit::Count, 1)],
                    totalled: false,
                },
                Group {
                    dimensions: &[("status", "200")],
                    measured: &[("callback_ms", Unit::Milliseconds, 7)],
                    totalled: false,
                },
            ];
            metrics.write(
                &groups,
                &[("event.id", "e1".into()), ("event.age_s", 2.into())],
            );
        });
    }
}
