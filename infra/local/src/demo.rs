//! The demo: the main job, played on real encrypted callbacks, each step with the time it took.

use std::time::{Duration, Instant};

use bundle_tests::sandbox::{Body, Corp, Happening, OtherApp, Sandbox, Scan, Sender};
use serde_json::{Value, json};

use crate::config::{DEMO_APP, DEMO_CORP};
use crate::operator::Operator;
use crate::stack::Stack;

/// How long a step may take before it counts as failed. A welcome has 20 s to live.
const PATIENCE: Duration = Duration::from_secs(20);

/// The people and things of the play.
struct Play {
    sandbox: Sandbox,
    corp: Corp,
    operator: Operator,
}

/// A step that did not come out right, in a sentence.
type Wrong = String;

/// Plays the demo on `stack` and prints what happens.
///
/// # Errors
/// A sentence about the first step that did not come out right.
pub async fn play(stack: &Stack) -> Result<(), Wrong> {
    let sandbox = stack.sandbox.clone().ok_or("the demo needs the sandbox")?;
    let corp = sandbox
        .corp(DEMO_CORP)
        .ok_or("the demo needs its own corp")?;
    let key = stack
        .keys
        .admin_keys
        .first()
        .ok_or("the configuration has no admin key")?;
    let play = Play {
        operator: Operator::new(&stack.url, DEMO_CORP, key),
        sandbox,
        corp,
    };

    step(
        "WeCom verifies the callback URL (encrypted echostr)",
        play.verification(),
    )
    .await?;
    let tag = step(
        "an administrator makes the tag 来源/展会 in the console",
        play.tag(),
    )
    .await?;
    let channel = step(
        "an operator makes the channel 上海展会 (POST channels)",
        play.channel(&tag),
    )
    .await?;
    step(
        "an operator writes a default welcome (PUT welcome)",
        play.default_welcome(),
    )
    .await?;

    let wang = step(
        "a customer scans the code: add event delivered and stored",
        play.scan(&channel, "王小明", false),
    )
    .await?;
    step(
        "… the channel's welcome with the customer's name is in the chat",
        play.welcomed(&wang, "王小明"),
    )
    .await?;
    step(
        "… the channel's tag and remark are on the customer",
        play.tagged(&wang),
    )
    .await?;
    step(
        "WeCom delivers the same event three more times: nothing happens twice",
        play.redelivered(&wang),
    )
    .await?;

    let half = step(
        "a customer comes by a half add, and is welcomed",
        play.half_add(&channel),
    )
    .await?;
    step(
        "… the member confirms, and the tag is on",
        play.confirmed(&half),
    )
    .await?;

    let found = step(
        "a customer finds the member by search: the default welcome, no tags",
        play.search(),
    )
    .await?;
    step(
        "another app is faster with its welcome: recorded, not repeated",
        play.another_app(&channel),
    )
    .await?;
    step("a customer leaves: the relation is lost", play.left(&wang)).await?;
    step(
        "the numbers of the channel are right",
        play.numbers(&channel),
    )
    .await?;
    step(
        "the timeline explains what was done, and why not",
        play.timeline(&found),
    )
    .await
}

/// Runs one step and prints how long it took.
async fn step<T>(name: &str, run: impl Future<Output = Result<T, Wrong>>) -> Result<T, Wrong> {
    let started = Instant::now();
    let outcome = run.await;
    let mark = if outcome.is_ok() { "ok" } else { "FAILED" };
    println!(
        "  {:>7.1} ms  {mark:<6}  {name}",
        started.elapsed().as_secs_f64() * 1000.0
    );
    outcome.map_err(|wrong| format!("{name}: {wrong}"))
}

impl Play {
    async fn verification(&self) -> Result<(), Wrong> {
        self.corp
            .verify_url(DEMO_APP)
            .await
            .map_err(|error| error.to_string())
    }

    async fn tag(&self) -> Result<String, Wrong> {
        let made = self
            .corp
            .console_creates_tags("来源", &["展会"])
            .map_err(|error| error.to_string())?;
        made.tag_ids
            .first()
            .cloned()
            .ok_or_else(|| "no tag was made".into())
    }

    async fn channel(&self, tag: &str) -> Result<String, Wrong> {
        let body = json!({
            "name": "上海展会",
            "users": ["zhangsan"],
            "tag_ids": [tag],
            "remark": "{customer}-展会",
            "welcome": {"text": "{customer}您好，我是{member}，欢迎来到{channel}！"},
        });
        match self.operator.post("channels", &body).await? {
            (201, channel) => Ok(channel["id"].as_str().unwrap_or_default().to_owned()),
            refused => Err(format!("answered {refused:?}")),
        }
    }

    async fn default_welcome(&self) -> Result<(), Wrong> {
        let body = json!({"corp": {"text": "您好，很高兴认识您！"}});
        expect(200, self.operator.put("welcome", &body).await?).map(|_| ())
    }

    async fn scan(&self, channel: &str, name: &str, half: bool) -> Result<Happening, Wrong> {
        let scan = Scan {
            name: Some(name.into()),
            half,
            ..Scan::default()
        };
        let happening = self
            .corp
            .scan(channel, &scan)
            .map_err(|error| error.to_string())?;
        let events = happening.events.clone();
        self.until("the callback to be accepted", move |sandbox| {
            events
                .iter()
                .all(|id| sandbox.event(*id).is_some_and(|event| event.accepted()))
        })
        .await?;
        Ok(happening)
    }

    async fn welcomed(&self, customer: &Happening, words: &str) -> Result<(), Wrong> {
        self.until(&format!("a welcome with {words}"), |_| {
            self.welcomes(customer)
                .iter()
                .any(|text| text.contains(words))
        })
        .await
    }

    async fn tagged(&self, customer: &Happening) -> Result<(), Wrong> {
        self.until("the tag on the customer", |_| {
            !self
                .corp
                .tags(&customer.external_userid, &customer.userid)
                .is_empty()
        })
        .await?;
        self.recorded(customer, "tags", "tagged").await
    }

    async fn redelivered(&self, customer: &Happening) -> Result<(), Wrong> {
        for event in customer.events.iter().cycle().take(3) {
            self.sandbox.redeliver(*event);
        }
        self.sandbox
            .settled(PATIENCE)
            .await
            .map_err(|error| error.to_string())?;
        match self.welcomes(customer).len() {
            1 => Ok(()),
            count => Err(format!("the customer has {count} welcomes")),
        }
    }

    async fn half_add(&self, channel: &str) -> Result<Happening, Wrong> {
        let customer = self.scan(channel, "李雷", true).await?;
        // The name of a customer who is not confirmed yet is not to be had (84061): the neutral form is used.
        self.welcomed(&customer, "朋友您好").await?;
        Ok(customer)
    }

    async fn confirmed(&self, customer: &Happening) -> Result<(), Wrong> {
        let confirmed = self
            .corp
            .member_confirms(&customer.external_userid, &customer.userid);
        confirmed.map_err(|error| error.to_string())?;
        self.tagged(customer).await
    }

    async fn search(&self) -> Result<Happening, Wrong> {
        let scan = Scan {
            name: Some("韩梅梅".into()),
            ..Scan::default()
        };
        let found = self
            .corp
            .add_by_search("lisi", &scan)
            .map_err(|error| error.to_string())?;
        self.welcomed(&found, "很高兴认识您").await?;
        self.recorded(&found, "tags", "no_channel").await?;
        Ok(found)
    }

    async fn another_app(&self, channel: &str) -> Result<(), Wrong> {
        self.corp.other_app_welcomes(Some(OtherApp {
            sends_for: Duration::from_millis(300),
            delivers: true,
        }));
        let customer = self.scan(channel, "赵六", false).await?;
        let recorded = self
            .recorded(&customer, "welcome", "already_welcomed")
            .await;
        self.corp.other_app_welcomes(None);
        recorded
    }

    async fn left(&self, customer: &Happening) -> Result<(), Wrong> {
        let left = self
            .corp
            .customer_leaves(&customer.external_userid, &customer.userid);
        left.map_err(|error| error.to_string())?;
        let path = format!("contacts/{}", customer.external_userid);
        self.eventually("the relation to be lost", &path, |contact| {
            contact["relations"][0]["status"] == "lost"
        })
        .await
    }

    async fn numbers(&self, channel: &str) -> Result<(), Wrong> {
        let wanted = json!({"added": 3, "lost": 1, "welcomed": 2, "welcome_failed": 0});
        let path = format!("channels/{channel}/stats");
        self.eventually(&format!("{wanted}"), &path, |stats| {
            stats["total"] == wanted
        })
        .await
    }

    async fn timeline(&self, customer: &Happening) -> Result<(), Wrong> {
        let answer = self
            .operator
            .get(&format!("contacts/{}", customer.external_userid))
            .await?;
        let contact = expect(200, answer)?;
        let entry = contact["timeline"].get(0).ok_or("the timeline is empty")?;
        println!("              {entry}");
        if entry["welcome"]["outcome"] == "sent" {
            Ok(())
        } else {
            Err("the welcome is not told as sent".into())
        }
    }

    /// The texts that our app sent to the customer.
    fn welcomes(&self, customer: &Happening) -> Vec<String> {
        let chat = self.corp.chat(&customer.external_userid, &customer.userid);
        chat.into_iter()
            .filter(|message| matches!(message.from, Sender::App(_)))
            .filter_map(|message| match message.body {
                Body::Text { content } => Some(content),
                _ => None,
            })
            .collect()
    }

    /// Waits until the newest event of the customer has this outcome.
    async fn recorded(&self, customer: &Happening, kind: &str, outcome: &str) -> Result<(), Wrong> {
        let path = format!("contacts/{}", customer.external_userid);
        let is_recorded = |contact: &Value| contact["timeline"][0][kind]["outcome"] == outcome;
        self.eventually(&format!("the outcome {outcome}"), &path, is_recorded)
            .await
    }

    async fn until(&self, what: &str, holds: impl Fn(&Sandbox) -> bool) -> Result<(), Wrong> {
        self.sandbox
            .wait_for(what, PATIENCE, holds)
            .await
            .map_err(|error| error.to_string())
    }

    /// Asks the admin API until its answer is as wanted.
    async fn eventually(
        &self,
        what: &str,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<(), Wrong> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.operator.get(path).await?;
            if answer.0 == 200 && holds(&answer.1) {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!(
                    "waited in vain for {what}; the answer is {answer:?}"
                ));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn expect(status: u16, answer: (u16, Value)) -> Result<Value, Wrong> {
    if answer.0 == status {
        Ok(answer.1)
    } else {
        Err(format!("answered {answer:?}"))
    }
}
