//! Checks that the run completed, and that the stored relations equal those of the sandbox.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::relation::{Relation, Status};
use platform::layout::RELATION;
use platform::store::relation_of_item;
use scrm_local::stack::DATA_TABLE;
use wecom_sandbox::RelationTruth;

use crate::report::Pass;
use crate::scene::Scene;

/// Checks that the run has finished without an error and counted the calls that WeCom counted.
pub(crate) fn run(pass: &Pass) -> Result<(), String> {
    let run = &pass.run;
    if let Some(error) = &run.error {
        return Err(format!("the run ended with an error: {error}"));
    }
    if run.finished_at.is_none() {
        return Err("the run has not finished".to_owned());
    }
    let at_wecom: u64 = pass.calls.values().sum();
    // A token may have been fetched, which the run does not count.
    if run.calls > at_wecom || at_wecom - run.calls > 1 {
        return Err(format!(
            "the run counted {} calls, WeCom {at_wecom}",
            run.calls
        ));
    }
    Ok(())
}

/// Checks that later passes wrote nothing, because nothing had changed.
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
            relation.key.member.to_string(),
            relation.key.customer.to_string(),
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
        "of {} relations {} are not stored and {different} differ; {unknown} stored relations are unknown to WeCom",
        truth.len(),
        missing.len()
    ))
}

fn agrees(stored: &Relation, truth: &RelationTruth) -> bool {
    let follow = &stored.snapshot.follow;
    let mut tags: Vec<&str> = stored.tags.current.iter().map(|tag| tag.as_str()).collect();
    tags.sort_unstable();
    let mobiles = follow.remark_mobiles.iter().map(|mobile| mobile.expose());
    stored.status() == Status::Active
        && follow
            .createtime
            .and_then(|at| u64::try_from(at.get()).ok())
            == Some(truth.createtime)
        && follow.add_way == Some(truth.add_way)
        && follow.remark.expose() == truth.remark
        && follow.description.expose() == truth.description
        && follow.remark_corp_name.expose() == truth.remark_corp_name
        && follow.oper_userid == truth.oper_userid
        && mobiles.eq(truth.remark_mobiles.iter().map(String::as_str))
        && stored
            .attribution
            .as_ref()
            .and_then(|way| Some(way.state.as_ref()?.as_str()))
            == truth.state.as_deref()
        && tags == truth.tag_ids
}
