//! The demo: the main job, played on real encrypted callbacks, each step with the time it took.

mod acts;
mod keeping;

use serde_json::Value;
use wecom_sandbox::Happening;

use crate::stack::Stack;

use acts::Play;

/// Why a step failed, in a sentence.
type DemoError = String;

/// Plays the demo on `stack` and prints what happens.
///
/// # Errors
/// The first step that failed, and why.
pub async fn play(stack: &Stack) -> Result<(), DemoError> {
    let play = Play::on(stack)?;
    println!("An operator sets up");
    let channel = set_up(&play).await?;
    println!("\nA customer scans the code of the channel");
    let scanned = scan(&play, &channel).await?;
    println!("\nOther customers come in other ways");
    let searched = other_ways(&play, &channel).await?;
    println!("\nA welcome that another app has sent, and a customer who leaves");
    let answered = play
        .step(
            "another app sends its welcome first: recorded as already welcomed, not sent twice",
            play.another_app(&channel),
        )
        .await?;
    play.step(
        "the first customer deletes the member: the relation is lost",
        play.left(&scanned),
    )
    .await?;
    println!("\nWhat the operator sees of it");
    play.step(
        "the channel counts 3 added, 2 welcomed, 1 lost (GET channels/{id}/stats)",
        play.numbers(&channel),
    )
    .await?;
    let why =
        "every event shows what was done, or why nothing was (GET contacts/{external_userid})";
    let (sent, missed) = play
        .step(why, async {
            let sent = play.timeline(&searched, "sent").await?;
            let missed = play.timeline(&answered, "already_welcomed").await?;
            Ok((sent, missed))
        })
        .await?;
    show(&explain("found by search", &sent));
    show(&explain("other app faster", &missed));
    println!("\nThe scheduled sync keeps all of it in step with WeCom");
    keep_in_step(&play, &channel).await
}

/// Answers the id of a channel.
async fn set_up(play: &Play) -> Result<String, DemoError> {
    play.step(
        "WeCom verifies the callback URL with an encrypted echostr",
        play.verification(),
    )
    .await?;
    let tag = play
        .step("the tag 来源/展会 is made in WeCom's console", play.tag())
        .await?;
    let channel = play
        .step(
            "the channel 上海展会 is made, with its contact way at WeCom (POST channels)",
            play.channel(&tag),
        )
        .await?;
    play.step(
        "a default welcome for everybody else is written (PUT welcome)",
        play.default_welcome(),
    )
    .await?;
    Ok(channel)
}

async fn scan(play: &Play, channel: &str) -> Result<Happening, DemoError> {
    let wang = play
        .step(
            "WeCom's callback is verified, decrypted, stored and answered",
            play.scan(channel, "王小明", false),
        )
        .await?;
    let welcome = play
        .step(
            "the channel's welcome is in the chat, with the customer's name",
            play.welcomed(&wang, "王小明"),
        )
        .await?;
    show(&welcome);
    play.step(
        "the channel's tag and remark are on the customer",
        play.tagged(&wang),
    )
    .await?;
    play.step(
        "WeCom delivers the same event three more times: nothing is done twice",
        play.redelivered(&wang),
    )
    .await?;
    Ok(wang)
}

/// Answers the customer who came by search.
async fn other_ways(play: &Play, channel: &str) -> Result<Happening, DemoError> {
    let (half, welcome) = play
        .step(
            "a customer that the member has not confirmed yet is welcomed immediately",
            play.half_add(channel),
        )
        .await?;
    show(&welcome);
    play.step(
        "… and tagged as soon as the member confirms",
        play.confirmed(&half),
    )
    .await?;
    let (found, welcome) = play
        .step(
            "one who found a member by search gets the default welcome, and no tags",
            play.search(),
        )
        .await?;
    show(&welcome);
    Ok(found)
}

async fn keep_in_step(play: &Play, channel: &str) -> Result<(), DemoError> {
    let lost = play
        .step(
            "a customer scans, and the callback is lost on its way",
            play.lost_add(channel),
        )
        .await?;
    let run = play
        .step(
            "a reconcile finds the customer, applies the tag and counts (POST /schedule/reconcile)",
            play.found(&lost),
        )
        .await?;
    show(&cost(&run));
    let run = play
        .step(
            "a second reconcile of the unchanged corp writes nothing",
            play.unchanged(),
        )
        .await?;
    show(&cost(&run));
    play.step(
        "a member edits the remark: a tick applies it, once it is a few seconds old",
        play.edit_applied(&lost),
    )
    .await
}

/// What a run has done, in words.
fn cost(run: &Value) -> String {
    format!(
        "{} relations read in {} calls, {} rows written, {} lost, {} repaired",
        run["relations"], run["calls"], run["writes"], run["lost"], run["repaired"]
    )
}

impl Play {
    /// Runs one step and prints how long it took.
    async fn step<T>(
        &self,
        name: &str,
        run: impl Future<Output = Result<T, DemoError>>,
    ) -> Result<T, DemoError> {
        let began = self.clock.instant();
        let outcome = run.await;
        let milliseconds = self.clock.since(began).as_secs_f64() * 1000.0;
        let mark = if outcome.is_ok() { "ok" } else { "FAILED" };
        println!("  {milliseconds:>7.1} ms  {mark:<6}  {name}");
        outcome.map_err(|error| format!("{name}: {error}"))
    }
}

/// Prints a result of a step, below it.
fn show(text: &str) {
    println!("{:22}> {text}", "");
}

/// One entry of a timeline in words.
fn explain(who: &str, entry: &Value) -> String {
    let explained = ["welcome", "tags"].map(|kind| {
        let outcome = &entry[kind];
        let word = outcome["outcome"].as_str().unwrap_or("pending");
        let code = outcome["errcode"]
            .as_i64()
            .map(|code| format!(", WeCom error {code}"));
        let latency = outcome["latency_ms"]
            .as_i64()
            .map(|ms| format!(", after {ms} ms"));
        format!(
            "{kind} {word}{}{}",
            code.unwrap_or_default(),
            latency.unwrap_or_default()
        )
    });
    format!("{who}: {}", explained.join("; "))
}
