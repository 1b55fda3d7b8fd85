//! Compares the deployed resources with lists: permissions, triggers, schedules, alarms and tables.
//!
//! The emulator enforces the roles of functions, but does not check whether the API or a schedule may invoke a
//! function, and a role that allows too much causes no error. Hence the lists.

use std::collections::BTreeSet;

use domain::event::{RELATION_EVENTS, WELCOME_EVENTS};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::bundle::{Outputs, STACK, names};
use crate::command::Outcome;
use crate::emulator::REGION;
use crate::steps::Steps;

mod roles;
mod tables;

/// The alarms of infra/alarms.yaml.
const ALARMS: usize = 28;
/// The emulator's account.
const ACCOUNT: &str = "000000000000";

/// Runs all comparisons.
pub(crate) async fn compare(steps: &Steps, aws: &Aws, outputs: &Outputs) -> Outcome<()> {
    let dead_letters = dead_letters(aws, outputs).await?;
    steps
        .step(
            "each role allows exactly what its function needs",
            roles::compare(aws, outputs, &dead_letters),
        )
        .await?;
    steps
        .step(
            "tables have the layout that functions use",
            tables::compare(aws, outputs),
        )
        .await?;
    steps
        .step(
            "the stream invokes welcome and tagging",
            mappings(aws, outputs, &dead_letters),
        )
        .await?;
    steps
        .step(
            "routes lead to callback and admin, and the API may invoke them",
            routes(aws, outputs),
        )
        .await?;
    steps
        .step("schedules invoke sync", schedules(aws, &dead_letters))
        .await?;
    steps
        .step(
            "a start of sync that is dropped becomes a dead letter",
            dropped_starts(aws, &dead_letters),
        )
        .await?;
    steps
        .step("every alarm has instructions", alarms(aws))
        .await
}

/// The ARN of a function's alias.
fn alias_arn(function: &str) -> String {
    format!("{}:live", function_arn(function))
}

/// The ARN of a function.
fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{function}")
}

async fn dead_letters(aws: &Aws, outputs: &Outputs) -> Outcome<String> {
    let url = &outputs.dead_letters;
    let command = format!("sqs get-queue-attributes --attribute-names QueueArn --queue-url {url}");
    let arn = aws.ask(&command).await?["Attributes"]["QueueArn"].take();
    Ok(arn.as_str().ok_or("the queue has no ARN")?.to_owned())
}

/// Fails with both values unless they are equal.
fn same(what: &str, wanted: &Value, found: &Value) -> Outcome<()> {
    if wanted == found {
        return Ok(());
    }
    Err(format!("{what}: wanted {wanted}, found {found}").into())
}

async fn mappings(aws: &Aws, outputs: &Outputs, dead_letters: &str) -> Outcome<()> {
    let command = format!(
        "dynamodb describe-table --table-name {}",
        outputs.inbox_table
    );
    let table = aws.ask(&command).await?;
    let stream = &table["Table"]["LatestStreamArn"];
    // Batch size, parallelization factor, age and retries. The local stack has the same in
    // infra/local/src/functions.rs.
    let wanted = [
        (
            "welcome",
            &WELCOME_EVENTS[..],
            "for_welcome",
            [10, 10, 3_600, 60],
        ),
        (
            "tagging",
            &RELATION_EVENTS[..],
            "for_tagging",
            [100, 1, 64_800, 10_000],
        ),
    ];
    let all = aws.ask("lambda list-event-source-mappings").await?;
    let all = all["EventSourceMappings"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if all.len() != wanted.len() {
        return Err(format!("{} mappings", all.len()).into());
    }
    for (function, events, mark, numbers) in wanted {
        let arn = alias_arn(function);
        let mapping = all.iter().find(|mapping| mapping["FunctionArn"] == arn);
        let mapping = mapping.ok_or_else(|| format!("no mapping for {function}"))?;
        let mut patterns: Vec<Value> = Vec::new();
        for filter in mapping["FilterCriteria"]["Filters"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let pattern = filter["Pattern"].as_str().unwrap_or_default();
            patterns.push(serde_json::from_str(pattern)?);
        }
        let filters = json!([
            {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"name": {"S": events}}}},
            {"eventName": ["INSERT"], "dynamodb": {"NewImage": {mark: {"S": ["yes"]}}}},
        ]);
        same("filters", &filters, &json!(patterns))?;
        let found = json!([
            mapping["EventSourceArn"],
            mapping["State"],
            mapping["StartingPosition"],
            mapping["FunctionResponseTypes"],
            mapping["BisectBatchOnFunctionError"],
            mapping["DestinationConfig"]["OnFailure"]["Destination"],
            [
                mapping["BatchSize"],
                mapping["ParallelizationFactor"],
                mapping["MaximumRecordAgeInSeconds"],
                mapping["MaximumRetryAttempts"]
            ],
        ]);
        let wanted = json!([
            stream,
            "Enabled",
            "TRIM_HORIZON",
            ["ReportBatchItemFailures"],
            true,
            dead_letters,
            numbers
        ]);
        same(function, &wanted, &found)?;
    }
    Ok(())
}

async fn routes(aws: &Aws, outputs: &Outputs) -> Outcome<()> {
    let about = async |command: &str| {
        let answer = aws
            .ask(&format!(
                "apigatewayv2 {command} --api-id {}",
                outputs.api_id
            ))
            .await?;
        Outcome::Ok(answer["Items"].as_array().cloned().unwrap_or_default())
    };
    let integrations = about("get-integrations").await?;
    let mut found = BTreeSet::new();
    for route in about("get-routes").await? {
        let target = route["Target"].as_str().unwrap_or_default();
        let integration = integrations.iter().find(|integration| {
            let id = integration["IntegrationId"].as_str().unwrap_or_default();
            target == format!("integrations/{id}")
        });
        let integration =
            integration.ok_or_else(|| format!("{} has no integration", route["RouteKey"]))?;
        let (uri, version) = (
            &integration["IntegrationUri"],
            &integration["PayloadFormatVersion"],
        );
        found.insert(json!([route["RouteKey"], uri, version]).to_string());
    }
    let wanted: BTreeSet<String> = [
        ("GET /callback/{corp_id}/{app}", "callback"),
        ("POST /callback/{corp_id}/{app}", "callback"),
        ("ANY /admin/corps/{corp_id}/{proxy+}", "admin"),
    ]
    .into_iter()
    .map(|(route, function)| json!([route, alias_arn(function), "2.0"]).to_string())
    .collect();
    same("routes", &json!(wanted), &json!(found))?;

    for (function, path) in [
        ("callback", "callback/{corp_id}/{app}"),
        ("admin", "admin/corps/{corp_id}/{proxy+}"),
    ] {
        let policy = aws
            .ask(&format!(
                "lambda get-policy --function-name {STACK}-{function} --qualifier live"
            ))
            .await?;
        let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap_or_default())?;
        let found = policy["Statement"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|statement| {
                json!([
                    statement["Effect"],
                    statement["Principal"],
                    statement["Action"],
                    statement["Resource"],
                    statement["Condition"],
                ])
            });
        let source = format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT}:{}/*/*/{path}",
            outputs.api_id
        );
        let wanted = json!([[
            "Allow", {"Service": "apigateway.amazonaws.com"}, "lambda:InvokeFunction", alias_arn(function),
            {"ArnLike": {"AWS:SourceArn": source}},
        ]]);
        same(
            &format!("who may invoke {function}"),
            &wanted,
            &found.collect(),
        )?;
    }
    Ok(())
}

async fn schedules(aws: &Aws, dead_letters: &str) -> Outcome<()> {
    // The test runs the reconcile every minute; the default in infra/template.yaml is once a day.
    for (task, retries) in [("tick", json!([60, 2])), ("reconcile", json!([3600, 10]))] {
        let schedule = aws
            .ask(&format!("scheduler get-schedule --name {STACK}-{task}"))
            .await?;
        let target = &schedule["Target"];
        let input: Value = serde_json::from_str(target["Input"].as_str().unwrap_or_default())?;
        let retry = &target["RetryPolicy"];
        let found = json!([
            schedule["State"],
            schedule["ScheduleExpression"],
            target["Arn"],
            input,
            target["DeadLetterConfig"]["Arn"],
            [
                retry["MaximumEventAgeInSeconds"],
                retry["MaximumRetryAttempts"]
            ],
        ]);
        let wanted = json!([
            "ENABLED", "rate(1 minute)", function_arn("sync"), {"task": task}, dead_letters, retries,
        ]);
        same(task, &wanted, &found)?;
    }
    Ok(())
}

async fn dropped_starts(aws: &Aws, dead_letters: &str) -> Outcome<()> {
    let command = format!(
        "lambda get-function-event-invoke-config --function-name {STACK}-sync --qualifier $LATEST"
    );
    let found = aws.ask(&command).await?;
    let wanted = json!([dead_letters, 0, 300]);
    let found = json!([
        found["DestinationConfig"]["OnFailure"]["Destination"],
        found["MaximumRetryAttempts"],
        found["MaximumEventAgeInSeconds"],
    ]);
    same("asynchronous invocation", &wanted, &found)
}

async fn alarms(aws: &Aws) -> Outcome<()> {
    let all = aws.ask("cloudwatch describe-alarms").await?;
    let all = all["MetricAlarms"].as_array().cloned().unwrap_or_default();
    if all.len() != ALARMS {
        return Err(format!("{} alarms", all.len()).into());
    }
    for alarm in all {
        let description = alarm["AlarmDescription"].as_str().unwrap_or_default();
        // CloudWatch accepts 1,024 characters.
        if !(80..=1024).contains(&description.chars().count()) {
            return Err(
                format!("{} has the description {description:?}", alarm["AlarmName"]).into(),
            );
        }
    }
    Ok(())
}

/// The lines of the log of a function.
pub(crate) async fn log(aws: &Aws, function: &str) -> Outcome<Vec<String>> {
    let group = format!("/aws/lambda/{STACK}-{function}");
    let events = aws
        .ask(&format!("logs filter-log-events --log-group-name {group}"))
        .await?;
    let messages: Vec<Value> = events["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| event["message"].clone())
        .collect();
    let messages = names(&Value::from(messages));
    Ok(messages
        .iter()
        .flat_map(|message| message.lines())
        .map(str::to_owned)
        .collect())
}

/// Checks that ticks have written every metric on which an alarm of the sync depends, with the dimension that the alarm
/// uses.
pub(crate) async fn gauges(aws: &Aws) -> Outcome<()> {
    let lines = log(aws, "sync").await?;
    let metrics: Vec<Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| {
            line["_aws"].is_object() && line["function"] == format!("{STACK}-sync")
        })
        .collect();
    let alarms = aws.ask("cloudwatch describe-alarms").await?;
    let mut checked = 0;
    for alarm in alarms["MetricAlarms"].as_array().into_iter().flatten() {
        let dimensions = json!([{"Name": "function", "Value": format!("{STACK}-sync")}]);
        if alarm["Namespace"] != platform::metrics::NAMESPACE || alarm["Dimensions"] != dimensions {
            continue;
        }
        checked += 1;
        let metric = alarm["MetricName"].as_str().unwrap_or_default();
        // These are written when something is wrong, and not otherwise.
        if ["adds_unnoticed", "folds_given_up", "tick_failures"].contains(&metric) {
            continue;
        }
        if !metrics.iter().any(|line| line[metric].is_number()) {
            return Err(format!(
                "{} uses {metric}, which no tick has written",
                alarm["AlarmName"]
            )
            .into());
        }
    }
    if checked < 4 {
        return Err(format!("only {checked} alarms use metrics of the sync").into());
    }
    Ok(())
}
