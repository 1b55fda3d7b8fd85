//! The alias of a function points to a version, and a version keeps the configuration that the function had when it was
//! made. SAM makes a new one when the template changes, but not when a parameter does: then CloudFormation does, if the
//! description of the version changes. So the description depends on the parameters that the configuration depends on,
//! and on no other: a version that is the same as the last one is an error.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::reader::read;
use crate::template;

/// Properties that are not in a version.
const NOT_IN_A_VERSION: [&str; 10] = [
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "CodeUri",
    "DeploymentPreference",
    "Description",
    "Events",
    "FunctionName",
    "ReservedConcurrentExecutions",
    "Role",
    "VersionDescription",
];

/// The parameters that a value depends on, also by its conditions.
fn parameters(value: &Value, template: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: &str| {
        if !template["Parameters"][name].is_null() {
            names.insert(name.to_owned());
        }
    };
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("!Ref ") {
                add(name);
            }
            for rest in text.split("${").skip(1) {
                add(rest.split('}').next().unwrap());
            }
        }
        Value::Array(items) => {
            for item in items {
                names.extend(parameters(item, template));
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                names.extend(parameters(field, template));
                if name == "!If" {
                    let condition = field[0].as_str().unwrap();
                    names.extend(parameters(&template["Conditions"][condition], template));
                }
            }
        }
        _ => {}
    }
    names
}

/// The functions with an alias: what their configuration depends on, and what the description of a version does.
fn dependences(template: &Value) -> Vec<(String, BTreeSet<String>, BTreeSet<String>)> {
    let globals = &template["Globals"]["Function"];
    let resources = template["Resources"].as_object().unwrap().iter();
    let published =
        resources.filter(|(_, resource)| !resource["Properties"]["AutoPublishAlias"].is_null());
    let dependence = |(id, resource): (&String, &Value)| {
        let mut configuration = parameters(globals, template);
        for (name, value) in resource["Properties"].as_object().unwrap() {
            if !NOT_IN_A_VERSION.contains(&name.as_str()) {
                configuration.extend(parameters(value, template));
            }
        }
        let description = &resource["Properties"]["VersionDescription"];
        (id.clone(), configuration, parameters(description, template))
    };
    published.map(dependence).collect()
}

#[test]
fn the_description_of_a_version_changes_with_what_the_function_depends_on() {
    let found = dependences(&read(&template("template")));
    let names: Vec<&str> = found.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!(
        names,
        [
            "AdminFunction",
            "CallbackFunction",
            "TaggingFunction",
            "WelcomeFunction"
        ]
    );
    for (id, configuration, description) in &found {
        assert_eq!(configuration, description, "{id}");
    }
    let [(_, _, admin), (_, _, callback), ..] = &found[..] else {
        panic!("too few functions")
    };
    let only_in_the_vpc: Vec<&String> = admin.difference(callback).collect();
    assert_eq!(only_in_the_vpc, ["Egress", "SecurityGroupIds", "SubnetIds"]);
}

#[test]
fn a_parameter_that_the_description_leaves_out_is_found() {
    let text = template("template");
    for (old, new) in [
        ("${Architecture} ${Tracing} ", "${Architecture} "),
        (
            "      MemorySize: 128\n",
            "      MemorySize: !Ref LogRetentionDays\n",
        ),
    ] {
        assert!(text.contains(old), "{old}");
        let found = dependences(&read(&text.replacen(old, new, 1)));
        let differ = found
            .iter()
            .any(|(_, configuration, description)| configuration != description);
        assert!(differ, "{new}");
    }
}

/// Whoever calls by the alias must call by it everywhere: without it, calls go to what is deployed last.
#[test]
fn the_api_and_the_schedules_call_by_the_alias() {
    let template = read(&template("template"));
    let resources = &template["Resources"];
    for function in ["Callback", "Admin"] {
        let alias = format!("!Ref {function}Function.Alias");
        let integration = &resources[format!("{function}Integration")];
        let permission = &resources[format!("{function}Permission")];
        assert_eq!(integration["Properties"]["IntegrationUri"], alias);
        assert_eq!(permission["Properties"]["FunctionName"], alias);
        // The API would be refused between the change of the one and of the other.
        assert_eq!(integration["DependsOn"], format!("{function}Permission"));
        // Alarms that are named must exist when a deployment looks at them.
        assert_eq!(
            resources[format!("{function}Function")]["DependsOn"],
            "Alarms"
        );
    }
    for function in ["Welcome", "Tagging"] {
        let schedule = &resources[format!("Keep{function}Active")]["Properties"]["Target"];
        assert_eq!(schedule["Arn"], format!("!Ref {function}Function.Alias"));
    }
}
