//! The phone page in a real browser: customers scan, and the page must show the results.
//!
//! ```sh
//! cargo test -p bundle-tests --test phone
//! ```
//!
//! It is not part of `cargo test --workspace`, because it needs Chromium and chromedriver; `.ci/run` installs them. It
//! fails with a message if one of them is missing or if the page does not show the results. `-- --picture FILE`
//! writes a PNG of 1440 × 900 pixels of the page, in which Chinese needs a font such as Debian's `fonts-noto-cjk`.

mod browser;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clock::Clock;
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::Operator;
use scrm_local::sample;
use scrm_local::stack::{Stack, StackOptions, Wecom};
use wecom_sandbox::SandboxOptions;

use browser::Browser;

/// Clicks through the phone page and compares what it shows.
#[derive(Debug, Parser)]
#[command(name = "phone")]
struct Options {
    /// Write a screenshot of the page at the end, a PNG file
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Language of the page
    #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
    lang: String,
}

/// The codes that are scanned, by their position on the page.
const SCANS: [usize; 4] = [2, 1, 2, 1];

/// The message that the last customer writes at the end.
const REPLY: &str = "你好，我想看看产品手册";

/// What the page must show for a customer who was welcomed and tagged.
const SHOWN: [(&str, &str); 6] = [
    (
        "the attachment in the chat",
        "text('#chat .said .card').includes('产品手册')",
    ),
    (
        "the latency of the welcome",
        "/\\d ms/.test(text('#chat .note b'))",
    ),
    ("the tag", "text('#facts .tag').includes('来源')"),
    (
        "the remark",
        "text('#facts .line').length > 0 && facts().some((badge) => badge.includes('remark') || badge.includes('备注'))",
    ),
    (
        "the callback, answered with 200",
        "text('#events li').includes('add_external_contact') && text('#events li .badge').startsWith('200')",
    ),
    (
        "the call that sent the welcome",
        "all('#calls li b').some((call) => call.endsWith('send_welcome_msg'))",
    ),
];

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("phone: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), String> {
    let stack = start().await?;
    let browser = Browser::open().await?;
    let page = format!("{}/sandbox/?lang={}", stack.url, options.lang);
    let used = use_page(&browser, &page).await;
    let pictured = match (used, &options.picture) {
        (Ok(()), Some(file)) => picture(&browser, file).await,
        (used, _) => used,
    };
    browser.close().await;
    stack.stop().await;
    pictured?;
    println!("The page shows all results for {} customers.", SCANS.len());
    Ok(())
}

async fn picture(browser: &Browser, file: &Path) -> Result<(), String> {
    std::fs::write(file, browser.picture().await?)
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}

async fn start() -> Result<Stack, String> {
    let stack = StackOptions {
        port: 0,
        data: None,
        config: None,
        wecom: Wecom::Sandbox(SandboxOptions::default()),
        shards: 1,
        clock: Clock::system(),
    };
    let stack = Stack::start(stack)
        .await
        .map_err(|error| error.to_string())?;
    let sandbox = stack.sandbox.as_ref().ok_or("the stack has no sandbox")?;
    let corp = sandbox.corp(DEMO_CORP).ok_or("the sandbox has no corp")?;
    let key = stack.keys.admin_keys.first().ok_or("there is no key")?;
    sample::make(&corp, &Operator::new(&stack.url, DEMO_CORP, key)).await?;
    Ok(stack)
}

async fn use_page(browser: &Browser, page: &str) -> Result<(), String> {
    browser.visit(page).await?;
    browser
        .until("two channels", "all('.channel').length === 2")
        .await?;
    for (before, place) in SCANS.into_iter().enumerate() {
        let button = format!(".channel:nth-child({place}) .row button");
        browser.click(&button).await?;
        let listed = format!("all('#people button').length === {}", before + 1);
        browser.until("the customer in the list", &listed).await?;
        let welcome = welcome(place);
        browser
            .until("the welcome with both names and the channel", &welcome)
            .await?;
        for (what, holds) in SHOWN {
            browser.until(what, holds).await?;
        }
    }
    browser.write("#text", REPLY).await?;
    browser.click("#write button").await?;
    let replied = format!("text('#chat .mine .bubble') === '{REPLY}'");
    browser.until("the message of the customer", &replied).await
}

/// A condition: the chat contains the complete welcome of the channel at `place`, with the names of the selected
/// customer, a member and the channel.
fn welcome(place: usize) -> String {
    format!(
        "(() => {{
            const said = /^(.+)您好，我是([^{{}}]+)，欢迎您从(.+)来！$/.exec(text('#chat .said .bubble'));
            const customer = all('#people button[aria-selected=true] > span').at(-1);
            return said && said[1] === customer && said[3] === text('.channel:nth-child({place}) h3');
        }})()"
    )
}
