//! The policy of the person who deploys: a document that IAM takes, with rights for every kind of resource.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::reader::read;
use crate::templates;

/// The characters that IAM takes in a managed policy, without white space.
const LIMIT: usize = 6_144;

/// The prefix of IAM's actions for the resources of a service.
fn prefix(kind: &str) -> &'static str {
    match kind.split("::").nth(1).unwrap() {
        "ApiGatewayV2" => "apigateway",
        "CloudFormation" => "cloudformation",
        "CloudWatch" => "cloudwatch",
        "DynamoDB" => "dynamodb",
        "EC2" => "ec2",
        "IAM" => "iam",
        "Lambda" | "Serverless" => "lambda",
        "Logs" => "logs",
        "SQS" => "sqs",
        "Scheduler" => "scheduler",
        "SecretsManager" => "secretsmanager",
        other => panic!("{other} has no prefix here"),
    }
}

#[test]
fn the_policy_of_the_deployer_has_rights_for_each_kind_of_resource() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/deployer-policy.json");
    let text = fs::read_to_string(path).unwrap();
    let size = text.chars().filter(|c| !c.is_whitespace()).count();
    assert!(size <= LIMIT, "{size} characters");
    let policy: Value = serde_json::from_str(&text).unwrap();
    let actions: BTreeSet<String> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    // SAM makes the resources of CodeDeploy, and uploads packages.
    let mut wanted = BTreeSet::from(["codedeploy", "s3"]);
    for (_, text) in templates() {
        for resource in read(&text)["Resources"].as_object().unwrap().values() {
            wanted.insert(prefix(resource["Type"].as_str().unwrap()));
        }
    }
    for prefix in wanted {
        let allowed = actions
            .iter()
            .any(|action| action.starts_with(&format!("{prefix}:")));
        assert!(allowed, "no action of {prefix}");
    }
    // Commonly missing, and found by a failed deployment only.
    for action in [
        "logs:CreateLogDelivery",
        "logs:PutResourcePolicy",
        "ec2:Describe*",
        "iam:*Role",
    ] {
        assert!(actions.contains(action), "{action}");
    }
}
