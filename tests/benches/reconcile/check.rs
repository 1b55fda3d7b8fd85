//! Whether the run said that it was complete, and whether what is stored is what the sandbox has.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::relation::{Relation, Status};
use platform::layout::RELATION;
use platform::store::relation_of_item;
use scrm_local::stack::DATA_TABLE;
use wecom_sandbox::RelationTruth;

use crate::report::Pass;
use crate::scene::Scene;

/// The run is over, without an error, and has read every relation.
pub(crate) fn run(pass: &Pass) -> Result<(), String> {
    let run = &pass.run;
    if let Some(error) = &run.error {
        return Err(format!("the run ended with: {error}"));
    }
    if run.finished_at.is_none() {
        return Err("the run is not over".to_owned());
    }
    let told: u64 = pass.calls.values().sum();
    // A token may have been fetched, which is no call of the run's.
    if run.calls > told || told - run.calls > 1 {
        return Err(format!("the run counted {} calls, WeCom {told}", run.calls));
    }
    Ok(())
}

/// Nothing was written after the first pass, because nothing had changed.
pub(crate) fn unchanged(passes: &[Pass]) -> Result<(), String> {
    let later = passes.iter().skip(1);
    match later.map(Pass::rows_written).sum::<u64>() {
        0 => Ok(()),
        rows => Err(format!(
            "{rows} rows were written although nothing had changed"
        )),
    }
}

/// Compares every stored relation with the sandbox's.
pub(crate) async fn stored(scene: &Scene) -> Result<(), String> {
    let truth = scene.corp.truth().relations;
    let mut missing: HashMap<(String, String), &RelationTruth> = truth
        .iter()
        .map(|it| ((it.userid.clone(), it.external_userid.clone()), it))
        .collect();
    let (mut unknown, mut different) = (0, 0);
    let scan = scene.client.scan().table_name(DATA_TABLE);
    let scan = scan
        .filter_expression("begins_with(sk, :relation)")
        .expression_attribute_values(":relation", AttributeValue::S(RELATION.to_owned()));
    let mut items = scan.into_paginator().items().send();
    while let Some(item) = items.next().await {
        let item = item.map_err(|error| format!("the table cannot be read: {error}"))?;
        let relation = relation_of_item(item).map_err(|error| error.to_string())?;
        let pair = (
            relation.userid.to_string(),
            relation.external_userid.to_string(),
        );
        match missing.remove(&pair) {
            None => unknown += 1,
            Some(truth) if !agrees(&relation, truth) => different += 1,
            Some(_) => {}
        }
    }
    if missing.is_empty() && unknown == 0 && different == 0 {
        println!(
            "  stored       exactly the {} relations of the sandbox\n",
            truth.len()
        );
        return Ok(());
    }
    Err(format!(
        "of {} relations {} are not stored, {different} differ, and {unknown} are stored that WeCom does not have",
        truth.len(),
        missing.len()
    ))
}

fn agrees(stored: &Relation, truth: &RelationTruth) -> bool {
    let told = &stored.told;
    let mut tags: Vec<&str> = stored.tag_ids.iter().map(|tag| tag.as_str()).collect();
    tags.sort_unstable();
    let mobiles = told.remark_mobiles.iter().map(|mobile| mobile.expose());
    stored.status == Status::Active
        && told.createtime.and_then(|at| u64::try_from(at).ok()) == Some(truth.createtime)
        && told.add_way == Some(truth.add_way)
        && told.remark.expose() == truth.remark
        && told.description.expose() == truth.description
        && told.remark_corp_name.expose() == truth.remark_corp_name
        && told.oper_userid == truth.oper_userid
        && mobiles.eq(truth.remark_mobiles.iter().map(String::as_str))
        && stored.state.as_ref().map(|state| state.as_str()) == truth.state.as_deref()
        && tags == truth.tag_ids
}
