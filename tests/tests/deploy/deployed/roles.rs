//! Compares the permissions of each role with a list: exactly those, no more and no less.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ACCOUNT, function_arn};
use crate::aws::Aws;
use crate::bundle::{Outputs, STACK, names};
use crate::command::Outcome;
use crate::emulator::REGION;

/// Resources and the actions allowed on them. A resource is one of the stack, with an optional part after a slash.
type Allowed = &'static [(&'static str, &'static [&'static str])];

/// Permissions of every function: reading the configuration, and logging. A stack whose configuration is split reads
/// other secrets, which the snapshot of the templates shows.
const ALL: Allowed = &[
    ("secret", &["secretsmanager:GetSecretValue"]),
    ("log", &["logs:CreateLogStream", "logs:PutLogEvents"]),
];

/// Permissions that Lambda needs in the role of a function that a stream invokes.
const STARTED_BY_STREAM: Allowed = &[
    (
        "stream",
        &[
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        ],
    ),
    ("inbox/stream/*", &["dynamodb:ListStreams"]),
    ("dead-letters", &["sqs:SendMessage"]),
];

/// The permissions that the ports of each function need.
const FUNCTIONS: [(&str, &[Allowed]); 5] = [
    ("callback", &[ALL, &[("inbox", &["dynamodb:PutItem"])]]),
    (
        "welcome",
        &[
            ALL,
            STARTED_BY_STREAM,
            &[(
                "data",
                &[
                    "dynamodb:BatchGetItem",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
            )],
        ],
    ),
    (
        "tagging",
        &[
            ALL,
            STARTED_BY_STREAM,
            &[
                ("inbox", &["dynamodb:UpdateItem"]),
                (
                    "data",
                    &[
                        "dynamodb:BatchGetItem",
                        "dynamodb:GetItem",
                        "dynamodb:PutItem",
                        "dynamodb:Query",
                        "dynamodb:UpdateItem",
                    ],
                ),
            ],
        ],
    ),
    (
        "sync",
        &[
            ALL,
            &[
                ("dead-letters", &["sqs:SendMessage"]),
                ("inbox", &["dynamodb:GetItem", "dynamodb:UpdateItem"]),
                ("inbox/index/by_contact", &["dynamodb:Query"]),
                ("inbox/index/by_work", &["dynamodb:Query"]),
                ("data/index/by_due", &["dynamodb:Query"]),
                ("data/index/by_member", &["dynamodb:Query"]),
            ],
            READ_AND_WRITE,
        ],
    ),
    (
        "admin",
        &[
            ALL,
            &[
                ("inbox", &["dynamodb:GetItem"]),
                ("inbox/index/by_contact", &["dynamodb:Query"]),
                ("data/index/by_day", &["dynamodb:Query"]),
                ("data/index/by_unionid", &["dynamodb:Query"]),
            ],
            READ_AND_WRITE,
        ],
    ),
];

/// Permissions of functions that also delete. Transactions of puts need `PutItem`.
const READ_AND_WRITE: Allowed = &[(
    "data",
    &[
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    ],
)];

/// One action on one resource.
type Pairs = BTreeSet<(String, String)>;

pub(super) async fn compare(aws: &Aws, outputs: &Outputs, dead_letters: &str) -> Outcome<()> {
    let command = format!(
        "dynamodb describe-table --table-name {}",
        outputs.inbox_table
    );
    let table = aws.ask(&command).await?;
    let stream = table["Table"]["LatestStreamArn"]
        .as_str()
        .unwrap_or_default();
    for (function, allowed) in FUNCTIONS {
        let arn = |resource: &str| {
            let (name, below) = resource.split_once('/').unwrap_or((resource, ""));
            let table = |name: &str| format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}");
            let whole = match name {
                "inbox" => table(&outputs.inbox_table),
                "data" => table(&outputs.data_table),
                "stream" => stream.to_owned(),
                "secret" => outputs.secret.clone(),
                "dead-letters" => dead_letters.to_owned(),
                _ => format!(
                    "arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{STACK}-{function}:*"
                ),
            };
            if below.is_empty() {
                whole
            } else {
                format!("{whole}/{below}")
            }
        };
        let wanted = allowed
            .iter()
            .copied()
            .flatten()
            .flat_map(|(resource, actions)| {
                let resource = arn(resource);
                actions
                    .iter()
                    .map(move |action| (resource.clone(), (*action).to_owned()))
            });
        let command =
            format!("lambda get-function-configuration --function-name {STACK}-{function}");
        let configuration = aws.ask(&command).await?;
        let role = role_name(&configuration["Role"]);
        // callback stays outside of the VPC. The snapshot of the templates has what the policy allows.
        let managed: &[&str] = if function == "callback" {
            &[]
        } else {
            &["VpcPolicy"]
        };
        attached(aws, &role, managed).await?;
        same(function, &wanted.collect(), &allowed_by(aws, &role).await?)?;
    }
    let command = format!("scheduler get-schedule --name {STACK}-tick");
    let schedule = aws.ask(&command).await?;
    let role = role_name(&schedule["Target"]["RoleArn"]);
    attached(aws, &role, &[]).await?;
    let wanted = Pairs::from([
        (function_arn("sync"), "lambda:InvokeFunction".to_owned()),
        (dead_letters.to_owned(), "sqs:SendMessage".to_owned()),
    ]);
    same("the schedules", &wanted, &allowed_by(aws, &role).await?)
}

fn same(name: &str, wanted: &Pairs, found: &Pairs) -> Outcome<()> {
    let (missing, extra): (Vec<_>, Vec<_>) = (
        wanted.difference(found).collect(),
        found.difference(wanted).collect(),
    );
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(format!("the role of {name} lacks {missing:?} and allows in addition {extra:?}").into())
}

fn role_name(arn: &Value) -> String {
    let arn = arn.as_str().unwrap_or_default();
    arn.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Compares the managed policies of a role with the logical ids `wanted`.
async fn attached(aws: &Aws, role: &str, wanted: &[&str]) -> Outcome<()> {
    let command = format!("iam list-attached-role-policies --role-name {role}");
    let found = aws.ask(&command).await?;
    let policies = found["AttachedPolicies"].as_array();
    let policies: Vec<&str> = policies
        .into_iter()
        .flatten()
        .filter_map(|policy| policy["PolicyName"].as_str())
        .collect();
    let same = policies.len() == wanted.len()
        && wanted
            .iter()
            .all(|id| policies.iter().any(|name| name.contains(id)));
    if same {
        return Ok(());
    }
    Err(format!("{role} has the managed policies {policies:?}, and not {wanted:?}").into())
}

async fn allowed_by(aws: &Aws, role: &str) -> Outcome<Pairs> {
    let about = async |command: &str| aws.ask(&format!("iam {command} --role-name {role}")).await;
    let mut pairs = Pairs::new();
    for policy in names(&about("list-role-policies").await?["PolicyNames"]) {
        let command = format!("get-role-policy --policy-name {policy}");
        let document = about(&command).await?["PolicyDocument"].take();
        for statement in document["Statement"].as_array().into_iter().flatten() {
            if statement["Effect"] != "Allow" || statement.get("NotAction").is_some() {
                return Err(format!("{role} has an unusual statement: {statement}").into());
            }
            for resource in one_or_many(&statement["Resource"]) {
                for action in one_or_many(&statement["Action"]) {
                    pairs.insert((resource.clone(), action));
                }
            }
        }
    }
    Ok(pairs)
}

fn one_or_many(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        many => names(many),
    }
}
