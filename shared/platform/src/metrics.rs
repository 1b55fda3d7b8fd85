//! Metrics in CloudWatch's embedded metric format: one JSON line per measurement on the standard output,
//! which costs no call and no wait.

use std::fmt;
use std::sync::Arc;

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
    #[expect(
        clippy::cast_precision_loss,
        reason = "what is measured is far below 2^53"
    )]
    pub fn put(&self, name: &str, unit: Unit, value: i64, dimensions: &[(&str, &str)]) {
        let names: Vec<&str> = std::iter::once("function")
            .chain(dimensions.iter().map(|(name, _)| *name))
            .collect();
        let unit = match unit {
            Unit::Count => "Count",
            Unit::Milliseconds => "Milliseconds",
            Unit::Percent => "Percent",
            Unit::None => "None",
        };
        let directive = json!({
            "Timestamp": Timestamp::now().as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [names],
                "Metrics": [{"Name": name, "Unit": unit}],
            }],
        });
        let mut line = Map::from_iter([
            ("_aws".to_owned(), directive),
            ("function".to_owned(), Value::from(&*self.function)),
            (name.to_owned(), Value::from(value as f64)),
        ]);
        line.extend(
            dimensions
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Value::from(*value))),
        );
        (self.write)(&Value::Object(line).to_string());
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
        assert_eq!(line["welcomes"], 1.0);
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
}
