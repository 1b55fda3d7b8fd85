//! A sandbox in a file: what the next process resumes, and which files it refuses.

use std::time::Duration;

use clock::{ManualClock, Wait};
use serde_json::{Value, json};
use wecom_sandbox::{Growth, SandboxOptions, Scan};

use crate::support::{CORP, code, eventually, world, world_at};

#[tokio::test]
async fn a_welcome_code_works_in_the_next_process_and_only_for_its_add() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.json");
    let first = world().await;
    let kept = first.sandbox.keep_in(&file).await.unwrap();
    let (_, spent) = first.scanned(&Scan::default()).await;
    let (happening, fresh) = first.scanned(&Scan::default()).await;
    assert_eq!(code(&first.welcome(&spent.clone().unwrap()).await), 0);
    kept.finish().await.unwrap();

    let second = world().await;
    let _kept = second.sandbox.keep_in(&file).await.unwrap();
    assert_eq!(code(&second.welcome(&spent.unwrap()).await), 41051);
    assert_eq!(code(&second.welcome(&fresh.unwrap()).await), 0);
    let chat = second
        .corp
        .chat(&happening.external_userid, &happening.userid);
    assert_eq!(chat.len(), 1);
    let detail = format!("external_userid={}", happening.external_userid);
    let detail = second.get("externalcontact/get", &detail).await;
    assert_eq!(detail["follow_user"][0]["userid"], json!(happening.userid));
}

#[tokio::test]
async fn a_code_of_an_earlier_process_lives_no_longer_than_any() {
    for (seconds, expected) in [(19, 0), (20, 41050)] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sandbox.json");
        let manual = ManualClock::new();
        let first = world_at(manual.clone(), SandboxOptions::default()).await;
        let kept = first.sandbox.keep_in(&file).await.unwrap();
        let (_, welcome_code) = first.scanned(&Scan::default()).await;
        kept.finish().await.unwrap();

        manual.advance(Duration::from_secs(seconds));
        let second = world_at(manual, SandboxOptions::default()).await;
        let _kept = second.sandbox.keep_in(&file).await.unwrap();
        let answer = second.welcome(&welcome_code.unwrap()).await;
        assert_eq!(code(&answer), expected, "after {seconds} s");
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_without_telling_what_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.json");
    std::fs::write(&file, r#"{"run": 0, "corps": "secret words"}"#).unwrap();
    let error = world().await.sandbox.keep_in(&file).await.unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("sandbox.json is not the state of a sandbox (line 1, column"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.json");
    let _kept = world().await.sandbox.keep_in(&file).await.unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_next_process_tells_the_same_truth() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.json");
    let first = world().await;
    let kept = first.sandbox.keep_in(&file).await.unwrap();
    let corp = &first.corp;
    corp.console_creates_tags("来源", &["展会"]).unwrap();
    let growth = Growth {
        members: 3,
        relations: 50,
        groups: 2,
        ..Growth::default()
    };
    corp.grow(&growth).unwrap();
    corp.member_gets_function("lisi", false).unwrap();
    corp.member_takes_alias("wangwu", "W").unwrap();
    corp.group_begins("wangwu", "群").unwrap();
    corp.app_sees("contact", &["wangwu"], &[3]).unwrap();
    corp.quota_is_used(10).unwrap();
    let (seen, all) = (corp.truth(), corp.truth_for("other"));
    assert_ne!(seen, all);
    kept.finish().await.unwrap();

    let second = world().await;
    let _kept = second.sandbox.keep_in(&file).await.unwrap();
    assert_eq!(second.corp.truth(), seen);
    assert_eq!(second.corp.truth_for("other"), all);
    let quota = "externalcontact/customer_acquisition_quota";
    assert_eq!(second.get(quota, "").await["balance"], 990);
    let customer = &seen.customers[0].external_userid;
    let detail = format!("external_userid={customer}");
    let detail = second.get("externalcontact/get", &detail).await;
    assert_eq!(code(&detail), 0, "the followers are known again");
}

#[tokio::test]
async fn changes_are_saved_at_most_once_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.json");
    let world = world().await;
    let _kept = world.sandbox.keep_in(&file).await.unwrap();
    let is_saved = |name: &str| std::fs::read_to_string(&file).unwrap().contains(name);
    world.corp.stranger("first").unwrap();
    let first = || is_saved("first") && world.manual.waiting(Wait::Interval) == 1;
    eventually("the first change is saved", first).await;
    world.corp.stranger("second").unwrap();
    world.manual.advance(Duration::from_millis(999));
    assert_eq!(world.manual.waiting(Wait::Interval), 1);
    assert!(!is_saved("second"));
    world.manual.advance(Duration::from_millis(1));
    eventually("the second change is saved", || is_saved("second")).await;
}

/// A file as it was written before the sandbox took its time from a clock.
#[tokio::test]
async fn a_file_of_an_earlier_version_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sandbox.json");
    let moment = json!({"secs_since_epoch": 1_700_000_000, "nanos_since_epoch": 500_000_000});
    let first = world().await;
    let kept = first.sandbox.keep_in(&file).await.unwrap();
    let (customer, _) = first.scanned(&Scan::default()).await;
    kept.finish().await.unwrap();
    let mut saved: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let corp = &mut saved["corps"][CORP];
    for name in ["added", "created"] {
        let kept = &mut corp["relations"][0][1][name];
        assert_eq!(keys(kept), keys(&moment), "the format has not changed");
        *kept = moment.clone();
    }
    corp.as_object_mut().unwrap().remove("quota");
    std::fs::write(&file, saved.to_string()).unwrap();

    let second = world().await;
    let _kept = second.sandbox.keep_in(&file).await.unwrap();
    let relation = &second.corp.truth().relations[0];
    assert_eq!(relation.external_userid, customer.external_userid);
    assert_eq!(relation.createtime, 1_700_000_000);
    let quota = "externalcontact/customer_acquisition_quota";
    assert_eq!(second.get(quota, "").await["balance"], 1000, "as at first");
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().expect("an object").keys().collect()
}
