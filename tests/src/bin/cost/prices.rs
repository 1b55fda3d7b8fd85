//! The price file: the prices of a region, with the source of each and whether it was checked.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::figures::read_file;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    regions: BTreeMap<String, PriceList>,
}

/// The prices of one region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceList {
    /// The currency of the prices.
    pub(crate) currency: String,
    /// Units of the currency for one US dollar.
    pub(crate) per_dollar: f64,
    prices: BTreeMap<String, Price>,
    #[serde(skip)]
    pub(crate) region: String,
}

/// One price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    pub(crate) service: String,
    pub(crate) amount: f64,
    /// The number of units that cost `amount`.
    pub(crate) per: f64,
    pub(crate) unit: String,
    /// Units per month that are free for an account, without a time limit.
    #[serde(default)]
    pub(crate) free: f64,
    /// The page that publishes it.
    #[serde(rename = "source")]
    pub(crate) _source: String,
    /// The date on which it was looked up or written.
    #[serde(rename = "date")]
    pub(crate) _date: String,
    /// Whether the amount was found in a copy of that page, or of a page that quotes it.
    pub(crate) verified: bool,
    #[serde(default, rename = "note")]
    pub(crate) _note: String,
}

impl PriceList {
    /// Reads the prices of `region`.
    pub(crate) fn read(file: &Path, region: &str) -> Result<Self, String> {
        let mut regions = read_file::<PriceFile>(file)?.regions;
        let known: Vec<_> = regions.keys().cloned().collect();
        let list = regions.remove(region).ok_or_else(|| {
            format!(
                "{}: regions.{region} is missing, there are {}",
                file.display(),
                known.join(", ")
            )
        })?;
        if list.per_dollar <= 0.0 {
            return Err(format!(
                "{}: regions.{region}.per_dollar must be more than 0",
                file.display()
            ));
        }
        for (name, price) in &list.prices {
            if price.per <= 0.0 || price.amount < 0.0 {
                return Err(format!(
                    "{}: regions.{region}.prices.{name}: per must be more than 0, and amount not negative",
                    file.display()
                ));
            }
        }
        Ok(Self {
            region: region.to_owned(),
            ..list
        })
    }

    pub(crate) fn of(&self, name: &str) -> Result<&Price, String> {
        let price = self.prices.get(name);
        price.ok_or_else(|| {
            format!(
                "prices.json: regions.{}.prices.{name} is missing",
                self.region
            )
        })
    }
}
