//! Checks that each function did its work: figures of failed events would be meaningless.

use scrm_local::config::DEMO_CORP;
use serde_json::{Value, json};

use crate::candidate::Runtime;
use crate::scene::{Add, Scene};

/// The welcome of the channel. Both names cost a call to WeCom.
pub(crate) const WELCOME: &str = "{customer}您好，我是{member}";
/// The remark of the channel.
pub(crate) const REMARK: &str = "{customer}-展会";

/// Checks the status of an HTTP response, and returns its body.
pub(crate) fn status(answer: &Value, wanted: u16) -> Result<Value, String> {
    if answer["statusCode"] != wanted {
        return Err(format!("answered {answer} instead of {wanted}"));
    }
    let body = answer["body"].as_str().unwrap_or_default();
    Ok(serde_json::from_str(body).unwrap_or_default())
}

/// The database had the same work as with the first callback that stored the event: `first` are its write units.
pub(crate) fn same_writes(
    runtime: Runtime,
    units: f64,
    first: &mut Option<f64>,
) -> Result<(), String> {
    let first = *first.get_or_insert(units);
    if (units - first).abs() < f64::EPSILON {
        return Ok(());
    }
    Err(format!(
        "{runtime} takes {units} write units for an event, the first one {first}"
    ))
}

/// Checks that no record of a batch failed.
pub(crate) fn no_failures(answer: &Value) -> Result<(), String> {
    if answer["batchItemFailures"] == json!([]) {
        return Ok(());
    }
    Err(format!("a record failed: {answer}"))
}

/// Checks that the customer received the welcome with both names.
pub(crate) fn welcomed(scene: &Scene, add: &Add) -> Result<(), String> {
    let chat = scene.corp.chat(&add.external_userid, &add.userid);
    let chat = serde_json::to_string(&chat).unwrap_or_default();
    let greeting = format!("{}您好，我是", add.name);
    if chat.contains(&greeting) && !chat.contains("{member}") {
        return Ok(());
    }
    Err(format!("{} was not welcomed: {chat}", add.name))
}

/// Checks that tag and remark are set.
pub(crate) fn tagged(scene: &Scene, add: &Add) -> Result<(), String> {
    let relation = scene.corp.relation(&add.external_userid, &add.userid);
    let remark = REMARK.replace("{customer}", &add.name);
    if relation
        .as_ref()
        .is_some_and(|it| it.tags.len() == 1 && it.remark == remark)
    {
        return Ok(());
    }
    Err(format!("{} was not tagged: {relation:?}", add.name))
}

/// Checks that no part of a tick failed.
pub(crate) fn no_errors(answer: &Value) -> Result<(), String> {
    let corp = &answer["corps"][DEMO_CORP];
    if corp.is_object() && !corp.to_string().contains("\"error\"") {
        return Ok(());
    }
    Err(format!("a tick failed: {answer}"))
}

/// Checks that no part of a tick failed, and that it handled this many events.
pub(crate) fn handled_events(answer: &Value, wanted: usize) -> Result<(), String> {
    no_errors(answer)?;
    if answer["corps"][DEMO_CORP]["folded"] == wanted {
        return Ok(());
    }
    Err(format!("a tick did not handle {wanted} events: {answer}"))
}

/// Checks that the timeline of a contact has both outcomes.
pub(crate) fn timeline(contact: &Value) -> Result<(), String> {
    let event = &contact["timeline"][0];
    if event["welcome"]["outcome"] == "sent" && event["tags"]["outcome"] == "tagged" {
        return Ok(());
    }
    Err(format!("the timeline has other outcomes: {contact}"))
}
