//! Inputs of the model: what was measured per function and event, and the contents of the stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The fields used of the section `runtime`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Runtime {
    /// The number of member edits that the measured tick handled.
    #[serde(default = "one")]
    pub(crate) edits_per_tick: u64,
    /// Each function, in each language.
    pub(crate) candidates: Vec<Figure>,
    /// A tick that finds nothing to do.
    #[serde(default)]
    pub(crate) idle_tick: Option<Figure>,
}

/// One function in one language, means of its warm events.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Figure {
    pub(crate) function: String,
    pub(crate) runtime: String,
    /// The memory size whose share of a processor it had; a whole processor if absent.
    #[serde(default)]
    pub(crate) memory_mb: Option<u32>,
    #[serde(flatten)]
    pub(crate) costs: Costs,
}

/// Resources used per event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub(crate) struct Costs {
    /// Until the process requested the next event.
    pub(crate) billed_ms: f64,
    #[serde(default)]
    pub(crate) log_bytes: f64,
    #[serde(default)]
    pub(crate) log_lines: f64,
    #[serde(default)]
    pub(crate) read_units: f64,
    #[serde(default)]
    pub(crate) write_units: f64,
    #[serde(default)]
    pub(crate) wecom_calls: f64,
}

fn one() -> u64 {
    1
}

/// Numbers from the template, and assumptions for what no bench measures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stack {
    /// `MemorySize` of each function.
    pub(crate) memory_mb: BTreeMap<String, u32>,
    /// Metrics that alarms look at: each is paid.
    pub(crate) alarms: u32,
    pub(crate) dashboards: u32,
    /// Metrics that each tick writes.
    pub(crate) tick_metrics: u32,
    /// Metrics that events write, in a busy month.
    pub(crate) event_metrics: u32,
    /// Calls of the callback's URL by the sync, of one app.
    pub(crate) self_checks_per_month: u32,
    pub(crate) ticks_per_month: u32,
    pub(crate) reconciles_per_month: u32,
    pub(crate) secret_reads_per_month: u32,
    pub(crate) kms_calls_per_month: u32,
    pub(crate) log_retention_months: f64,
    /// Size of an add's event, outcomes and fact, with indexes and DynamoDB's overhead.
    pub(crate) stored_bytes_per_add: f64,
    pub(crate) stored_bytes_per_relation: f64,
    /// For a reconcile that finds no changes.
    pub(crate) reconcile_read_units_per_relation: f64,
    pub(crate) reconcile_ms_per_relation: f64,
    pub(crate) wecom_bytes_per_call: f64,
    /// The part of these bytes that leaves AWS.
    pub(crate) wecom_bytes_out_per_call: f64,
}

/// Reads a JSON file; an error names the file and the field.
pub(crate) fn read_file<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

impl Runtime {
    /// The bundle's own function `name`.
    pub(crate) fn costs(&self, name: &str) -> Result<Costs, String> {
        let ours = |figure: &&Figure| figure.function == name && figure.runtime == "rust";
        let figure = self.candidates.iter().find(ours);
        let figure = figure.ok_or_else(|| {
            format!("runtime: candidates has no function {name} in rust: run its bench with all functions")
        })?;
        Ok(figure.costs)
    }

    /// A note for each function that was measured with another memory size than it is deployed with.
    pub(crate) fn memory_notes(&self, stack: &Stack) -> Vec<String> {
        let ours = self.candidates.iter().filter(|it| it.runtime == "rust");
        let note = |figure: &Figure| {
            let deployed = *stack.memory_mb.get(&figure.function)?;
            let measured = match figure.memory_mb {
                Some(memory) if memory == deployed => return None,
                Some(memory) => format!("the share of {memory} MB"),
                None => "a whole processor".to_owned(),
            };
            let function = &figure.function;
            Some(format!(
                "The time of {function} was measured with {measured}, and it is deployed with {deployed} MB."
            ))
        };
        ours.filter_map(note).collect()
    }

    /// A tick with nothing to do.
    pub(crate) fn idle_tick(&self) -> Result<Costs, String> {
        let tick = self.idle_tick.as_ref();
        let tick = tick.ok_or("runtime: idle_tick is missing: run its bench with sync")?;
        Ok(tick.costs)
    }

    /// Resources that a tick uses per event that it handles.
    pub(crate) fn refresh(&self) -> Result<Costs, String> {
        if self.edits_per_tick == 0 {
            return Err("runtime: edits_per_tick is 0".to_owned());
        }
        let (busy, idle) = (self.costs("sync")?, self.idle_tick()?);
        let share =
            |of: fn(&Costs) -> f64| (of(&busy) - of(&idle)).max(0.0) / self.edits_per_tick as f64;
        Ok(Costs {
            billed_ms: share(|costs| costs.billed_ms),
            log_bytes: share(|costs| costs.log_bytes),
            log_lines: share(|costs| costs.log_lines),
            read_units: share(|costs| costs.read_units),
            write_units: share(|costs| costs.write_units),
            wecom_calls: share(|costs| costs.wecom_calls),
        })
    }
}

impl Stack {
    pub(crate) fn gigabytes(&self, function: &str) -> Result<f64, String> {
        let memory = self.memory_mb.get(function);
        let memory =
            memory.ok_or_else(|| format!("stack.json: memory_mb.{function} is missing"))?;
        Ok(f64::from(*memory) / 1024.0)
    }
}
