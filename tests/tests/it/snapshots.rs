//! Snapshots of what others read: the answers of the admin API, one for each call and refusal, and the metric lines of
//! the functions.
//!
//! A field is never left out. What differs from run to run (ids, instants, addresses) is replaced by a word in
//! brackets, and only if it has the form that it should have: anything else stays as it is, and the comparison fails.

mod channels;
mod customers;
mod lines;
mod refusals;
mod state;

use scrm_local::operator::Answer;
use serde_json::{Map, Value, json};

/// What a replaced value must look like.
enum Form {
    /// A text of `length` characters, or of any if it is 0, that begins with `prefix`.
    Text { prefix: &'static str, length: usize },
    /// An instant in Unix seconds, from a year before the clock of the scenarios to a year after it.
    Seconds,
    /// The same as a text.
    Digits,
    /// An instant in Unix milliseconds.
    Millis,
    /// An instant in RFC 3339.
    Instant,
    /// A number that is not negative.
    Number,
}

const fn text(prefix: &'static str, length: usize) -> Form {
    Form::Text { prefix, length }
}

/// By the name of its field: the form of a value that differs from run to run, and what stands for it.
const REPLACED: &[(&str, Form, &str)] = &[
    ("id", text("ch", 15), "[channel id]"),
    ("state", text("ch", 15), "[channel id]"),
    ("State", text("ch", 15), "[channel id]"),
    ("channel_id", text("ch", 15), "[channel id]"),
    ("next_cursor", text("ch", 15), "[channel id]"),
    ("config_id", text("", 0), "[config id]"),
    ("link_id", text("", 0), "[link id]"),
    ("tag_ids", text("et", 0), "[tag id]"),
    ("tags", text("et", 0), "[tag id]"),
    ("marked", text("et", 0), "[tag id]"),
    ("oper_userid", text("wm", 0), "[external userid]"),
    ("media_id", text("", 0), "[media id]"),
    ("event_id", text("", 64), "[event id]"),
    ("event.id", text("", 64), "[event id]"),
    ("external_userid", text("wm", 0), "[external userid]"),
    ("external_userids", text("wm", 0), "[external userid]"),
    ("ExternalUserID", text("wm", 0), "[external userid]"),
    ("unionid", text("o", 0), "[unionid]"),
    ("id", text("run", 16), "[run id]"),
    // How many events are old enough depends on how far the clock has come.
    ("events_folded", Form::Number, "[number]"),
    ("created_at", Form::Seconds, "[seconds]"),
    ("updated_at", Form::Seconds, "[seconds]"),
    ("added_at", Form::Seconds, "[seconds]"),
    ("attributed_at", Form::Seconds, "[seconds]"),
    ("createtime", Form::Seconds, "[seconds]"),
    ("CreateTime", Form::Digits, "[seconds]"),
    ("observed_at", Form::Seconds, "[seconds]"),
    ("status_at", Form::Seconds, "[seconds]"),
    ("lost_at", Form::Seconds, "[seconds]"),
    ("read_at", Form::Seconds, "[seconds]"),
    ("read_at", Form::Instant, "[instant]"),
    ("at", Form::Seconds, "[seconds]"),
    ("duty_until", Form::Seconds, "[seconds]"),
    ("expires_at", Form::Seconds, "[seconds]"),
    ("since", Form::Seconds, "[seconds]"),
    ("started_at", Form::Seconds, "[seconds]"),
    ("finished_at", Form::Seconds, "[seconds]"),
    ("received_at_ms", Form::Millis, "[milliseconds]"),
    ("Timestamp", Form::Millis, "[milliseconds]"),
    ("timestamp", Form::Instant, "[instant]"),
    ("latency_ms", Form::Number, "[duration]"),
    ("outcome.latency_ms", Form::Number, "[duration]"),
    ("welcome_ms", Form::Number, "[duration]"),
    ("callback_ms", Form::Number, "[duration]"),
    ("event.age_s", Form::Number, "[duration]"),
    ("agent_id", Form::Number, "[agent id]"),
    ("quota_used_percent", Form::Number, "[percent]"),
    ("per_minute", Form::Number, "[rate]"),
    ("seconds_left", Form::Number, "[duration]"),
];

impl Form {
    fn fits(&self, value: &Value) -> bool {
        let start = clock::START.as_second();
        let year = start - 366 * 86_400..start + 366 * 86_400;
        let number = value.as_i64();
        let written = value.as_str();
        match self {
            Self::Text { prefix, length } => written.is_some_and(|text| {
                text.starts_with(prefix)
                    && !text.is_empty()
                    && (*length == 0 || text.len() == *length)
            }),
            Self::Seconds => number.is_some_and(|seconds| year.contains(&seconds)),
            Self::Digits => {
                let seconds = written.and_then(|text| text.parse().ok());
                seconds.is_some_and(|seconds| year.contains(&seconds))
            }
            Self::Millis => number.is_some_and(|millis| year.contains(&(millis / 1000))),
            Self::Instant => written.is_some_and(|text| {
                let instant = text.parse::<jiff::Timestamp>();
                instant.is_ok_and(|instant| year.contains(&instant.as_second()))
            }),
            Self::Number => number.is_some_and(|number| number >= 0),
        }
    }
}

/// The value with words for what differs from run to run.
fn replaced(value: &Value) -> Value {
    in_field("", value)
}

fn in_field(name: &str, value: &Value) -> Value {
    let mut known = REPLACED.iter().filter(|(field, ..)| *field == name);
    if let Some((.., word)) = known.find(|(_, form, _)| form.fits(value)) {
        return json!(word);
    }
    match value {
        Value::Array(items) => items.iter().map(|item| in_field(name, item)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), in_field(name, value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::String(text) => json!(without_ids(&without_address(text))),
        other => other.clone(),
    }
}

/// The text with a word for an address of this machine, without its query.
fn without_address(text: &str) -> String {
    let Some((before, rest)) = text.split_once("http://127.0.0.1:") else {
        return text.to_owned();
    };
    let query = rest.split_once('?').map(|(_, query)| format!("?{query}"));
    format!(
        "{before}[address at the sandbox]{}",
        query.unwrap_or_default()
    )
}

/// The text with a word for each id of a channel in it, and for the number by which WeCom finds a call again.
fn without_ids(text: &str) -> String {
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let words = words.map(|word| {
        let id = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let word_for = if id.len() == 15
            && id.starts_with("ch")
            && id.contains(|c: char| c.is_ascii_digit())
        {
            "[channel id]"
        } else if word.ends_with(']') && id.len() >= 8 && id.bytes().all(|c| c.is_ascii_digit()) {
            "number"
        } else {
            id
        };
        format!("{word_for}{}", &word[id.len()..])
    });
    words.collect()
}

/// Compares the answer to a call, which is written as in the README, with the snapshot `name`.
fn compare(name: &str, call: &str, sent: Option<&Value>, answer: Answer) {
    let (status, body) = answer;
    let mut snapshot = json!({"call": call, "status": status, "body": replaced(&body)});
    if let Some(sent) = sent {
        snapshot["sent"] = replaced(sent);
    }
    matches_snapshot(name, &snapshot);
}

/// Compares the value with the snapshot `name`.
pub(crate) fn matches_snapshot(name: &str, value: &Value) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_sort_maps(true);
    settings.bind(|| insta::assert_json_snapshot!(name, value));
}

#[test]
fn what_has_another_form_or_another_name_stays_in_a_snapshot() {
    let start = clock::START.as_second();
    assert_eq!(
        replaced(&json!({
            "id": "ch0123456789abc", "created_at": start, "received_at_ms": start * 1000, "latency_ms": 0,
            "tags": ["et1", {"outcome": "tagged"}], "status": 7,
            "url": "http://127.0.0.1:1/x?customer_channel=ch0123456789abc",
            "message": "the channel ch0123456789abc is being made",
        })),
        json!({
            "id": "[channel id]", "created_at": "[seconds]", "received_at_ms": "[milliseconds]",
            "latency_ms": "[duration]", "tags": ["[tag id]", {"outcome": "tagged"}], "status": 7,
            "url": "[address at the sandbox]?customer_channel=[channel id]",
            "message": "the channel [channel id] is being made",
        })
    );
    let other = json!({
        "id": "ch1", "created_at": start * 1000, "received_at_ms": start, "latency_ms": -1, "event_id": "e1",
        "timestamp": "today", "tags": ["other"], "config_id": null, "other": start,
    });
    assert_eq!(replaced(&other), other);
}
