//! The three parts of a run: starts, adds through all functions, and many events for the callbacks.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::Options;
use crate::candidate::{Candidate, Function, Runtime};
use crate::check;
use crate::lambda::Lambda;
use crate::measured::{Handled, Measured};
use crate::scene::{Add, Scene};

/// A little more than the settling time (`settle` of its pace) after which the sync handles an event.
const SETTLE: Duration = Duration::from_millis(4000);
/// The number of events of a process before its events count as warm.
const WARM_UP: usize = 5;

/// The kind of an event of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    /// The usual kind.
    Usual,
    /// A callback as part of an add through all functions, with pauses between the events.
    InAdd,
    /// A tick with nothing to do.
    Idle,
}

/// All measurements.
pub(crate) type Measurements = BTreeMap<(Function, Runtime, Job), Measured>;

/// A run in progress.
pub(crate) struct Run<'a> {
    pub(crate) options: &'a Options,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) scene: Scene,
    pub(crate) channel: String,
    pub(crate) measurements: Measurements,
}

impl<'a> Run<'a> {
    /// Starts a run: an operator creates the channel.
    pub(crate) async fn start_run(
        options: &'a Options,
        candidates: Vec<Candidate>,
    ) -> Result<Self, String> {
        let scene = Scene::open(Duration::from_millis(options.latency)).await?;
        let mut run = Self {
            options,
            candidates,
            scene,
            channel: String::new(),
            measurements: Measurements::new(),
        };
        run.make_channel().await?;
        Ok(run)
    }

    async fn make_channel(&mut self) -> Result<(), String> {
        let tags = self.scene.corp.console_creates_tags("来源", &["展会"]);
        let tags = tags.map_err(|error| error.to_string())?;
        // The events about the tag are not measured.
        self.scene.forget_requests().await?;
        let body = json!({
            "name": "展会", "users": ["zhangsan", "lisi", "wangwu"], "tag_ids": tags.tag_ids,
            "remark": check::REMARK, "welcome": {"text": check::WELCOME},
        });
        let event = self.scene.post("channels", &body).await?;
        let (mut admin, _) = self.start(Function::Admin, Runtime::Rust).await?;
        let created = admin.invoke(event).await?;
        let created = check::status(&created.answer, 201)?;
        self.channel = created["id"].as_str().unwrap_or_default().to_owned();
        admin.stop().await
    }

    fn wants(&self, function: Function) -> bool {
        self.options
            .function
            .is_none_or(|wanted| wanted == function)
    }

    async fn start(
        &self,
        function: Function,
        runtime: Runtime,
    ) -> Result<(Lambda, Duration), String> {
        let is_it = |it: &&Candidate| it.function == function && it.runtime == runtime;
        let candidate = self.candidates.iter().find(is_it);
        let candidate = candidate.ok_or("no such candidate")?;
        let memory = self.options.memory.map(|memory| memory.of(candidate));
        Lambda::start(candidate, &self.scene, memory).await
    }

    fn measured(&mut self, function: Function, runtime: Runtime, job: Job) -> &mut Measured {
        self.measurements
            .entry((function, runtime, job))
            .or_default()
    }

    /// Starts every candidate the configured number of times, alternately, and delivers its first event to each.
    pub(crate) async fn starts(&mut self) -> Result<(), String> {
        let (mut callback, _) = self.start(Function::Callback, Runtime::Rust).await?;
        let known = self.scene.scan(&self.channel).await?;
        stored(&mut callback, &self.scene, &known).await?;
        for round in 1..=self.options.starts {
            eprint!("\rstarts: {round} of {} ", self.options.starts);
            let add = self.scene.scan(&self.channel).await?;
            let record = self.scene.scan(&self.channel).await?;
            stored(&mut callback, &self.scene, &record).await?;
            for candidate in self.candidates.clone() {
                if !self.wants(candidate.function) {
                    continue;
                }
                let event = match candidate.function {
                    Function::Callback => add.event.clone(),
                    Function::Welcome | Function::Tagging => self.scene.record(&record).await?,
                    Function::Sync => tick(),
                    Function::Admin => self.contact(&known).await?,
                };
                let (mut lambda, ready) = self.start(candidate.function, candidate.runtime).await?;
                let spent = lambda.spent();
                let first = Handled::by(&mut lambda, &self.scene, event).await?;
                match candidate.function {
                    Function::Callback => drop(check::status(first.answer(), 200)?),
                    Function::Welcome => {
                        check::no_failures(first.answer())?;
                        check::welcomed(&self.scene, &record)?;
                    }
                    Function::Tagging => {
                        check::no_failures(first.answer())?;
                        check::tagged(&self.scene, &record)?;
                    }
                    Function::Sync => check::no_errors(first.answer())?,
                    Function::Admin => drop(check::status(first.answer(), 200)?),
                }
                lambda.stop().await?;
                self.measured(candidate.function, candidate.runtime, Job::Usual)
                    .add_start(ready, &spent, &first);
            }
        }
        eprintln!();
        callback.stop().await
    }

    /// Processes adds through all functions, one after the other. Each round ends with a tick that handles edits of
    /// these customers by members; the adds themselves need no work by a tick.
    pub(crate) async fn adds(&mut self) -> Result<(), String> {
        let others = [
            Function::Welcome,
            Function::Tagging,
            Function::Sync,
            Function::Admin,
        ];
        if !others.into_iter().any(|function| self.wants(function)) {
            return Ok(());
        }
        let mut lambdas = Vec::new();
        for function in Function::ALL {
            lambdas.push(self.start(function, Runtime::Rust).await?.0);
        }
        let Ok([callback, welcome, tagging, sync, admin]) = &mut <[Lambda; 5]>::try_from(lambdas)
        else {
            return Err("not five functions".to_owned());
        };
        // The first round warms up.
        for round in 0..=self.options.rounds {
            eprint!("\radds: round {round} of {} ", self.options.rounds);
            let adds = if round == 0 {
                WARM_UP
            } else {
                self.options.adds
            };
            let mut done = Vec::new();
            let mut handled = Vec::new();
            for _ in 0..adds {
                let add = self.scene.scan(&self.channel).await?;
                let stored = stored(callback, &self.scene, &add).await?;
                handled.push((Function::Callback, Job::InAdd, stored));
                let record = self.scene.record(&add).await?;
                let welcomed = Handled::by(welcome, &self.scene, record.clone()).await?;
                check::no_failures(welcomed.answer())?;
                check::welcomed(&self.scene, &add)?;
                handled.push((Function::Welcome, Job::Usual, welcomed));
                let tagged = Handled::by(tagging, &self.scene, record).await?;
                check::no_failures(tagged.answer())?;
                check::tagged(&self.scene, &add)?;
                handled.push((Function::Tagging, Job::Usual, tagged));
                done.push(add);
            }
            for add in &done {
                let event = self.contact(add).await?;
                let contact = Handled::by(admin, &self.scene, event).await?;
                check::timeline(&check::status(contact.answer(), 200)?)?;
                handled.push((Function::Admin, Job::Usual, contact));
            }
            for add in &done {
                let event = self.scene.edit(add).await?;
                let edited = Handled::by(callback, &self.scene, event).await?;
                check::status(edited.answer(), 200)?;
            }
            tokio::time::sleep(SETTLE).await;
            let busy = Handled::by(sync, &self.scene, tick()).await?;
            check::handled_events(busy.answer(), adds)?;
            let idle = Handled::by(sync, &self.scene, tick()).await?;
            check::handled_events(idle.answer(), 0)?;
            handled.push((Function::Sync, Job::Usual, busy));
            handled.push((Function::Sync, Job::Idle, idle));
            for (function, job, handled) in handled.iter().filter(|_| round > 0) {
                self.measured(*function, Runtime::Rust, *job)
                    .add_warm(handled);
            }
        }
        eprintln!();
        Ok(())
    }

    /// Delivers the same events to all callbacks, alternately.
    pub(crate) async fn callbacks(&mut self) -> Result<(), String> {
        if !self.wants(Function::Callback) {
            return Ok(());
        }
        let all: Vec<Runtime> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.function == Function::Callback)
            .map(|candidate| candidate.runtime)
            .collect();
        let mut lambdas = Vec::new();
        for runtime in all {
            lambdas.push((runtime, self.start(Function::Callback, runtime).await?.0));
        }
        for number in 0..self.options.events + WARM_UP {
            if number % 100 == 0 {
                eprint!("\rcallbacks: {number} of {} ", self.options.events);
            }
            let add = self.scene.scan(&self.channel).await?;
            let mut units = None;
            for (runtime, lambda) in &mut lambdas {
                let handled = stored(lambda, &self.scene, &add).await?;
                check::same_writes(*runtime, handled.write_units(), &mut units)?;
                if number >= WARM_UP {
                    self.measured(Function::Callback, *runtime, Job::Usual)
                        .add_warm(&handled);
                }
            }
        }
        eprintln!();
        Ok(())
    }

    async fn contact(&mut self, add: &Add) -> Result<Bytes, String> {
        let path = format!("contacts/{}", add.external_userid);
        self.scene.get(&path).await
    }
}

/// Has a callback store an add.
async fn stored(callback: &mut Lambda, scene: &Scene, add: &Add) -> Result<Handled, String> {
    let handled = Handled::by(callback, scene, add.event.clone()).await?;
    let _empty: Value = check::status(handled.answer(), 200)?;
    Ok(handled)
}

/// The event of the schedule.
fn tick() -> Bytes {
    Bytes::from_static(br#"{"task":"tick"}"#)
}
