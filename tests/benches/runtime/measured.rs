//! The measurements of one candidate, event by event.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use bundle_tests::runtime_api::Invocation;
use serde_json::Value;

use crate::lambda::{Lambda, Spent};
use crate::meter::Consumed;
use crate::scene::Scene;

/// Times in milliseconds, in the order in which they were measured; counts are sums over the warm events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    /// From the start of the process to its first request for an event.
    pub(crate) start_ms: Vec<f64>,
    /// Processor time until then.
    pub(crate) start_cpu_ms: Vec<f64>,
    /// The first event of a process.
    pub(crate) first_ms: Vec<f64>,
    /// The events after it.
    pub(crate) warm_ms: Vec<f64>,
    /// The same until the process requested the next event, which is what Lambda bills.
    pub(crate) billed_ms: Vec<f64>,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) log_lines: u64,
    pub(crate) consumed: Consumed,
    /// Calls to WeCom by API.
    pub(crate) wecom_calls: BTreeMap<String, u64>,
}

/// One event with its resource usage.
pub(crate) struct Handled {
    pub(crate) invocation: Invocation,
    cpu_seconds: f64,
    peak_bytes: u64,
    log_bytes: u64,
    log_lines: u64,
    consumed: Consumed,
    wecom_calls: BTreeMap<String, u64>,
}

impl Handled {
    /// Has `lambda` handle one event. Nothing else may run at the same time.
    pub(crate) async fn by(
        lambda: &mut Lambda,
        scene: &Scene,
        event: Bytes,
    ) -> Result<Self, String> {
        let before = lambda.spent();
        let calls = scene.wecom.calls().len();
        let _earlier = scene.proxy.observer().take();
        let invocation = lambda.invoke(event).await?;
        let after = lambda.spent();
        let mut wecom_calls = BTreeMap::new();
        for call in scene.wecom.calls().iter().skip(calls) {
            *wecom_calls.entry(call.api.clone()).or_default() += 1;
        }
        let used = after.usage.since(&before.usage);
        Ok(Self {
            invocation,
            cpu_seconds: used.cpu_seconds.unwrap_or_default(),
            peak_bytes: used.peak_bytes.unwrap_or_default(),
            log_bytes: after.log_bytes - before.log_bytes,
            log_lines: after.log_lines - before.log_lines,
            consumed: scene.proxy.observer().take(),
            wecom_calls,
        })
    }

    /// Write units of DynamoDB, of tables and indexes.
    pub(crate) fn write_units(&self) -> f64 {
        self.consumed.write_units.values().sum()
    }

    /// The answer.
    pub(crate) fn answer(&self) -> &Value {
        &self.invocation.answer
    }
}

impl Measured {
    /// Adds a start and the first event after it.
    pub(crate) fn add_start(&mut self, ready: Duration, spent: &Spent, first: &Handled) {
        self.start_ms.push(ms(ready));
        let cpu_seconds = spent.usage.cpu_seconds.unwrap_or_default();
        self.start_cpu_ms.push(cpu_seconds * 1000.0);
        self.first_ms.push(ms(first.invocation.answered));
    }

    /// Adds an event that was not the first of its process.
    pub(crate) fn add_warm(&mut self, handled: &Handled) {
        self.warm_ms.push(ms(handled.invocation.answered));
        self.billed_ms.push(ms(handled.invocation.billed));
        self.cpu_seconds += handled.cpu_seconds;
        self.peak_bytes = self.peak_bytes.max(handled.peak_bytes);
        self.log_bytes += handled.log_bytes;
        self.log_lines += handled.log_lines;
        self.consumed.add(&handled.consumed);
        for (api, count) in &handled.wecom_calls {
            *self.wecom_calls.entry(api.clone()).or_default() += count;
        }
    }

    /// Warm events.
    pub(crate) fn events(&self) -> usize {
        self.warm_ms.len()
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
