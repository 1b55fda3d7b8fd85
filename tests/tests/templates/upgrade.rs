//! Compares the templates with those of the release before: an existing stack must be able to take the new ones.
//!
//! A deployment to an emptied account cannot show it: CloudFormation refuses two changes of indexes in one update,
//! makes a resource with another logical id before it removes the one with the same name, and replaces a table whose
//! keys changed by an empty one. `tests/fixtures/templates-0.1` holds the templates of the release before; whoever
//! makes a release replaces them by its templates.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::reader::read;
use crate::{templates, templates_in};

/// The properties that name a resource in the account, by its type. A change makes another resource.
const NAMES: [(&str, &str); 11] = [
    ("AWS::ApiGatewayV2::Api", "Name"),
    ("AWS::CloudWatch::Alarm", "AlarmName"),
    ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ("AWS::DynamoDB::Table", "TableName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::Scheduler::Schedule", "Name"),
    ("AWS::SecretsManager::Secret", "Name"),
    ("AWS::Serverless::Function", "FunctionName"),
];

/// Resources that get another name on purpose: template, logical id, the new name, and why.
const RENAMED: [(&str, &str, &str, &str); 1] = [(
    "template",
    "AccessLog",
    "!Sub /aws/vendedlogs/apigateway/${AWS::StackName}",
    "the account's resource policy has room for a dozen groups of other names; the old group is kept",
)];

/// What becomes of a resource that is deleted, the weakest first. Without a policy it is deleted.
const POLICIES: [&str; 4] = ["Delete", "RetainExceptOnCreate", "Snapshot", "Retain"];

/// Templates by file name.
type Templates = BTreeMap<String, Value>;

/// What an existing stack could not take, or would lose data by.
fn faults(before: &Templates, after: &Templates) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, old) in before {
        let Some(new) = after.get(name) else {
            faults.push(format!("{name}: the template is gone"));
            continue;
        };
        for section in ["Resources", "Parameters", "Outputs"] {
            for id in missing(&old[section], &new[section]) {
                faults.push(format!("{name}: {id} of {section} is gone"));
            }
        }
        for (id, old) in fields(&old["Resources"]) {
            let new = &new["Resources"][id];
            if !new.is_null() {
                let of_one = compare(name, id, old, new);
                faults.extend(
                    of_one
                        .into_iter()
                        .map(|fault| format!("{name}: {id}: {fault}")),
                );
            }
        }
    }
    faults
}

fn compare(template: &str, id: &str, old: &Value, new: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if old["Type"] != new["Type"] {
        faults.push(format!("is of another type, {}", new["Type"]));
        return faults;
    }
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        if strength(&new[policy]) < strength(&old[policy]) {
            faults.push(format!("{policy} is weaker, {}", new[policy]));
        }
    }
    let (old_properties, new_properties) = (&old["Properties"], &new["Properties"]);
    for (_, name) in NAMES.iter().filter(|(kind, _)| old["Type"] == *kind) {
        let renamed = RENAMED.iter().any(|(in_template, of, to, _)| {
            (*in_template, *of) == (template, id) && new_properties[name] == *to
        });
        if old_properties[name] != new_properties[name] && !renamed {
            faults.push(format!("{name} is another one, {}", new_properties[name]));
        }
    }
    if old["Type"] == "AWS::DynamoDB::Table" {
        faults.extend(compare_tables(old_properties, new_properties));
    }
    // Mappings and schedules, whose logical ids are made of the names of function and event.
    let (old_events, new_events) = (&old_properties["Events"], &new_properties["Events"]);
    for event in missing(old_events, new_events) {
        faults.push(format!("the event {event} is gone"));
    }
    for (event, old_event) in fields(old_events) {
        for property in ["Name", "Stream", "StartingPosition"] {
            let [old, new] =
                [old_event, &new_events[event]].map(|event| &event["Properties"][property]);
            if old != new {
                faults.push(format!(
                    "{property} of the event {event} is another one, {new}"
                ));
            }
        }
    }
    faults
}

fn compare_tables(old: &Value, new: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for property in ["KeySchema", "LocalSecondaryIndexes", "StreamSpecification"] {
        if old[property] != new[property] {
            faults.push(format!("{property} is another one, {}", new[property]));
        }
    }
    let types = |table: &Value| -> BTreeMap<String, Value> {
        let attributes = table["AttributeDefinitions"].as_array().unwrap().iter();
        let pair = |it: &Value| (it["AttributeName"].to_string(), it["AttributeType"].clone());
        attributes.map(pair).collect()
    };
    let new_types = types(new);
    for (attribute, kind) in types(old) {
        if new_types.get(&attribute).is_some_and(|new| *new != kind) {
            faults.push(format!("the attribute {attribute} is of another type"));
        }
    }
    let indexes = |table: &Value| -> BTreeSet<String> {
        let indexes = table["GlobalSecondaryIndexes"].as_array();
        indexes
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect()
    };
    let (old, new) = (indexes(old), indexes(new));
    let changed = old.symmetric_difference(&new).count();
    if changed > 1 {
        faults.push(format!(
            "{changed} indexes are added or removed, and an update can do one"
        ));
    }
    faults
}

fn strength(policy: &Value) -> usize {
    let name = policy.as_str().unwrap_or("Delete");
    let place = POLICIES.iter().position(|policy| *policy == name);
    place.unwrap_or_else(|| panic!("an unknown policy, {name}"))
}

fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// The fields of `old` that `new` lacks.
fn missing<'a>(old: &'a Value, new: &'a Value) -> impl Iterator<Item = &'a String> {
    fields(old)
        .map(|(name, _)| name)
        .filter(|name| new.get(name.as_str()).is_none())
}

fn parsed(texts: &[(String, String)]) -> Templates {
    let texts = texts.iter();
    texts
        .map(|(name, text)| (name.clone(), read(text)))
        .collect()
}

fn released() -> Templates {
    parsed(&templates_in("tests/fixtures/templates-0.1"))
}

#[test]
fn a_stack_of_the_release_before_can_take_the_templates() {
    assert_eq!(faults(&released(), &parsed(&templates())), [""; 0]);
}

#[test]
fn each_exception_is_used() {
    let (before, after) = (released(), parsed(&templates()));
    for (template, id, name, why) in RENAMED {
        let old = &before[template]["Resources"][id];
        let (_, property) = NAMES.iter().find(|(kind, _)| old["Type"] == *kind).unwrap();
        assert_ne!(old["Properties"][property], name, "{id}: {why}");
        assert_eq!(
            after[template]["Resources"][id]["Properties"][property],
            name
        );
    }
}

/// A change that an existing stack could not take: template, what is replaced by what, and the fault.
type Mutation = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const MUTATIONS: [Mutation; 15] = [
    (
        "template",
        &[
            ("IndexName: by_day", "IndexName: by_date"),
            ("IndexName: by_due", "IndexName: due"),
        ],
        "4 indexes are added or removed",
    ),
    (
        "template",
        &[("IndexName: by_work", "IndexName: work")],
        "2 indexes are added or removed",
    ),
    (
        "template",
        &[(
            "[{AttributeName: id, KeyType: HASH}]",
            "[{AttributeName: contact, KeyType: HASH}]",
        )],
        "KeySchema is another one",
    ),
    (
        "template",
        &[(
            "{AttributeName: due_at, AttributeType: S}",
            "{AttributeName: due_at, AttributeType: N}",
        )],
        "\"due_at\" is of another type",
    ),
    (
        "template",
        &[(
            "StreamViewType: NEW_IMAGE",
            "StreamViewType: NEW_AND_OLD_IMAGES",
        )],
        "StreamSpecification is another one",
    ),
    (
        "template",
        &[("  AdminLog:\n", "  LogOfAdmin:\n")],
        "AdminLog of Resources is gone",
    ),
    (
        "template",
        &[("  MediaBucket:\n", "  Bucket:\n")],
        "MediaBucket of Parameters is gone",
    ),
    (
        "template",
        &[("  TrustedIp:\n", "  Address:\n")],
        "TrustedIp of Outputs is gone",
    ),
    (
        "template",
        &[(
            "Name: !Sub ${AWS::StackName}/config\n",
            "Name: !Sub ${AWS::StackName}/configuration\n",
        )],
        "ConfigSecret: Name is another one",
    ),
    (
        "template",
        &[(
            "FunctionName: !Sub ${AWS::StackName}-sync\n",
            "FunctionName: !Sub ${AWS::StackName}-synchronize\n",
        )],
        "FunctionName is another one",
    ),
    (
        "template",
        &[(
            "LogGroupName: !Sub /aws/vendedlogs/",
            "LogGroupName: !Sub /vendedlogs/",
        )],
        "LogGroupName is another one",
    ),
    (
        "template",
        &[(
            "Name: !Sub ${AWS::StackName}-tick\n",
            "Name: !Sub ${AWS::StackName}-minute\n",
        )],
        "Name of the event Tick is another one",
    ),
    (
        "template",
        &[("        Inbox:\n", "        Stream:\n")],
        "the event Inbox is gone",
    ),
    (
        "template",
        &[(
            "DeletionPolicy: Retain\n",
            "DeletionPolicy: RetainExceptOnCreate\n",
        )],
        "DeletionPolicy is weaker",
    ),
    (
        "alarms",
        &[(
            "AlarmName: !Sub ${Name}-sync-errors",
            "AlarmName: !Sub ${Name}-errors-of-sync",
        )],
        "AlarmName is another one",
    ),
];

#[test]
fn each_rule_can_fail() {
    let texts = templates();
    for (template, changes, expected) in MUTATIONS {
        let mut texts = texts.clone();
        let (_, text) = texts.iter_mut().find(|(name, _)| name == template).unwrap();
        for (old, new) in changes {
            assert!(text.contains(old), "{template} has no {old:?}");
            *text = text.replacen(old, new, 1);
        }
        let found = faults(&released(), &parsed(&texts));
        let named = found.iter().any(|fault| fault.contains(expected));
        assert!(named, "{changes:?} is not found as {expected:?}: {found:?}");
    }
}

#[test]
fn a_template_or_a_type_may_not_go() {
    let (before, mut after) = (released(), parsed(&templates()));
    after.get_mut("alarms").unwrap()["Resources"]["AdminErrors"]["Type"] =
        "AWS::CloudWatch::CompositeAlarm".into();
    after.remove("network");
    assert_eq!(
        faults(&before, &after),
        [
            "alarms: AdminErrors: is of another type, \"AWS::CloudWatch::CompositeAlarm\"",
            "network: the template is gone",
        ]
    );
}
