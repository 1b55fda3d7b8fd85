//! What others depend on of a template: one section for each kind of thing, sorted, without descriptions.

use serde_json::{Map, Value, json};

/// A section of a contract: its name, the type of its resources, and what is taken of each.
type Section = (
    &'static str,
    &'static str,
    fn(&Resource<'_>) -> (String, Value),
);

const SECTIONS: &[Section] = &[
    ("functions", "AWS::Serverless::Function", function),
    ("tables", "AWS::DynamoDB::Table", table),
    ("alarms", "AWS::CloudWatch::Alarm", alarm),
    ("roles", "AWS::IAM::Role", role),
    ("policies", "AWS::IAM::ManagedPolicy", policy),
    ("routes", "AWS::ApiGatewayV2::Route", route),
    ("permissions", "AWS::Lambda::Permission", permission),
    ("widgets", "AWS::CloudWatch::Dashboard", widgets),
    ("stacks", "AWS::CloudFormation::Stack", stack),
];

/// A resource, with what the template says of all functions.
struct Resource<'a> {
    id: &'a str,
    properties: &'a Value,
    globals: &'a Value,
}

/// The contract of a template.
pub(crate) fn contract(template: &Value) -> Value {
    let mut contract = Map::new();
    let mut put = |name: &str, section: Value| {
        if section
            .as_object()
            .is_some_and(|section| !section.is_empty())
        {
            contract.insert(name.to_owned(), section);
        }
    };
    put(
        "parameters",
        each(&template["Parameters"], |parameter| {
            without(parameter, &["Description", "ConstraintDescription"])
        }),
    );
    put("conditions", each(&template["Conditions"], Value::clone));
    put(
        "outputs",
        each(&template["Outputs"], |output| {
            without(output, &["Description"])
        }),
    );
    put("resources", each(&template["Resources"], head));
    let resources = template["Resources"].as_object().unwrap();
    for (name, kind, take) in SECTIONS {
        let mut section = Map::new();
        for (id, resource) in resources.iter().filter(|(_, it)| it["Type"] == *kind) {
            let resource = Resource {
                id,
                properties: &resource["Properties"],
                globals: &template["Globals"]["Function"],
            };
            let (name, taken) = take(&resource);
            let twice = section.insert(name, taken);
            assert_eq!(twice, None, "{id} has the name of another resource");
        }
        put(name, Value::Object(section));
    }
    Value::Object(contract)
}

/// The type of a resource, when it is made, and what becomes of it when it is deleted or replaced.
fn head(resource: &Value) -> Value {
    let names = ["Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy"];
    let head = only(resource, &names);
    match head.as_object() {
        Some(fields) if fields.len() == 1 => head["Type"].clone(),
        _ => head,
    }
}

/// Its properties with those of all functions.
fn function(resource: &Resource<'_>) -> (String, Value) {
    let mut function = resource.globals.clone();
    let own = without(resource.properties, &["Description", "CodeUri"]);
    function
        .as_object_mut()
        .unwrap()
        .extend(own.as_object().unwrap().clone());
    let events = each(&resource.properties["Events"], |event| {
        json!({
            "Type": event["Type"],
            "Properties": without(&event["Properties"], &["Description"]),
        })
    });
    if events != json!({}) {
        function["Events"] = events;
    }
    (resource.id.to_owned(), function)
}

/// Keys, attributes and indexes in short, and everything else as it is.
fn table(resource: &Resource<'_>) -> (String, Value) {
    let properties = resource.properties;
    let shortened = [
        "KeySchema",
        "AttributeDefinitions",
        "GlobalSecondaryIndexes",
    ];
    let mut table = without(properties, &shortened);
    table["keys"] = keys(properties);
    table["attributes"] = by(&properties["AttributeDefinitions"], "AttributeName", |of| {
        of["AttributeType"].clone()
    });
    table["indexes"] = by(
        &properties["GlobalSecondaryIndexes"],
        "IndexName",
        |index| json!({"keys": keys(index), "projection": index["Projection"]}),
    );
    (resource.id.to_owned(), table)
}

fn keys(of: &Value) -> Value {
    let keys = of["KeySchema"].as_array().unwrap().iter();
    let key = |key: &Value| format!("{} {}", text(&key["AttributeName"]), text(&key["KeyType"]));
    keys.map(key).collect()
}

/// By the name of the alarm, which is what operators see.
fn alarm(resource: &Resource<'_>) -> (String, Value) {
    let mut alarm = without(resource.properties, &["AlarmName", "AlarmDescription"]);
    // One that looks at several metrics has them in `Metrics`.
    if !resource.properties["Dimensions"].is_null() {
        alarm["Dimensions"] = by(&resource.properties["Dimensions"], "Name", |dimension| {
            dimension["Value"].clone()
        });
    }
    (text(&resource.properties["AlarmName"]), alarm)
}

/// Whose role it is, and what it allows.
fn role(resource: &Resource<'_>) -> (String, Value) {
    let mut allowed = Map::new();
    // A role without policies of its own has AWS's.
    let policies = resource.properties["Policies"].as_array();
    for policy in policies.into_iter().flatten() {
        allowed.extend(statements(&policy["PolicyDocument"]));
    }
    let trust = resource.properties["AssumeRolePolicyDocument"]["Statement"].as_array();
    let trust: Vec<Value> = trust.unwrap().iter().map(statement).collect();
    let role = json!({
        "assumed_by": trust,
        "managed": resource.properties["ManagedPolicyArns"],
        "statements": allowed,
    });
    (resource.id.to_owned(), role)
}

fn policy(resource: &Resource<'_>) -> (String, Value) {
    let allowed = statements(&resource.properties["PolicyDocument"]);
    (resource.id.to_owned(), Value::Object(allowed))
}

/// The statements by their ids; of one that only some deployments have, the condition as well.
fn statements(document: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    for entry in document["Statement"].as_array().unwrap() {
        let (body, condition) = match &entry["!If"] {
            Value::Array(choice) => (&choice[1], Some(&choice[0])),
            _ => (entry, None),
        };
        let mut taken = statement(body);
        if let Some(condition) = condition {
            taken["only_if"] = condition.clone();
        }
        let twice = found.insert(text(&body["Sid"]), taken);
        assert_eq!(twice, None, "two statements have one id: {body}");
    }
    found
}

fn statement(of: &Value) -> Value {
    let mut statement = without(of, &["Sid", "Action", "Resource"]);
    statement["actions"] = sorted(&of["Action"]);
    if !of["Resource"].is_null() {
        statement["resources"] = sorted(&of["Resource"]);
    }
    statement
}

fn route(resource: &Resource<'_>) -> (String, Value) {
    let target = resource.properties["Target"].clone();
    (text(&resource.properties["RouteKey"]), target)
}

fn permission(resource: &Resource<'_>) -> (String, Value) {
    (resource.id.to_owned(), resource.properties.clone())
}

/// The metrics of each widget, by its title, without labels and colours.
fn widgets(resource: &Resource<'_>) -> (String, Value) {
    let body = text(&resource.properties["DashboardBody"]);
    let body = body.strip_prefix("!Sub ").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let mut widgets = Map::new();
    for widget in body["widgets"].as_array().unwrap() {
        let properties = &widget["properties"];
        if widget["type"] == "metric" {
            let metrics = properties["metrics"].as_array().unwrap().iter();
            let metrics: Vec<String> = metrics.map(metric).collect();
            let twice = widgets.insert(text(&properties["title"]), json!(metrics));
            assert_eq!(twice, None, "two widgets have one title: {properties}");
        }
    }
    let name = text(&resource.properties["DashboardName"]);
    (name, Value::Object(widgets))
}

/// One line: names and values, then how they are drawn.
fn metric(parts: &Value) -> String {
    let part = |part: &Value| match part {
        Value::String(text) => text.clone(),
        drawn => without(drawn, &["label", "color"]).to_string(),
    };
    let parts = parts.as_array().unwrap().iter().map(part);
    let parts: Vec<String> = parts.filter(|part| part != "{}").collect();
    parts.join(" ")
}

fn stack(resource: &Resource<'_>) -> (String, Value) {
    (resource.id.to_owned(), resource.properties.clone())
}

/// The object with `take` of each of its values.
fn each(object: &Value, take: impl Fn(&Value) -> Value) -> Value {
    let fields = object.as_object().into_iter().flatten();
    let fields = fields.map(|(name, value)| (name.clone(), take(value)));
    Value::Object(fields.collect())
}

/// A list of named things as an object.
fn by(list: &Value, name: &str, take: impl Fn(&Value) -> Value) -> Value {
    let things = list.as_array().into_iter().flatten();
    let things = things.map(|thing| (text(&thing[name]), take(thing)));
    Value::Object(things.collect())
}

fn only(object: &Value, names: &[&str]) -> Value {
    let fields = object.as_object().unwrap().iter();
    let fields = fields.filter(|(name, _)| names.contains(&name.as_str()));
    Value::Object(
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

fn without(object: &Value, names: &[&str]) -> Value {
    let fields = object.as_object().unwrap().iter();
    let fields = fields.filter(|(name, _)| !names.contains(&name.as_str()));
    Value::Object(
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// One text or a list of them, as a sorted list.
fn sorted(value: &Value) -> Value {
    let mut texts: Vec<String> = match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => vec![text(one)],
    };
    texts.sort_unstable();
    json!(texts)
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
