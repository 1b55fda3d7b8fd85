//! What the local stack repeats of infra/template.yaml: time-outs, the mappings of the stream, the schedule of ticks.
//!
//! Neither side can change alone: a value that differs, or a setting of a mapping that only the template has, fails
//! here.

use std::collections::BTreeSet;
use std::time::Duration;

use clock::ManualClock;
use platform::config::Needs;
use platform::environment::Environment;
use platform::metrics::Metrics;
use platform::start::{Base, Platform};
use saphyr::{LoadableYamlNode, YamlOwned};
use scrm_local::args::Serve;
use scrm_local::config::ConfigFile;
use scrm_local::event_source::{EventSourceMapping, Pattern, StartingPosition};
use scrm_local::functions::{
    admin_function, callback_function, sync_function, tagging_function, tagging_mapping,
    welcome_function, welcome_mapping,
};
use scrm_local::gateway::INTEGRATION_TIMEOUT;
use scrm_local::invoke::Function;
use scrm_local::schedule::TICK;
use scrm_local::stack::aws_config;
use sync::SyncTuning;

/// What the tests know of the settings of a mapping. The others have to be added to the local stack first.
const SETTINGS: [&str; 10] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    // The local stack has no dead-letter queue: what is discarded is logged.
    "DestinationConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "Stream",
];

/// A part of the template.
struct Part(YamlOwned);

impl Part {
    fn template() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        Self(YamlOwned::load_from_str(&text).unwrap().remove(0))
    }

    fn properties(resource: &str) -> Self {
        Self::template().at(&["Resources", resource, "Properties"])
    }

    fn at(&self, path: &[&str]) -> Self {
        let found = path
            .iter()
            .try_fold(&self.0, |part, name| match name.parse() {
                Ok(place) => part.as_sequence_get(place),
                Err(_) => part.as_mapping_get(name),
            });
        Self(found.unwrap_or_else(|| panic!("no {path:?}")).clone())
    }

    fn text(&self, path: &[&str]) -> String {
        self.at(path).0.as_str().unwrap().to_owned()
    }

    /// A number, or the default of the parameter that stands for it.
    fn number(&self, path: &[&str]) -> u64 {
        let part = self.at(path);
        let number = match &part.0 {
            YamlOwned::Tagged(_, parameter) => {
                let parameter = parameter.as_str().unwrap();
                let default = Self::template().at(&["Parameters", parameter, "Default"]);
                default.0.as_integer().unwrap()
            }
            number => number.as_integer().unwrap(),
        };
        number.try_into().unwrap()
    }

    fn seconds(&self, path: &[&str]) -> Duration {
        Duration::from_secs(self.number(path))
    }

    fn names(&self) -> BTreeSet<&str> {
        let entries = self.0.as_mapping().unwrap();
        entries.keys().filter_map(|name| name.as_str()).collect()
    }
}

/// The adapters of a function that is never invoked.
fn base(name: &'static str) -> Base {
    let environment = Environment {
        inbox_table: String::new(),
        data_table: String::new(),
        secret_id: String::new(),
        wecom_api_base: "http://127.0.0.1:1".to_owned(),
        inbox_days: platform::layout::INBOX_DAYS,
        public_url: None,
        function_name: None,
    };
    let directory = tempfile::tempdir().unwrap();
    let config = ConfigFile::make(&directory.path().join("config.json")).unwrap();
    let clock = ManualClock::new().clock();
    let metrics = Metrics::new(name, clock.clone(), |_| ());
    let aws = aws_config("http://127.0.0.1:1").unwrap();
    Base::with(
        aws,
        &environment,
        (Box::new(config), Needs::Everything),
        metrics,
        clock,
    )
}

fn platform(name: &'static str) -> Platform {
    Platform::on(base(name)).unwrap()
}

fn welcome() -> Function {
    welcome_function(platform("welcome"))
}

fn tagging() -> Function {
    tagging_function(platform("tagging"))
}

#[tokio::test]
async fn functions_have_the_time_outs_of_the_template() {
    for (resource, function) in [
        ("CallbackFunction", callback_function(base("callback"))),
        ("AdminFunction", admin_function(platform("admin"))),
        ("WelcomeFunction", welcome()),
        ("TaggingFunction", tagging()),
        (
            "SyncFunction",
            sync_function(platform("sync"), SyncTuning::default()),
        ),
    ] {
        let timeout = Part::properties(resource).seconds(&["Timeout"]);
        assert_eq!(function.timeout(), timeout, "{resource}");
    }
}

#[tokio::test]
async fn the_gateway_waits_as_long_as_the_integrations_of_the_template() {
    for (resource, function) in [
        ("CallbackIntegration", callback_function(base("callback"))),
        ("AdminIntegration", admin_function(platform("admin"))),
    ] {
        let longest = Part::properties(resource).number(&["TimeoutInMillis"]);
        // The function ends by itself, or the gateway gives up.
        let local = function.timeout().min(INTEGRATION_TIMEOUT);
        assert_eq!(local, Duration::from_millis(longest), "{resource}");
    }
}

#[test]
fn a_tick_comes_as_often_as_the_schedule_of_the_template_sends_one() {
    let schedule = Part::properties("SyncFunction").at(&["Events", "Tick", "Properties"]);
    assert_eq!(schedule.text(&["ScheduleExpression"]), "rate(1 minute)");
    assert_eq!(TICK, Duration::from_secs(60));
}

#[test]
fn a_reconcile_begins_at_the_hour_of_the_template() {
    let default = |name| Part::template().text(&["Parameters", name, "Default"]);
    let daily = Serve::default().daily();
    let (hour, minute) = (daily.at.hour(), daily.at.minute());
    assert_eq!(
        default("ReconcileSchedule"),
        format!("cron({minute} {hour} * * ? *)")
    );
    let timezone = daily.timezone.iana_name().unwrap();
    assert_eq!(default("ReconcileTimezone"), timezone);
}

#[tokio::test]
async fn mappings_have_the_settings_of_the_template() {
    for (resource, local) in [
        ("WelcomeFunction", welcome_mapping(welcome()).unwrap()),
        ("TaggingFunction", tagging_mapping(tagging()).unwrap()),
    ] {
        let mapping = Part::properties(resource).at(&["Events", "Inbox", "Properties"]);
        assert_eq!(mapping.names(), BTreeSet::from(SETTINGS), "{resource}");
        assert_same_settings(resource, &mapping, &local);
    }
}

fn assert_same_settings(resource: &str, mapping: &Part, local: &EventSourceMapping) {
    let start = match local.starting_position {
        StartingPosition::TrimHorizon => "TRIM_HORIZON",
        StartingPosition::Latest => "LATEST",
    };
    assert_eq!(start, mapping.text(&["StartingPosition"]), "{resource}");
    let numbers = ["BatchSize", "ParallelizationFactor", "MaximumRetryAttempts"];
    let numbers = numbers.map(|name| Some(mapping.number(&[name])));
    let local_numbers = [
        u64::try_from(local.batch_size).ok(),
        u64::try_from(local.parallelization_factor).ok(),
        local.maximum_retry_attempts.map(u64::from),
    ];
    assert_eq!(local_numbers, numbers, "{resource}");
    let age = mapping.seconds(&["MaximumRecordAgeInSeconds"]);
    assert_eq!(local.maximum_record_age, Some(age), "{resource}");
    let bisects = mapping.at(&["BisectBatchOnFunctionError"]).0.as_bool();
    assert_eq!(
        Some(local.bisect_batch_on_function_error),
        bisects,
        "{resource}"
    );
    let responses = mapping.at(&["FunctionResponseTypes"]);
    let reports = responses.0.as_sequence().unwrap();
    let reports = reports
        .iter()
        .any(|kind| kind.as_str() == Some("ReportBatchItemFailures"));
    assert_eq!(local.report_batch_item_failures, reports, "{resource}");
    let filters = mapping.at(&["FilterCriteria", "Filters"]);
    let count = filters.0.as_sequence().unwrap().len();
    let pattern = |place: usize| filters.text(&[&place.to_string(), "Pattern"]);
    let patterns: Vec<Pattern> = (0..count)
        .map(|place| pattern(place).parse().unwrap())
        .collect();
    assert_eq!(local.filter_criteria, patterns, "{resource}");
}
