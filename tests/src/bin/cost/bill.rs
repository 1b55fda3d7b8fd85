//! The bill: each use with its price, the sums, and the prices that are not checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::figures::{Runtime, Stack};
use crate::model::{Corp, Model, Use};
use crate::prices::PriceList;

const MILLION: f64 = 1e6;

/// The section `cost`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) region: String,
    pub(crate) currency: String,
    /// Units of the currency for one US dollar.
    pub(crate) per_dollar: f64,
    pub(crate) free_tier: bool,
    pub(crate) corp: Corp,
    pub(crate) per_million_adds: Bill,
    /// The storage of the items of a million adds for a month.
    pub(crate) keeping_a_million: Bill,
    pub(crate) per_month: Bill,
    /// Prices that were written from memory and are not checked.
    pub(crate) unchecked: BTreeSet<String>,
    /// Notes about the figures.
    pub(crate) notes: Vec<String>,
}

/// Items and their sums, in the region's currency.
#[derive(Debug, Serialize)]
pub(crate) struct Bill {
    pub(crate) items: Vec<Item>,
    pub(crate) by_service: BTreeMap<String, f64>,
    pub(crate) total: f64,
    pub(crate) total_dollars: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    pub(crate) service: String,
    pub(crate) what: String,
    pub(crate) arithmetic: String,
    pub(crate) amount: f64,
}

impl Report {
    pub(crate) fn of(
        runtime: &Runtime,
        stack: &Stack,
        prices: &PriceList,
        corp: &Corp,
        free_tier: bool,
    ) -> Result<Self, String> {
        let model = Model {
            runtime,
            stack,
            nat: corp.nat,
            tracing: corp.tracing,
        };
        let (adds, month) = (model.adds(MILLION)?, model.month(corp)?);
        let kept = model.kept(MILLION);
        let mut unchecked = BTreeSet::new();
        for used in adds.iter().chain(&kept).chain(&month) {
            if !prices.of(used.price)?.verified {
                unchecked.insert(used.price.to_owned());
            }
        }
        let notes = runtime.memory_notes(stack);
        Ok(Self {
            region: prices.region.clone(),
            currency: prices.currency.clone(),
            per_dollar: prices.per_dollar,
            free_tier,
            corp: *corp,
            per_million_adds: Bill::of(&adds, prices, free_tier)?,
            keeping_a_million: Bill::of(&kept, prices, free_tier)?,
            per_month: Bill::of(&month, prices, free_tier)?,
            unchecked,
            notes,
        })
    }
}

impl Bill {
    /// Applies free allowances to the uses in their order.
    pub(crate) fn of(uses: &[Use], prices: &PriceList, free_tier: bool) -> Result<Self, String> {
        let mut left: BTreeMap<&str, f64> = BTreeMap::new();
        let (mut items, mut by_service) = (Vec::new(), BTreeMap::new());
        for Use {
            price: name,
            what,
            quantity,
        } in uses
        {
            let price = prices.of(name)?;
            let left = left
                .entry(name)
                .or_insert(if free_tier { price.free } else { 0.0 });
            let free = left.min(*quantity);
            *left -= free;
            let amount = (quantity - free) * price.amount / price.per;
            if *quantity == 0.0 {
                continue;
            }
            let per = if price.per == 1.0 {
                String::new()
            } else {
                format!(" per {}", number(price.per))
            };
            let off = if free > 0.0 {
                format!(" less {} free", number(free))
            } else {
                String::new()
            };
            *by_service.entry(price.service.clone()).or_insert(0.0) += amount;
            items.push(Item {
                service: price.service.clone(),
                what: what.clone(),
                arithmetic: format!(
                    "{} {}{off} × {}{per}",
                    number(*quantity),
                    price.unit,
                    price.amount
                ),
                amount,
            });
        }
        items.sort_by(|one, other| one.service.cmp(&other.service));
        let total = by_service.values().sum::<f64>();
        Ok(Self {
            items,
            by_service,
            total,
            total_dollars: total / prices.per_dollar,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = if self.free_tier {
            "free allowances taken off"
        } else {
            "without free allowances"
        };
        writeln!(
            f,
            "{}, list prices in {}, arm64, {free}",
            self.region, self.currency
        )?;
        writeln!(f, "\nPer million adds\n")?;
        self.table(f, &self.per_million_adds)?;
        writeln!(
            f,
            "\nPer month in which what a million adds leave is kept\n"
        )?;
        self.table(f, &self.keeping_a_million)?;
        let Corp {
            adds,
            relations,
            events_per_add,
            admin_calls,
            ..
        } = &self.corp;
        writeln!(
            f,
            "\nPer month: {adds} adds, {events_per_add} other events for each, {relations} relations, \
             {admin_calls} admin calls\n"
        )?;
        self.table(f, &self.per_month)?;
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        if !self.unchecked.is_empty() {
            let names: Vec<_> = self.unchecked.iter().map(String::as_str).collect();
            writeln!(
                f,
                "\nPrices from memory, not checked: {}.",
                names.join(", ")
            )?;
        }
        Ok(())
    }
}

impl Report {
    fn table(&self, f: &mut fmt::Formatter<'_>, bill: &Bill) -> fmt::Result {
        let length = |of: fn(&Item) -> &str| {
            let lengths = bill.items.iter().map(|item| of(item).chars().count());
            lengths.max().unwrap_or_default()
        };
        let service = length(|item| &item.service);
        let what = length(|item| &item.what);
        let arithmetic = length(|item| &item.arithmetic);
        for item in &bill.items {
            writeln!(
                f,
                "{:service$}  {:what$}  {:arithmetic$}  {:>10.4}",
                item.service, item.what, item.arithmetic, item.amount
            )?;
        }
        writeln!(f, "{}", "-".repeat(service + what + arithmetic + 16))?;
        for (name, amount) in &bill.by_service {
            writeln!(f, "{name}: {amount:.2}")?;
        }
        write!(f, "sum: {:.2} {}", bill.total, self.currency)?;
        if self.currency != "USD" {
            write!(
                f,
                " = {:.2} USD at {} for one",
                bill.total_dollars, self.per_dollar
            )?;
        }
        writeln!(f)
    }
}

/// Formats a number with thousands separators and few decimals.
fn number(value: f64) -> String {
    let digits = if value >= 100.0 || value.fract() == 0.0 {
        0
    } else {
        3
    };
    let plain = format!("{value:.digits$}");
    let (whole, rest) = plain
        .split_once('.')
        .map_or((plain.as_str(), ""), |(whole, rest)| (whole, rest));
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if rest.is_empty() {
        text
    } else {
        format!("{text}.{rest}")
    }
}
