//! A journey through the deployed stack: from the empty secret to customers who are welcomed, tagged and synchronized.

use std::time::Duration;

use scrm_local::config::{DEMO_APP, DEMO_CORP};
use serde_json::{Value, json};
use wecom_sandbox::{DeliveryMode, Happening, MemberEdit};

use crate::aws::Aws;
use crate::bundle::{Outputs, STACK};
use crate::command::{Command, Outcome};
use crate::deployed;
use crate::scene::{PATIENCE, Scene};
use crate::steps::{Steps, eventually};

/// The number of customers who scan.
const SCANS: usize = 50;
/// The timeout for scheduled tasks: they run every minute, and MiniStack checks the schedules every few seconds.
const SCHEDULE: Duration = Duration::from_secs(300);
/// The time between two scans.
const PACE: Duration = Duration::from_millis(40);
/// The text of the welcome after the customer's name.
const WELCOME: &str = "您好，欢迎来到展会";

/// Runs all steps.
pub(crate) async fn run(
    steps: &mut Steps,
    aws: &Aws,
    outputs: &Outputs,
    scene: &Scene,
) -> Outcome<()> {
    steps.section("Setup");
    let unfilled = unfilled(aws, scene);
    steps
        .step(
            "an empty secret is answered with 503, and one log line says what to do",
            unfilled,
        )
        .await?;
    let fill = fill(aws, outputs, scene);
    steps
        .step("the command in the outputs fills the secret", fill)
        .await?;
    let verified = eventually(PATIENCE, || async {
        let verified = scene.corp.verify_url(DEMO_APP).await;
        verified.map_err(|error| error.to_string())
    });
    steps
        .step("WeCom verifies the callback URL", verified)
        .await?;
    let channel = make_channel(scene);
    let (channel, tag) = steps
        .step("an operator creates a channel (POST channels)", channel)
        .await?;

    steps.section("Customers");
    let scans = steps
        .step(
            &format!("{SCANS} customers scan; each is welcomed by name and tagged"),
            scans(scene, &channel, &tag),
        )
        .await?;
    steps
        .step(
            "the channel counts them (GET stats)",
            counted(scene, &channel, SCANS),
        )
        .await?;
    steps
        .step(
            "a customer's timeline shows both outcomes",
            timeline(scene, &scans[0]),
        )
        .await?;
    steps
        .step(
            "a redelivered event changes nothing",
            redelivery(aws, scene, &channel, &tag, &scans[0]),
        )
        .await?;
    steps
        .step(
            "a wrong signature is answered with 403, other bad input as documented",
            refused(scene),
        )
        .await?;

    steps.section("Scheduled tasks");
    steps
        .step(
            "a tick refreshes a remark that a member changed",
            remark_is_refreshed(scene, &scans[1]),
        )
        .await?;
    steps
        .step(
            "a reconcile finds a customer whose event was lost, and tags the customer",
            missed_customer_is_found(scene, &channel, &tag),
        )
        .await?;
    steps
        .step(
            "the gauges that alarms use are written",
            deployed::gauges(aws),
        )
        .await?;
    steps
        .step(
            "no function failed, and there are no dead letters",
            no_failures(aws, outputs, scene),
        )
        .await
}

async fn unfilled(aws: &Aws, scene: &Scene) -> Outcome<()> {
    let answer = reqwest::get(format!("{}?echostr=x", scene.callback_url())).await?;
    let (status, body) = (answer.status().as_u16(), answer.text().await?);
    if (status, body.as_str()) != (503, r#"{"error":"not_configured"}"#) {
        return Err(format!("answered {status} {body}").into());
    }
    let lines = eventually(PATIENCE, || async {
        let lines = deployed::log(aws, "callback").await;
        let lines = lines.map_err(|error| error.to_string())?;
        let about: Vec<String> = lines
            .into_iter()
            .filter(|line| line.contains("put-secret-value"))
            .collect();
        if about.is_empty() {
            return Err("the log has no line that says what to do".to_owned());
        }
        Ok(about)
    })
    .await?;
    if lines.len() != 1 || !lines[0].contains("is not filled") {
        return Err(format!("unexpected log lines: {lines:#?}").into());
    }
    Ok(())
}

async fn fill(aws: &Aws, outputs: &Outputs, scene: &Scene) -> Outcome<()> {
    let directory = scene.config.parent().ok_or("no directory")?;
    Command::new("fill-secret", "sh")
        .current_dir(directory)
        .envs(aws.variables())
        .args(["-c", &outputs.fill_secret])
        .run()
        .await?;
    Ok(())
}

async fn make_channel(scene: &Scene) -> Outcome<(String, String)> {
    let tags = scene.corp.console_creates_tags("来源", &["展会"])?;
    let tag = tags.tag_ids[0].clone();
    let channel = json!({
        "name": "展会",
        "users": ["zhangsan", "lisi"],
        "tag_ids": [tag],
        "welcome": {"text": format!("{{customer}}{WELCOME}")},
    });
    match scene.operator().post("channels", &channel).await? {
        (201, created) => {
            let id = created["id"].as_str().ok_or("a channel without id")?;
            Ok((id.to_owned(), tag))
        }
        answer => Err(format!("answered {answer:?}").into()),
    }
}

async fn scans(scene: &Scene, channel: &str, tag: &str) -> Outcome<Vec<Happening>> {
    let mut customers = Vec::new();
    for number in 0..SCANS {
        customers.push(scene.scan(channel, &format!("客户{number}"))?);
        tokio::time::sleep(PACE).await;
    }
    scene.wecom.settled(PATIENCE).await?;
    scene.all_served(&customers, WELCOME, tag).await?;
    for (number, customer) in customers.iter().enumerate() {
        let chat = scene.corp.chat(&customer.external_userid, &customer.userid);
        let chat = serde_json::to_string(&chat)?;
        if !chat.contains(&format!("客户{number}{WELCOME}")) {
            return Err(format!("the chat of customer {number} is {chat}").into());
        }
    }
    Ok(customers)
}

async fn counted(scene: &Scene, channel: &str, customers: usize) -> Outcome<Value> {
    let path = format!("channels/{channel}/stats");
    let wanted = json!({"added": customers, "lost": 0, "welcomed": customers, "welcome_failed": 0});
    scene
        .wait_for(PATIENCE, &path, |stats| stats["total"] == wanted)
        .await
}

async fn timeline(scene: &Scene, customer: &Happening) -> Outcome<Value> {
    let path = format!("contacts/{}", customer.external_userid);
    scene
        .wait_for(PATIENCE, &path, |contact| {
            let event = &contact["timeline"][0];
            event["welcome"]["outcome"] == "sent" && event["tags"]["outcome"] == "tagged"
        })
        .await
}

/// Redelivers the events of the first customer, and then a new customer scans. The stream keeps the order, so when the
/// new customer is served, all effects that the redelivered events could have had are done.
async fn redelivery(
    aws: &Aws,
    scene: &Scene,
    channel: &str,
    tag: &str,
    customer: &Happening,
) -> Outcome<()> {
    let sends = || {
        scene
            .wecom
            .calls_of("externalcontact/send_welcome_msg")
            .len()
    };
    let before = sends();
    let known = known_events(aws).await?;
    for event in &customer.events {
        if !scene.wecom.redeliver(*event) {
            return Err("there is no such event".into());
        }
    }
    scene.wecom.settled(PATIENCE).await?;
    eventually(PATIENCE, || async {
        let now = known_events(aws).await.map_err(|error| error.to_string())?;
        let wanted = known + customer.events.len();
        (now == wanted)
            .then_some(())
            .ok_or_else(|| format!("callback has logged {now} known events, not {wanted}"))
    })
    .await?;
    let next = scene.scan(channel, "下一位客户")?;
    scene.wecom.settled(PATIENCE).await?;
    scene.all_served(&[next], WELCOME, tag).await?;
    counted(scene, channel, SCANS + 1).await?;
    match sends() - before {
        1 => Ok(()),
        sent => Err(format!("{sent} welcomes were sent for one new customer").into()),
    }
}

/// The number of redelivered events in the log of callback.
async fn known_events(aws: &Aws) -> Outcome<usize> {
    let lines = deployed::log(aws, "callback").await?;
    let known = lines.iter().filter(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        line["known"] == "true"
    });
    Ok(known.count())
}

/// Requests that do not come from WeCom or an operator are refused.
async fn refused(scene: &Scene) -> Outcome<()> {
    let http = reqwest::Client::new();
    let url = scene.callback_url();
    let post = async |query: &str, encrypted: &str| -> Outcome<u16> {
        let body = json!({"encrypt": encrypted}).to_string();
        let request = http.post(format!("{url}?{query}")).body(body);
        Ok(request.send().await?.status().as_u16())
    };
    let message = "<xml><Event>x</Event></xml>";
    let (query, encrypted) = scene.sealed(message, Some("anothertoken"))?;
    let mut answers = vec![("a wrong signature", 403, post(&query, &encrypted).await?)];
    let (query, encrypted) = scene.sealed(message, None)?;
    answers.push((
        "a body over 64 KiB",
        400,
        post(&query, &"x".repeat(70_000)).await?,
    ));
    answers.push(("a good signature", 200, post(&query, &encrypted).await?));
    let get = async |path: String| -> Outcome<u16> {
        let answer = http
            .get(format!("{}{path}", scene.gateway_url))
            .send()
            .await?;
        Ok(answer.status().as_u16())
    };
    answers.push((
        "an unknown corp",
        404,
        get(format!("/callback/wwnobody/{DEMO_APP}?{query}&echostr=x")).await?,
    ));
    answers.push((
        "no echostr",
        400,
        get(format!("/callback/{DEMO_CORP}/{DEMO_APP}?{query}")).await?,
    ));
    answers.push((
        "no admin key",
        401,
        get(format!("/admin/corps/{DEMO_CORP}/channels")).await?,
    ));
    answers.push(("a path without a route", 404, get("/".to_owned()).await?));
    match answers.iter().find(|(_, wanted, found)| wanted != found) {
        Some((what, wanted, found)) => {
            Err(format!("{what} is answered with {found}, not {wanted}").into())
        }
        None => Ok(()),
    }
}

async fn remark_is_refreshed(scene: &Scene, customer: &Happening) -> Outcome<()> {
    let edit = MemberEdit {
        remark: Some("重点".into()),
        ..MemberEdit::default()
    };
    scene
        .corp
        .member_edits(&customer.external_userid, &customer.userid, &edit)?;
    let path = format!("contacts/{}", customer.external_userid);
    scene
        .wait_for(SCHEDULE, &path, |contact| {
            contact["relations"][0]["remark"] == "重点"
        })
        .await?;
    Ok(())
}

async fn missed_customer_is_found(scene: &Scene, channel: &str, tag: &str) -> Outcome<()> {
    scene.wecom.set_delivery_mode(DeliveryMode {
        lose_every: Some(1),
        ..DeliveryMode::default()
    });
    let customer = scene.scan(channel, "孙悦");
    scene.wecom.set_delivery_mode(DeliveryMode::default());
    let customer = customer?;
    let path = format!("contacts/{}", customer.external_userid);
    scene
        .wait_for(SCHEDULE, &path, |contact| {
            contact["relations"][0]["status"] == "active"
        })
        .await?;
    eventually(PATIENCE, || async {
        let tags = scene.corp.tags(&customer.external_userid, &customer.userid);
        let tagged = tags.iter().any(|found| found.id == tag);
        tagged
            .then_some(())
            .ok_or_else(|| "the tag is not set".to_owned())
    })
    .await?;
    scene
        .wait_for(SCHEDULE, "sync", |sync| {
            sync["last"]["task"] == "reconcile" && sync["last"]["finished_at"].is_number()
        })
        .await?;
    Ok(())
}

/// No call of a function was denied by its role, and no function failed in another way.
async fn no_failures(aws: &Aws, outputs: &Outputs, scene: &Scene) -> Outcome<()> {
    for function in crate::bundle::FUNCTIONS {
        let lines = deployed::log(aws, function).await?;
        let bad = |line: &&String| {
            ["AccessDenied", "panicked", "Task timed out", "errorType"]
                .iter()
                .any(|word| line.contains(word))
        };
        if let Some(line) = lines.iter().find(bad) {
            return Err(format!("the log of {STACK}-{function} has: {line}").into());
        }
    }
    let url = &outputs.dead_letters;
    let command = format!("sqs get-queue-attributes --attribute-names All --queue-url {url}");
    let attributes = aws.ask(&command).await?;
    let waiting = &attributes["Attributes"]["ApproximateNumberOfMessages"];
    if waiting != "0" {
        return Err(format!("dead letters: {waiting}").into());
    }
    if let Some(call) = scene.wecom.unexpected().first() {
        return Err(format!("an unexpected call of WeCom: {call:?}").into());
    }
    Ok(())
}
