//! Each metric of the bundle that an alarm or the dashboard uses is one that a function writes, with the dimensions
//! that it is written with: an alarm on another one would never fire, and nothing would say so.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::reader::read;
use crate::template;

/// The dimensions whose values are in the sources, as literals.
const LITERALS: [&str; 4] = ["cause", "object", "outcome", "part"];
/// Dimensions with other values: numbers of HTTP, names of events, true and false.
const OTHERS: [&str; 3] = ["status", "event", "known"];

/// A metric of the namespace: where it is used, its name, and its dimensions. Of a search, some have no value.
struct Used {
    by: String,
    name: String,
    dimensions: Vec<(String, Option<String>)>,
}

/// The metrics that alarms use.
fn of_alarms(template: &Value) -> Vec<Used> {
    let mut used = Vec::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let properties = &resource["Properties"];
        let several = properties["Metrics"].as_array().into_iter().flatten();
        let several = several.map(|metric| &metric["MetricStat"]["Metric"]);
        for metric in several.chain([properties]) {
            if metric["Namespace"] != platform::metrics::NAMESPACE {
                continue;
            }
            let dimensions = metric["Dimensions"].as_array().unwrap().iter();
            let dimensions = dimensions.map(|it| {
                let value = it["Value"].as_str().unwrap();
                let value = value.strip_prefix("!Sub ").unwrap_or(value);
                (
                    it["Name"].as_str().unwrap().to_owned(),
                    Some(value.to_owned()),
                )
            });
            used.push(Used {
                by: id.clone(),
                name: metric["MetricName"].as_str().unwrap().to_owned(),
                dimensions: dimensions.collect(),
            });
        }
    }
    used
}

/// The metrics of the dashboard's widgets, also of searches.
fn of_dashboard(template: &Value) -> Vec<Used> {
    let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"];
    let body = body.as_str().unwrap().strip_prefix("!Sub ").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let mut used = Vec::new();
    for widget in body["widgets"].as_array().unwrap() {
        let title = widget["properties"]["title"].as_str().unwrap_or_default();
        let mut last: Vec<String> = Vec::new();
        for metric in widget["properties"]["metrics"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let words: Vec<String> = metric
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|word| word.as_str())
                .map(str::to_owned)
                .collect();
            if let Some(expression) = metric[0]["expression"].as_str() {
                used.extend(searched(title, expression));
                continue;
            }
            last = written_out(&last, &words);
            if last[0] == platform::metrics::NAMESPACE {
                let pairs = last[2..].chunks(2);
                let pairs = pairs.map(|pair| (pair[0].clone(), Some(pair[1].clone())));
                used.push(Used {
                    by: title.to_owned(),
                    name: last[1].clone(),
                    dimensions: pairs.collect(),
                });
            }
        }
    }
    used
}

/// A metric of a widget without the short forms: `.` is the word above, `...` all words above that are not given.
fn written_out(above: &[String], words: &[String]) -> Vec<String> {
    match words.split_first() {
        Some((first, given)) if first == "..." => {
            let kept = above.len() - given.len();
            [&above[..kept], given].concat()
        }
        _ => words
            .iter()
            .enumerate()
            .map(|(place, word)| {
                if word == "." {
                    above[place].clone()
                } else {
                    word.clone()
                }
            })
            .collect(),
    }
}

/// The metrics that a search finds: `SEARCH('{namespace,dimension,…} MetricName="…" dimension="…"', …)`.
fn searched(title: &str, expression: &str) -> Option<Used> {
    let (_, search) = expression.split_once("SEARCH('{")?;
    let (schema, terms) = search.split_once('}').unwrap();
    let mut schema = schema.split(',');
    if schema.next() != Some(platform::metrics::NAMESPACE) {
        return None;
    }
    let term = |name: &str| {
        let (_, value) = terms.split_once(&format!(" {name}=\""))?;
        value.split_once('"').map(|(value, _)| value.to_owned())
    };
    Some(Used {
        by: title.to_owned(),
        name: term("MetricName").unwrap(),
        dimensions: schema.map(|name| (name.to_owned(), term(name))).collect(),
    })
}

/// The sources of a function, and of what all share, without their tests.
fn sources(function: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = String::new();
    let mut folders: Vec<PathBuf> = vec![root.join("functions").join(function).join("src")];
    for shared in fs::read_dir(root.join("shared")).unwrap() {
        folders.push(shared.unwrap().path().join("src"));
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("test") {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    text
}

/// Why no function writes this metric, unless one does.
fn fault(used: &Used) -> Option<String> {
    let is = |name: &str| used.dimensions.iter().find(|(of, _)| of == name);
    let function = is("function").and_then(|(_, value)| value.as_deref());
    let Some(function) = function.and_then(|name| name.strip_prefix("${Name}-")) else {
        return Some(format!("{function:?} is not the name of a function"));
    };
    let text = sources(function);
    // The word of an outcome is the name of a variant.
    let variant = |word: &str| -> String {
        let parts = word
            .split('_')
            .map(|part| part[..1].to_uppercase() + &part[1..]);
        parts.collect()
    };
    let written = |literal: &str| {
        text.contains(&format!("\"{literal}\""))
            || text.contains(&format!("\n    {},\n", variant(literal)))
    };
    if !written(&used.name) {
        return Some(format!("{function} does not write it"));
    }
    for (name, value) in &used.dimensions {
        let known = name == "function" || OTHERS.contains(&name.as_str());
        if !known && !LITERALS.contains(&name.as_str()) {
            return Some(format!("{name} is not a dimension"));
        }
        if let (true, Some(value)) = (LITERALS.contains(&name.as_str()), value)
            && !(written(name) && written(value))
        {
            return Some(format!("{function} does not write {value} as {name}"));
        }
    }
    None
}

fn faults(used: &[Used]) -> Vec<String> {
    let faults = used
        .iter()
        .filter_map(|used| fault(used).map(|fault| format!("{}: {}: {fault}", used.by, used.name)));
    faults.collect()
}

#[test]
fn alarms_and_widgets_use_metrics_that_are_written() {
    let alarms = of_alarms(&read(&template("alarms")));
    let widgets = of_dashboard(&read(&template("dashboard")));
    assert!(alarms.len() > 15, "{}", alarms.len());
    assert!(widgets.len() > 30, "{}", widgets.len());
    assert_eq!(faults(&alarms), [""; 0]);
    assert_eq!(faults(&widgets), [""; 0]);
}

#[test]
fn a_metric_that_is_not_written_is_found() {
    for (name, old, new, expected) in [
        (
            "alarms",
            "MetricName: tags_waiting",
            "MetricName: tags_wait",
            "sync does not write it",
        ),
        (
            "alarms",
            "{Name: outcome, Value: failed}",
            "{Name: outcome, Value: fails}",
            "does not write fails as outcome",
        ),
        (
            "alarms",
            "{Name: outcome, Value: too_late}",
            "{Name: reason, Value: too_late}",
            "reason is not a dimension",
        ),
        (
            "dashboard",
            "\"apps_broken\", \"function\", \"${Name}-sync\"",
            "\"apps_broken\", \"function\", \"${Name}\"",
            "is not the name of a function",
        ),
        (
            "dashboard",
            "MetricName=\\\"tick_failures\\\"",
            "MetricName=\\\"failures\\\"",
            "sync does not write it",
        ),
        (
            "dashboard",
            "[\"...\", \"no_code\"",
            "[\"...\", \"without_code\"",
            "does not write without_code as outcome",
        ),
    ] {
        let text = template(name);
        assert!(text.contains(old), "{name} has no {old}");
        let changed = read(&text.replacen(old, new, 1));
        let used = if name == "alarms" {
            of_alarms(&changed)
        } else {
            of_dashboard(&changed)
        };
        let found = faults(&used);
        assert!(
            found.iter().any(|fault| fault.contains(expected)),
            "{new}: {found:?}"
        );
    }
}
