//! Measures scans under load: a number of scans within a number of seconds, through the whole local stack.
//!
//! `cargo bench -p bundle-tests --bench scans -- --help` lists the options. The functions, DynamoDB, WeCom and the
//! customers share one process, so the figures include all of them; only the sandbox's latency simulates a network. The
//! exit code is 1 if an event was lost or handled twice. Times are reported, but do not change the exit code.
//!
//! With `--climb` it finds the rate at which the p99 of welcomes exceeds one second. With `--per-minute` WeCom allows
//! fewer calls than there are scans: then it counts how many welcomes of those that WeCom allows were sent, and whether
//! every other scan has its outcome.

mod check;
mod climb;
mod pace;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bundle_tests::usage::Usage;
use clap::Parser;
use clock::Clock;
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::Operator;
use scrm_local::stack::{Stack, StackOptions, Wecom};
use serde_json::json;
use tempfile::TempDir;
use wecom_sandbox::{Corp, EventId, Sandbox, SandboxOptions, Scan};

use check::Finding;

/// Scans through the local stack, counted and timed.
#[derive(Debug, Clone, Parser)]
#[command(name = "scans")]
struct Options {
    /// How many customers scan
    #[arg(long, value_name = "N", default_value_t = 500)]
    scans: u32,
    /// The time over which the scans are spread evenly
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = positive)]
    seconds: f64,
    /// How long WeCom takes to answer a call
    #[arg(long, value_name = "MS", default_value_t = 100)]
    latency: u64,
    /// How long to wait after the last scan until all customers are served
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// Keep the tables in files of this directory instead of in memory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The time before, in which the rate of scans rises to that of the rest
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = not_negative)]
    ramp: f64,
    /// Shards of the inbox's stream; with several, each batch in process has an instance of its function
    #[arg(long, value_name = "N", default_value_t = 1)]
    shards: usize,
    /// Calls of one API that WeCom takes at once; without it, as many as the sandbox takes by itself
    #[arg(long, value_name = "N")]
    calls_at_once: Option<usize>,
    /// Calls of one API that WeCom allows in a minute, and fifteen times as many in an hour
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// Increase the rate of scans until the 99th percentile of welcomes exceeds one second; each rate is held for
    /// --seconds
    #[arg(long)]
    climb: bool,
    /// Write the results to the file of results
    #[arg(long)]
    save: bool,
    /// What `cargo bench` adds to every command line
    #[arg(long, hide = true)]
    bench: bool,
}

/// A stack with a channel to scan.
struct Scene {
    stack: Stack,
    wecom: Sandbox,
    corp: Corp,
    operator: Operator,
    channel: String,
    _directory: TempDir,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let ran = if options.climb {
        climb::run(&options).await
    } else {
        run(&options).await
    };
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("scans: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every customer was served exactly once.
async fn run(options: &Options) -> Result<bool, String> {
    let scene = Scene::open(options).await?;
    let before = Usage::own();
    let customers = scene.scan(options).await?;
    if options.per_minute.is_some() {
        return pace::report(options, scene, &customers).await;
    }
    let patience = Duration::from_secs(options.patience);
    let in_time = scene.wait(&customers, patience).await;
    let usage = Usage::own().since(&before);
    let finding = Finding::of(&scene, &customers).await?;
    if let Err(timeout) = in_time {
        println!("{timeout}");
    }
    report::print(options, &finding, &usage);
    if options.save {
        report::save(options, &finding, &usage).map_err(|error| error.to_string())?;
    }
    pace::print_refusals(&scene, options);
    let complete = finding.is_complete();
    scene.stack.stop().await;
    Ok(complete)
}

/// A customer who scanned, in the sandbox's terms.
struct Customer {
    external_userid: String,
    userid: String,
    event: EventId,
}

impl Scene {
    async fn open(options: &Options) -> Result<Self, String> {
        let usual = SandboxOptions::default();
        let sandbox = SandboxOptions {
            latency: Duration::from_millis(options.latency),
            calls_in_flight: options.calls_at_once.unwrap_or(usual.calls_in_flight),
            calls_per_window: options.per_minute.unwrap_or(usual.calls_per_window),
            calls_per_hour: options
                .per_minute
                .map_or(usual.calls_per_hour, |calls| calls * 15),
            ..usual
        };
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let config = directory.path().join("config.json");
        std::fs::write(&config, pace::configuration(options)).map_err(|error| error.to_string())?;
        let stack = StackOptions {
            port: 0,
            data: options.data.clone(),
            config: Some(config),
            wecom: Wecom::Sandbox(sandbox),
            shards: options.shards,
            clock: Clock::system(),
        };
        let stack = Stack::start(stack)
            .await
            .map_err(|error| error.to_string())?;
        let wecom = stack.sandbox.clone().ok_or("the stack has no sandbox")?;
        let corp = wecom.corp(DEMO_CORP).ok_or("the sandbox has no corp")?;
        let key = stack.keys.admin_keys.first().ok_or("there is no key")?;
        let operator = Operator::new(&stack.url, DEMO_CORP, key);
        let channel = make_channel(&corp, &operator, options).await?;
        // The events about the tag are not part of the load.
        let settled = wecom.settled(Duration::from_secs(10)).await;
        settled.map_err(|error| error.to_string())?;
        Ok(Self {
            stack,
            wecom,
            corp,
            operator,
            channel,
            _directory: directory,
        })
    }

    /// Customers scan, independent of the progress of the bundle: at a rate that rises during the ramp, if there is
    /// one, and constantly afterwards.
    async fn scan(&self, options: &Options) -> Result<Vec<Customer>, String> {
        let started = Instant::now();
        let mut customers = Vec::new();
        for (number, after) in (0..).zip(options.times()) {
            tokio::time::sleep_until((started + after).into()).await;
            let scan = Scan {
                name: Some(check::name(number)),
                ..Scan::default()
            };
            let happening = self.corp.scan(&self.channel, &scan);
            let happening = happening.map_err(|error| error.to_string())?;
            let event = happening.events.first().copied();
            customers.push(Customer {
                event: event.ok_or("a scan caused no event")?,
                external_userid: happening.external_userid,
                userid: happening.userid,
            });
        }
        Ok(customers)
    }

    /// Waits until every customer has a welcome and tags, and every event is delivered.
    async fn wait(&self, customers: &[Customer], patience: Duration) -> Result<(), String> {
        let served = |customer: &Customer| {
            let (id, userid) = (&customer.external_userid, &customer.userid);
            !self.corp.chat(id, userid).is_empty() && !self.corp.tags(id, userid).is_empty()
        };
        // A served customer stays served, so each poll starts at the first unserved one of the previous poll.
        let done = std::cell::Cell::new(0);
        let all_served = |_: &Sandbox| {
            let rest = customers.iter().skip(done.get());
            done.set(done.get() + rest.take_while(|customer| served(customer)).count());
            done.get() == customers.len()
        };
        let waited = self
            .wecom
            .wait_for("all customers are served", patience, all_served);
        waited.await.map_err(|error| error.to_string())?;
        let settled = self.wecom.settled(patience).await;
        settled.map_err(|error| error.to_string())
    }
}

/// A channel that uses all features: names in the welcome, a tag, a remark.
async fn make_channel(
    corp: &Corp,
    operator: &Operator,
    options: &Options,
) -> Result<String, String> {
    let tags = corp.console_creates_tags("来源", &["展会"]);
    let mut body = json!({
        "name": "展会", "users": ["zhangsan", "lisi", "wangwu"], "remark": "{customer}",
        "tag_ids": tags.map_err(|error| error.to_string())?.tag_ids,
        "welcome": {"text": check::WELCOME},
    });
    if options.per_minute.is_some() {
        // Tags take their time in such a run, which is about welcomes.
        body["tag_ids"] = json!([]);
        body["remark"] = json!(null);
    }
    match operator.post("channels", &body).await? {
        (201, channel) => Ok(channel["id"].as_str().unwrap_or_default().to_owned()),
        refused => Err(format!("the channel was refused: {refused:?}")),
    }
}

impl Options {
    /// When each customer scans, after the start.
    fn times(&self) -> Vec<Duration> {
        let per_second = f64::from(self.scans) / self.seconds;
        // The rate rises linearly, so the number of scans is the square of the time.
        let in_ramp = (per_second * self.ramp / 2.0).floor() as u32;
        let ramp =
            (0..in_ramp).map(|number| (2.0 * self.ramp * f64::from(number) / per_second).sqrt());
        let rest = (0..self.scans).map(|number| self.ramp + f64::from(number) / per_second);
        ramp.chain(rest).map(Duration::from_secs_f64).collect()
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if f64::is_finite(seconds) && seconds >= 0.0 => Ok(seconds),
        _ => Err("a number of seconds, at least 0".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if f64::is_finite(seconds) && seconds > 0.0 => Ok(seconds),
        _ => Err("a number of seconds above 0".to_owned()),
    }
}
