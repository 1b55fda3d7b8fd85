//! What becomes of scans when WeCom takes fewer calls than they need: in flight, or in a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use bundle_tests::results::{self, percentile};
use scrm_local::config::{DEMO_APP, DEMO_CORP};
use serde_json::{Value, json};

use crate::{Customer, Options, Scene};

/// Refusals of the first seconds are those of processes that do not know yet what WeCom takes.
const FIRST_MS: u64 = 5_000;
/// How long to wait for the outcome of a scan.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(60);

/// The configuration: the limits of the corp are those of the run, with the margin that the defaults have.
pub(crate) fn configuration(options: &Options) -> String {
    let mut corp = json!({
        "corp_id": DEMO_CORP, "timezone": "Asia/Shanghai",
        "apps": {DEMO_APP: {
            "agent_id": 1_000_002, "secret": "a-secret-of-the-bench",
            "token": "TokenOfTheBench", "encoding_aes_key": "a".repeat(42) + "A",
        }},
    });
    if let Some(per_minute) = options.per_minute {
        let of_quota = |share: u32| (per_minute * share / 100, per_minute * 15 * share / 100);
        let ((welcomes, of_hour), (others, others_of_hour)) = (of_quota(97), of_quota(50));
        corp["limits"] = json!({
            "welcomes_per_minute": welcomes, "welcomes_per_hour": of_hour,
            "per_minute": others, "per_hour": others_of_hour,
        });
    }
    json!({"admin_keys": ["a-key-of-the-bench-0123456789abcdefghijk"], "corps": [corp]}).to_string()
}

/// Prints how many calls WeCom refused because too many were in flight, after the first seconds and until the last
/// scan.
pub(crate) fn print_refusals(scene: &Scene, options: &Options) {
    let calls = scene.wecom.calls();
    let begin = first_scan(scene).unwrap_or_default();
    let end = begin + ((options.ramp + options.seconds) * 1000.0) as u64;
    let counted: Vec<_> = calls
        .iter()
        .filter(|call| (begin + FIRST_MS..end).contains(&call.at_ms))
        .collect();
    let refused = counted.iter().filter(|call| call.errcode == 45033).count();
    println!(
        "  refused {refused} of {} calls with 45033 after the first {} s: {:.1} %",
        counted.len(),
        FIRST_MS / 1000,
        100.0 * refused as f64 / counted.len().max(1) as f64
    );
}

fn first_scan(scene: &Scene) -> Option<u64> {
    let welcomes = scene.wecom.calls_of("send_welcome_msg");
    welcomes.first().map(|call| call.at_ms)
}

/// Waits for the outcome of every scan, and reports how the quota of a minute was used. Returns whether every scan has
/// an outcome with its reason, and no customer two welcomes.
pub(crate) async fn report(
    options: &Options,
    scene: Scene,
    customers: &[Customer],
) -> Result<bool, String> {
    let quota = options.per_minute.unwrap_or_default();
    let (mut outcomes, mut unexplained, mut latencies) = (BTreeMap::new(), 0, Vec::new());
    for customer in customers {
        let outcome = outcome(&scene, customer).await?;
        let word = outcome["outcome"].as_str().unwrap_or("none").to_owned();
        let is_sent = word == "sent";
        unexplained += usize::from(!is_sent && !outcome["reason"].is_string());
        if !is_sent {
            latencies.push(outcome["latency_ms"].as_f64().unwrap_or(f64::INFINITY));
        }
        *outcomes.entry(word).or_insert(0_usize) += 1;
    }
    latencies.sort_unstable_by(f64::total_cmp);
    let calls = scene.wecom.calls_of("send_welcome_msg");
    let sent: Vec<u64> = calls
        .iter()
        .filter(|call| call.errcode == 0)
        .map(|call| call.at_ms)
        .collect();
    let refused = calls.iter().filter(|call| call.errcode == 45009).count();
    let minutes = sent_by_minute(&sent, options.seconds);
    let longest_pause = sent
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .max()
        .unwrap_or_default();
    let allowed = f64::from(quota) * options.seconds / 60.0;
    let share = sent.len() as f64 / allowed;
    println!(
        "{} scans within {} s, WeCom allows {quota} calls a minute and answers after {} ms\n",
        customers.len(),
        options.seconds,
        options.latency
    );
    println!("  outcomes                  {outcomes:?}");
    println!("  without a reason          {unexplained}");
    println!(
        "  others recorded after     p50 {:.0} ms, max {:.0} ms",
        percentile(&latencies, 0.5),
        latencies.last().copied().unwrap_or_default()
    );
    println!("  sent by minute            {minutes:?}");
    println!(
        "  of what WeCom allows      {} of {allowed:.0}: {:.1} %",
        sent.len(),
        100.0 * share
    );
    println!("  longest pause             {longest_pause} ms");
    println!("  refused with 45009        {refused}");
    let twice = customers
        .iter()
        .filter(|customer| {
            let (id, userid) = (&customer.external_userid, &customer.userid);
            scene.corp.chat(id, userid).len() > 1
        })
        .count();
    println!("  welcomed more than once   {twice}");
    if options.save {
        let figures = json!({
            "scans": customers.len(), "seconds": options.seconds, "per_minute": quota,
            "outcomes": outcomes, "sent_by_minute": minutes, "share": share,
            "longest_pause_ms": longest_pause, "refused": refused,
            "recorded_ms": latencies.last(),
        });
        results::save("pace", &results::command("scans"), &figures)
            .map_err(|error| error.to_string())?;
    }
    scene.stack.stop().await;
    Ok(unexplained == 0 && twice == 0)
}

/// Welcomes of each minute since the first one.
fn sent_by_minute(sent: &[u64], seconds: f64) -> Vec<usize> {
    let Some(first) = sent.first() else {
        return Vec::new();
    };
    let minutes = (seconds / 60.0).ceil() as u64;
    let of = |minute: u64| {
        let window = first + minute * 60_000..first + (minute + 1) * 60_000;
        sent.iter().filter(|at| window.contains(at)).count()
    };
    (0..minutes).map(of).collect()
}

/// The outcome of a customer's welcome in the admin API, when it has one.
async fn outcome(scene: &Scene, customer: &Customer) -> Result<Value, String> {
    let path = format!("contacts/{}", customer.external_userid);
    let end = std::time::Instant::now() + OUTCOME_TIMEOUT;
    loop {
        let (_, contact) = scene.operator.get(&path).await?;
        let outcome = &contact["timeline"][0]["welcome"];
        let is_done = outcome["outcome"]
            .as_str()
            .is_some_and(|word| word != "pending");
        if is_done || std::time::Instant::now() > end {
            return Ok(outcome.clone());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
