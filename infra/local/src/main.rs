//! The command `scrm-local`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use clock::Clock;
use scrm_local::args::{Command, CommandLine, Serve};
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::{Operator, http_client};
use scrm_local::stack::{Stack, StackOptions, Wecom};
use scrm_local::start::StartError;
use scrm_local::{demo, sample, schedule};
use tracing_subscriber::EnvFilter;
use wecom_sandbox::SandboxOptions;

/// The exit code of a start that failed, the same as for a command line that cannot be read.
const USAGE_ERROR: u8 = 2;

/// What is logged if `RUST_LOG` does not say otherwise. The embedded database warns of every failed condition, which is
/// what a known event looks like.
const LOG_FILTER: &str = "warn,dynoxide=error";

#[tokio::main]
async fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .init();
    let ran = match command {
        None => demo_and_stay().await,
        Some(Command::Demo) => demo_and_exit().await,
        Some(Command::Serve(options)) => serve(options).await,
    };
    ran.unwrap_or_else(|error| {
        eprintln!("scrm-local: {error}");
        ExitCode::from(USAGE_ERROR)
    })
}

async fn demo_and_stay() -> Result<ExitCode, StartError> {
    let mut stack = Stack::start(options(Serve::default())).await?;
    stack.tick_every(schedule::TICK);
    let played = play(&stack).await;
    if played == ExitCode::SUCCESS {
        println!("\nAll of it stays up until you press Ctrl+C");
        addresses(&stack);
        interrupted().await;
    }
    stack.stop().await;
    Ok(played)
}

async fn demo_and_exit() -> Result<ExitCode, StartError> {
    let any_port = Serve {
        port: 0,
        ..Serve::default()
    };
    let stack = Stack::start(options(any_port)).await?;
    let played = play(&stack).await;
    stack.stop().await;
    Ok(played)
}

async fn serve(serve: Serve) -> Result<ExitCode, StartError> {
    let with_samples = !serve.no_demo_data && serve.wecom_base.is_none();
    let mut stack = Stack::start(options(serve)).await?;
    stack.tick_every(schedule::TICK);
    // What a person has changed or deleted since the first start stays so.
    if with_samples && stack.is_new {
        make_samples(&stack).await;
    }
    println!("WeCom SCRM is up until you press Ctrl+C");
    addresses(&stack);
    interrupted().await;
    stack.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn options(serve: Serve) -> StackOptions {
    let sandbox = || {
        Wecom::Sandbox(SandboxOptions {
            seed: rand::random(),
            ..SandboxOptions::default()
        })
    };
    StackOptions {
        port: serve.port,
        data: serve.data,
        config: serve.config,
        wecom: serve.wecom_base.map_or_else(sandbox, Wecom::At),
        shards: 1,
        clock: Clock::system(),
    }
}

async fn play(stack: &Stack) -> ExitCode {
    println!(
        "WeCom SCRM on this machine: the deployed functions over an embedded DynamoDB and a sandbox of WeCom\n"
    );
    match demo::play(stack).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("\nscrm-local: the demo failed: {wrong}");
            ExitCode::FAILURE
        }
    }
}

async fn make_samples(stack: &Stack) {
    let (Some(sandbox), Some(key)) = (&stack.sandbox, stack.keys.admin_keys.first()) else {
        return;
    };
    let http = http_client();
    for corp in stack
        .keys
        .corp_ids()
        .into_iter()
        .filter_map(|id| sandbox.corp(id))
    {
        let operator = Operator::with_client(http.clone(), &stack.url, corp.id(), key);
        if let Err(error) = sample::make(&corp, &operator).await {
            eprintln!("scrm-local: no sample data in {}: {error}", corp.id());
        }
    }
}

fn addresses(stack: &Stack) {
    let corp = stack
        .keys
        .corp_ids()
        .into_iter()
        .next()
        .unwrap_or(DEMO_CORP)
        .to_owned();
    println!("  Callback   {}/callback/{corp}/contact", stack.url);
    if stack.sandbox.is_some() {
        println!("  Phone      {}/sandbox/", stack.url);
        println!("             open it, scan a channel's code and see the welcome arrive");
    }
    if let Some(key) = stack.keys.admin_keys.first() {
        println!("  Admin API  curl -H 'Authorization: Bearer {key}' \\");
        println!("               {}/admin/corps/{corp}/channels", stack.url);
    }
    println!("  Sync       curl -X POST {}/schedule/reconcile", stack.url);
    println!("             and /schedule/tick, which is sent every minute");
    println!("  DynamoDB   {}", stack.dynamodb_url);
}

/// Waits for Ctrl+C, or for the signal with which `kill` and service managers ask a process to end.
async fn interrupted() {
    // Without a handler for a signal, the process ends by it.
    tokio::select! {
        _handled = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
