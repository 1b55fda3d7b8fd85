//! Deploys a new version over a stack that receives callbacks. No callback may be lost.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use wecom_sandbox::Happening;

use crate::aws::Aws;
use crate::bundle::{Bundle, FUNCTIONS, STACK};
use crate::command::Outcome;
use crate::scene::{PATIENCE, Scene};
use crate::steps::Steps;

/// The time between two customers.
const PACE: Duration = Duration::from_millis(150);
/// The text of the welcome.
const WELCOME: &str = "欢迎，新版本";

/// Deploys while customers scan.
pub(crate) async fn under_load(
    steps: &Steps,
    bundle: &Bundle,
    aws: &Aws,
    scene: &Scene,
) -> Outcome<()> {
    let tag = scene.corp.console_creates_tags("升级", &["升级"])?.tag_ids;
    let channel = json!({"name": "升级", "users": ["zhangsan", "lisi"], "tag_ids": tag, "welcome": {"text": WELCOME}});
    let channel = match scene.operator().post("channels", &channel).await? {
        (201, created) => created["id"].as_str().unwrap_or_default().to_owned(),
        answer => return Err(format!("POST channels answers {answer:?}").into()),
    };
    let before = packages(aws).await?;
    let next = bundle.x86_64().next_version()?;
    let template = bundle.package(steps, aws, &next).await?;

    let (stop, stopped) = watch::channel(false);
    let deploy = async {
        let deployed = bundle.deploy(steps, aws, &template, &scene.wecom_url).await;
        let _no_receiver = stop.send(true);
        deployed
    };
    let (deployed, customers) = tokio::join!(deploy, scan_until_stopped(scene, &channel, stopped));
    deployed?;
    let customers = customers?;
    let after = packages(aws).await?;
    if before.iter().zip(&after).any(|(old, new)| old == new) {
        return Err(
            "a function, or the version that its alias points to, still has its old package".into(),
        );
    }

    let arrived = async {
        scene.wecom.settled(PATIENCE).await?;
        let events = scene.wecom.events();
        let lost = events.iter().filter(|event| {
            let is_from_test = customers
                .iter()
                .any(|customer| customer.events.contains(&event.id));
            is_from_test && !event.accepted()
        });
        match lost.count() {
            0 => scene.all_served(&customers, WELCOME, &tag[0]).await,
            lost => Err(format!("{lost} events were not accepted").into()),
        }
    };
    let what = format!(
        "all {} customers who scanned during the deployment are stored, welcomed and tagged",
        customers.len()
    );
    steps.step(&what, arrived).await?;
    let deliveries = scene.wecom.deliveries();
    let refused = deliveries
        .iter()
        .filter(|delivery| !delivery.accepted())
        .count();
    steps.note(&format!(
        "deliveries of this run with another answer than 200: {refused}"
    ));
    Ok(())
}

async fn scan_until_stopped(
    scene: &Scene,
    channel: &str,
    stopped: watch::Receiver<bool>,
) -> Outcome<Vec<Happening>> {
    let mut customers = Vec::new();
    while !*stopped.borrow() {
        customers.push(scene.scan(channel, &format!("新客户{}", customers.len()))?);
        tokio::time::sleep(PACE).await;
    }
    Ok(customers)
}

/// The hash of the code of each function that is called: of the version that its alias points to, or, of sync, of what
/// was deployed last.
async fn packages(aws: &Aws) -> Outcome<Vec<String>> {
    let mut packages = Vec::new();
    for function in FUNCTIONS {
        let qualifier = if function == "sync" {
            "$LATEST"
        } else {
            "live"
        };
        let command = format!(
            "lambda get-function-configuration --function-name {STACK}-{function} --qualifier {qualifier}"
        );
        let found = aws.ask(&command).await?;
        let sha = found["CodeSha256"].as_str().ok_or("no CodeSha256")?;
        packages.push(sha.to_owned());
    }
    Ok(packages)
}
