//! The calculation against an example calculated by hand, and the data files against the template.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::bill::{Bill, Report};
use crate::figures::{Runtime, Stack, read_file};
use crate::model::{Corp, Use};
use crate::prices::PriceList;

fn benches(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches")
        .join(file)
}

fn prices(region: &str) -> PriceList {
    PriceList::read(&benches("prices.json"), region).unwrap()
}

fn stack() -> Stack {
    read_file(&benches("stack.json")).unwrap()
}

/// Round numbers of the magnitude that the bench measures.
fn runtime() -> Runtime {
    let figure = |function: &str, ms: f64, reads: f64, writes: f64, calls: f64| {
        json!({
            "function": function, "runtime": "rust", "billed_ms": ms, "log_bytes": 1000.0, "log_lines": 2.0,
            "read_units": reads, "write_units": writes, "wecom_calls": calls, "memory_mb": 256,
        })
    };
    let runtime = json!({
        "edits_per_tick": 10,
        "candidates": [
            figure("callback", 15.0, 0.0, 3.0, 0.0),
            figure("welcome", 250.0, 3.0, 2.0, 2.0),
            figure("tagging", 350.0, 3.0, 6.0, 2.0),
            figure("sync", 300.0, 27.0, 81.0, 10.0),
            figure("admin", 20.0, 2.0, 1.0, 0.0),
            {"function": "callback", "runtime": "node", "billed_ms": 99.0},
        ],
        "idle_tick": figure("sync", 100.0, 7.0, 0.0, 0.0),
    });
    serde_json::from_value(runtime).unwrap()
}

fn corp() -> Corp {
    Corp {
        adds: 100_000,
        relations: 100_000,
        events_per_add: 1.0,
        admin_calls: 10_000,
        nat: false,
        tracing: false,
    }
}

fn report(free_tier: bool) -> Report {
    Report::of(
        &runtime(),
        &stack(),
        &prices("us-east-1"),
        &corp(),
        free_tier,
    )
    .unwrap()
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 0.001,
        "{found}, expected {expected}"
    );
}

fn amount(bill: &Bill, what: &str, unit: &str) -> f64 {
    let fits = |item: &&crate::bill::Item| item.what == what && item.arithmetic.contains(unit);
    bill.items.iter().filter(fits).map(|item| item.amount).sum()
}

#[test]
fn a_million_adds_cost_as_much_as_calculated_by_hand() {
    let report = report(false);
    let bill = report.per_million_adds;
    // (0.015 + 0.25 + 0.35) s × 0.125 GB; 0.0000133334 a GB-s, 0.20 a million.
    near(bill.by_service["Lambda"], 0.076_875 * 13.333_4 + 3.0 * 0.20);
    near(bill.by_service["HTTP API"], 1.00);
    // 3 + 2 + 6 writes, 3 + 3 reads.
    near(bill.by_service["DynamoDB"], 11.0 * 0.625 + 6.0 * 0.125);
    // 5 GB stored and recoverable.
    near(report.keeping_a_million.total, 5.0 * 0.25 + 5.0 * 0.20);
    // Three times 1,000 bytes, plus 26 bytes for each of 2 lines.
    near(bill.by_service["CloudWatch"], 3.156 * 0.50 + 3.156 * 0.03);
    // Four calls of 600 bytes.
    near(bill.by_service["Data transfer"], 2.4 * 0.09);
    near(bill.total, bill.by_service.values().sum());
}

#[test]
fn a_month_includes_the_idle_bill_of_the_manual() {
    let bill = report(false).per_month;
    near(amount(&bill, "alarms", "alarms"), 3.20);
    near(amount(&bill, "dashboard", "dashboards"), 3.00);
    near(amount(&bill, "gauges of each tick", "metrics"), 2.40);
    near(
        amount(&bill, "configuration", "secrets") + amount(&bill, "readings of it", "calls"),
        0.443_2,
    );
    near(
        amount(&bill, "ticks: sync", "GB-s"),
        2160.0 * 0.000_013_333_4,
    );
    // An edit takes a tenth of (0.3 - 0.1) s of a tick with ten edits, and 8.1 writes in addition to the callback's 3.
    near(
        amount(&bill, "other events: sync", "GB-s"),
        100_000.0 * 0.02 * 0.5 * 0.000_013_333_4,
    );
    near(
        amount(&bill, "other events", "write units"),
        100_000.0 * 11.1 * 0.625e-6,
    );
    near(
        amount(&bill, "ticks", "read units"),
        43_200.0 * 7.0 * 0.125e-6,
    );
    near(amount(&bill, "keys of the tables", "calls"), 0.051_84);
    // 30 times 100,000 relations, a unit each.
    near(amount(&bill, "reconciles", "read units"), 0.375);
    assert!(!bill.by_service.contains_key("NAT gateway"));
}

#[test]
fn free_allowances_are_subtracted_once() {
    let uses = [("ticks", 15.0), ("events", 15.0)].map(|(what, quantity)| Use {
        price: "metric_month",
        what: what.to_owned(),
        quantity,
    });
    let bill = |free| Bill::of(&uses, &prices("us-east-1"), free).unwrap();
    near(bill(false).total, 9.00);
    near(bill(true).total, 6.00);
    assert!(bill(true).items[0].arithmetic.contains("less 10 free"));
    assert!(report(true).per_month.total < report(false).per_month.total);
}

#[test]
fn the_nat_gateway_costs_per_hour_and_per_gigabyte() {
    let corp = Corp {
        nat: true,
        ..corp()
    };
    let report = Report::of(&runtime(), &stack(), &prices("us-east-1"), &corp, false).unwrap();
    near(
        amount(&report.per_month, "NAT gateway", "hours")
            + amount(&report.per_month, "its address", "hours"),
        36.50,
    );
    // Four calls of 4,000 bytes.
    near(
        report.per_million_adds.by_service["NAT gateway"],
        16.0 * 0.045,
    );
}

#[test]
fn an_add_has_three_traces() {
    let corp = Corp {
        tracing: true,
        ..corp()
    };
    let report = Report::of(&runtime(), &stack(), &prices("us-east-1"), &corp, false).unwrap();
    near(report.per_million_adds.by_service["X-Ray"], 15.0);
}

#[test]
fn unchecked_prices_are_listed() {
    let report = Report::of(
        &runtime(),
        &stack(),
        &prices("cn-northwest-1"),
        &corp(),
        false,
    )
    .unwrap();
    let text = report.to_string();
    assert!(text.contains("from memory, not checked"), "{text}");
    assert!(text.contains("lambda_gb_second"), "{text}");
    assert!(text.contains("CNY = "), "{text}");
    near(report.per_month.total_dollars, report.per_month.total / 7.1);
}

#[test]
fn functions_measured_with_other_memory_are_listed() {
    let notes = report(false).notes;
    let is_noted = |function: &str| notes.iter().any(|note| note.contains(function));
    // All were measured with 256 MB, the memory size of admin.
    assert!(
        is_noted("callback was measured with the share of 256 MB, and it is deployed with 128 MB"),
        "{notes:?}"
    );
    assert!(is_noted("sync") && !is_noted("admin"), "{notes:?}");
}

#[test]
fn errors_name_the_field() {
    let mut without = runtime();
    without
        .candidates
        .retain(|figure| figure.function != "tagging");
    let of = |runtime: &Runtime| {
        Report::of(runtime, &stack(), &prices("us-east-1"), &corp(), false).unwrap_err()
    };
    assert!(of(&without).contains("candidates has no function tagging"));
    let idle = Runtime {
        idle_tick: None,
        ..runtime()
    };
    assert!(of(&idle).contains("idle_tick"));
    let unknown = PriceList::read(&benches("prices.json"), "eu-west-1").unwrap_err();
    assert!(unknown.contains("regions.eu-west-1"), "{unknown}");
    let missing = serde_json::from_value::<Runtime>(
        json!({"candidates": [{"function": "sync", "runtime": "rust"}]}),
    );
    assert!(missing.unwrap_err().to_string().contains("billed_ms"));
}

#[test]
fn the_stack_agrees_with_the_template() {
    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra");
    let template = fs::read_to_string(infra.join("template.yaml")).unwrap();
    let stack = stack();
    for (function, memory) in &stack.memory_mb {
        let name = format!("FunctionName: !Sub ${{AWS::StackName}}-{function}\n");
        let (_, behind) = template.split_once(&name).unwrap();
        let (_, size) = behind.split_once("MemorySize: ").unwrap();
        assert_eq!(
            size.lines().next(),
            Some(memory.to_string().as_str()),
            "{function}"
        );
    }
    let alarms = fs::read_to_string(infra.join("alarms.yaml")).unwrap();
    let count = alarms.matches(" MetricName: ").count();
    assert_eq!(count, stack.alarms as usize);
}
