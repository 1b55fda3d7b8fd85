//! The quantities that are used: per add, per other event, per month. [`crate::bill`] applies the prices.

use crate::figures::{Costs, Runtime, Stack};

/// Bytes that CloudWatch adds to each log line.
const LOG_LINE_OVERHEAD: f64 = 26.0;
const BYTES_PER_GB: f64 = 1e9;
/// The prices of a stored gigabyte and its backup.
const STORAGE: [&str; 2] = ["dynamodb_gb_month", "dynamodb_pitr_gb_month"];
/// Hours of a month, as AWS counts them.
const HOURS: f64 = 730.0;

/// The corp for which the cost is calculated.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Corp {
    pub(crate) adds: u64,
    pub(crate) relations: u64,
    pub(crate) events_per_add: f64,
    pub(crate) admin_calls: u64,
    pub(crate) nat: bool,
    pub(crate) tracing: bool,
}

/// A quantity of something that has a price.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Use {
    /// Its name in the price file.
    pub(crate) price: &'static str,
    /// The cause of the use, for the bill.
    pub(crate) what: String,
    pub(crate) quantity: f64,
}

/// The measured figures and the settings of the stack.
pub(crate) struct Model<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) stack: &'a Stack,
    /// With the NAT gateway.
    pub(crate) nat: bool,
    /// With a trace of each invocation.
    pub(crate) tracing: bool,
}

/// One function's part in a kind of event.
struct Part {
    function: &'static str,
    costs: Costs,
    /// Whether it is a separate invocation; otherwise it lengthens another one.
    invoked: bool,
}

impl Model<'_> {
    /// `count` adds: callback, welcome, tagging. They need no work by a tick.
    pub(crate) fn adds(&self, count: f64) -> Result<Vec<Use>, String> {
        let mut parts = Vec::new();
        for function in ["callback", "welcome", "tagging"] {
            parts.push(self.invocation(function)?);
        }
        let mut uses = self.parts("adds", &parts, count)?;
        uses.push(one("http_api_request", "adds", count));
        Ok(uses)
    }

    /// The storage of the items of `count` adds for a month.
    pub(crate) fn kept(&self, count: f64) -> [Use; 2] {
        let gigabytes = count * self.stack.stored_bytes_per_add / BYTES_PER_GB;
        STORAGE.map(|price| one(price, "what adds leave", gigabytes))
    }

    /// `count` events that are not adds; a tick handles them.
    fn events(&self, count: f64) -> Result<Vec<Use>, String> {
        let parts = [self.invocation("callback")?, self.refresh()?];
        let mut uses = self.parts("other events", &parts, count)?;
        uses.push(one("http_api_request", "other events", count));
        Ok(uses)
    }

    /// A month of a corp.
    pub(crate) fn month(&self, corp: &Corp) -> Result<Vec<Use>, String> {
        let adds = corp.adds as f64;
        let mut uses = self.adds(adds)?;
        uses.extend(self.kept(adds));
        uses.extend(self.events(adds * corp.events_per_add)?);
        let calls = corp.admin_calls as f64;
        uses.extend(self.parts("admin calls", &[self.invocation("admin")?], calls)?);
        uses.push(one("http_api_request", "admin calls", calls));
        let ticks = f64::from(self.stack.ticks_per_month);
        let tick = Part {
            function: "sync",
            costs: self.runtime.idle_tick()?,
            invoked: true,
        };
        uses.extend(self.parts("ticks", &[tick], ticks)?);
        uses.extend(self.reconciles(corp.relations as f64)?);
        uses.extend(self.fixed_costs());
        Ok(uses)
    }

    /// The daily reconcile, if it finds no changes.
    fn reconciles(&self, relations: f64) -> Result<Vec<Use>, String> {
        let stack = self.stack;
        let count = f64::from(stack.reconciles_per_month);
        let reconcile = Part {
            function: "sync",
            costs: Costs {
                billed_ms: relations * stack.reconcile_ms_per_relation,
                read_units: relations * stack.reconcile_read_units_per_relation,
                ..Costs::default()
            },
            invoked: true,
        };
        let mut uses = self.parts("reconciles", &[reconcile], count)?;
        let gigabytes = relations * stack.stored_bytes_per_relation / BYTES_PER_GB;
        uses.extend(STORAGE.map(|price| one(price, "relations", gigabytes)));
        Ok(uses)
    }

    /// The fixed costs, independent of events.
    fn fixed_costs(&self) -> Vec<Use> {
        let stack = self.stack;
        let schedules = f64::from(stack.ticks_per_month + stack.reconciles_per_month);
        let self_checks = f64::from(stack.self_checks_per_month);
        let mut uses = vec![
            one("schedule", "ticks and reconciles", schedules),
            one(
                "metric_month",
                "gauges of each tick",
                f64::from(stack.tick_metrics),
            ),
            one(
                "metric_month",
                "counts of events",
                f64::from(stack.event_metrics),
            ),
            one("http_api_request", "self-checks", self_checks),
            one("lambda_request", "self-checks", self_checks),
            one("alarm_month", "alarms", f64::from(stack.alarms)),
            one("dashboard_month", "dashboard", f64::from(stack.dashboards)),
            one("secret_month", "configuration", 1.0),
            one(
                "secret_call",
                "readings of it",
                f64::from(stack.secret_reads_per_month),
            ),
            one(
                "kms_call",
                "keys of the tables",
                f64::from(stack.kms_calls_per_month),
            ),
        ];
        if self.nat {
            uses.push(one("nat_hour", "NAT gateway", HOURS));
            uses.push(one("ipv4_hour", "its address", HOURS));
        }
        uses
    }

    fn invocation(&self, function: &'static str) -> Result<Part, String> {
        let costs = self.runtime.costs(function)?;
        Ok(Part {
            function,
            costs,
            invoked: true,
        })
    }

    fn refresh(&self) -> Result<Part, String> {
        let costs = self.runtime.refresh()?;
        Ok(Part {
            function: "sync",
            costs,
            invoked: false,
        })
    }

    fn parts(&self, what: &str, parts: &[Part], count: f64) -> Result<Vec<Use>, String> {
        let mut uses = Vec::new();
        for Part {
            function,
            costs,
            invoked,
        } in parts
        {
            let seconds = count * costs.billed_ms / 1000.0;
            let by = format!("{what}: {function}");
            uses.push(one(
                "lambda_gb_second",
                &by,
                seconds * self.stack.gigabytes(function)?,
            ));
            if *invoked {
                uses.push(one("lambda_request", &by, count));
                if self.tracing {
                    uses.push(one("trace", &by, count));
                }
            }
        }
        let sum =
            |of: fn(&Costs) -> f64| count * parts.iter().map(|part| of(&part.costs)).sum::<f64>();
        uses.push(one(
            "dynamodb_write_unit",
            what,
            sum(|costs| costs.write_units),
        ));
        uses.push(one(
            "dynamodb_read_unit",
            what,
            sum(|costs| costs.read_units),
        ));
        let bytes = sum(|costs| costs.log_bytes + LOG_LINE_OVERHEAD * costs.log_lines);
        uses.push(one("logs_gb", what, bytes / BYTES_PER_GB));
        let kept = bytes / BYTES_PER_GB * self.stack.log_retention_months;
        uses.push(one("logs_gb_month", what, kept));
        let calls = sum(|costs| costs.wecom_calls);
        let out = calls * self.stack.wecom_bytes_out_per_call / BYTES_PER_GB;
        uses.push(one("transfer_out_gb", what, out));
        if self.nat {
            let through = calls * self.stack.wecom_bytes_per_call / BYTES_PER_GB;
            uses.push(one("nat_gb", what, through));
        }
        Ok(uses)
    }
}

fn one(price: &'static str, what: &str, quantity: f64) -> Use {
    Use {
        price,
        what: what.to_owned(),
        quantity,
    }
}
