//! Runs the arm64 binaries in QEMU as Lambda does, with the tables and the secret of the deployed stack.

use std::time::Duration;

use bundle_tests::runtime_api::RuntimeApi;
use scrm_local::config::{DEMO_APP, DEMO_CORP};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::build::Build;
use crate::bundle::{Outputs, STACK};
use crate::command::{Command, Outcome};
use crate::emulator::REGION;
use crate::scene::Scene;
use crate::steps::Steps;
use crate::tools::{ARM64_LIBRARIES, QEMU};

/// The timeout of a process for its event. Emulation is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// Checks that each binary of the build answers one event.
pub(crate) async fn answers(
    steps: &Steps,
    build: &Build,
    aws: &Aws,
    outputs: &Outputs,
    scene: &Scene,
) -> Outcome<()> {
    let records = records(aws, outputs).await?;
    for function in build.functions {
        let (event, expected) = match *function {
            "callback" => {
                let (query, encrypted) = scene.sealed("<xml><Event>arm64</Event></xml>", None)?;
                let path = format!("/callback/{DEMO_CORP}/{DEMO_APP}");
                let body = json!({"encrypt": encrypted}).to_string();
                (
                    request("POST", &path, &query, &body, ""),
                    Expected::Status(200),
                )
            }
            "admin" => {
                let path = format!("/admin/corps/{DEMO_CORP}/channels");
                (
                    request("GET", &path, "", "", scene.admin_key()),
                    Expected::Status(200),
                )
            }
            "sync" => (json!({"task": "tick"}), Expected::Corp),
            _ => (json!({"Records": records}), Expected::NoFailures),
        };
        let answered = async {
            let answer = invoke(build, aws, outputs, scene, function, &event).await?;
            if expected.is(&answer) {
                return Ok(());
            }
            Err(format!("unexpected answer: {answer}").into())
        };
        steps
            .step(&format!("{function} for arm64 answers an event"), answered)
            .await?;
    }
    Ok(())
}

/// The expected kind of answer.
enum Expected {
    /// An HTTP response.
    Status(u16),
    /// A batch without failures.
    NoFailures,
    /// A tick of the corp, without an error in any part.
    Corp,
}

impl Expected {
    fn is(&self, answer: &Value) -> bool {
        match self {
            Self::Status(status) => answer["statusCode"] == *status,
            Self::NoFailures => answer["batchItemFailures"] == json!([]),
            Self::Corp => {
                let corp = &answer["corps"][DEMO_CORP];
                corp.is_object() && !corp.to_string().contains("\"error\"")
            }
        }
    }
}

/// Two adds from the inbox, as stream records.
async fn records(aws: &Aws, outputs: &Outputs) -> Outcome<Vec<Value>> {
    let filter = [
        "--filter-expression",
        "#n = :add",
        "--expression-attribute-names",
        r##"{"#n": "name"}"##,
    ];
    let values = [
        "--expression-attribute-values",
        r#"{":add": {"S": "add_external_contact"}}"#,
    ];
    let words = [
        &["dynamodb", "scan", "--table-name", &outputs.inbox_table][..],
        &filter,
        &values,
    ]
    .concat();
    let items = aws.run(&words).await?;
    let items = items["Items"].as_array().cloned().unwrap_or_default();
    if items.len() < 2 {
        return Err("the inbox has no adds".into());
    }
    let record = |(number, item): (usize, Value)| {
        json!({
            "eventID": number.to_string(), "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "eventVersion": "1.1", "awsRegion": REGION,
            "eventSourceARN": format!("arn:aws:dynamodb:{REGION}:000000000000:table/{}/stream/x", outputs.inbox_table),
            "dynamodb": {
                "ApproximateCreationDateTime": 1_700_000_000, "Keys": {"id": item["id"]}, "NewImage": item,
                "SequenceNumber": format!("{:020}", number + 1), "SizeBytes": 1, "StreamViewType": "NEW_IMAGE",
            },
        })
    };
    Ok(items.into_iter().take(2).enumerate().map(record).collect())
}

/// An event of the HTTP API, payload format 2.0.
fn request(method: &str, path: &str, query: &str, body: &str, key: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": {"host": "x.execute-api.us-east-1.amazonaws.com", "authorization": format!("Bearer {key}")},
        "requestContext": {
            "accountId": "000000000000", "apiId": "x", "domainName": "x.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "x", "requestId": "x", "routeKey": "$default", "stage": "$default",
            "time": "25/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_564_800_000_i64,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x"},
        },
        "body": body, "isBase64Encoded": false,
    })
}

async fn invoke(
    build: &Build,
    aws: &Aws,
    outputs: &Outputs,
    scene: &Scene,
    function: &str,
    event: &Value,
) -> Outcome<Value> {
    let name = format!("{STACK}-{function}");
    let arn = format!("arn:aws:lambda:{REGION}:000000000000:function:{name}");
    let mut api = RuntimeApi::serve(&arn, PATIENCE).await?;
    let mut process = Command::new(&format!("arm64-{function}"), QEMU)
        .args(["-L", ARM64_LIBRARIES])
        .arg(build.package(function).join("bootstrap"))
        .envs(aws.variables())
        .env("AWS_REGION", REGION)
        .env("AWS_LAMBDA_RUNTIME_API", &api.address)
        .env("AWS_LAMBDA_FUNCTION_NAME", &name)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "arm64")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .env("SCRM_INBOX_TABLE", &outputs.inbox_table)
        .env("SCRM_DATA_TABLE", &outputs.data_table)
        .env("SCRM_SECRET_ID", &outputs.secret)
        .env("WECOM_API_BASE", &scene.wecom_url)
        .start()?;
    let answer = tokio::select! {
        answer = api.answer(event.to_string().into()) => Ok(answer?.0),
        ended = process.wait() => Err(format!("the process ended: {:?}", ended?).into()),
    };
    process.kill().await?;
    answer
}
