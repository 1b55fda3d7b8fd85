//! The command `scrm-local`.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clock::Clock;
use scrm_local::args::{Backup, Command, CommandLine, Restore, Serve};
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::{Operator, http_client};
use scrm_local::signals::Signals;
use scrm_local::stack::{Stack, StackOptions, Wecom};
use scrm_local::start::StartError;
use scrm_local::{backup, demo, sample};
use tracing_subscriber::EnvFilter;
use wecom_sandbox::SandboxOptions;

/// The exit code of a start that failed, the same as for a command line that cannot be read.
const USAGE_ERROR: u8 = 2;

/// What is logged if `RUST_LOG` does not say otherwise.
const LOG_FILTER: &str = "warn";

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
        Some(Command::Backup(options)) => Ok(backup_command(&options).await),
        Some(Command::Restore(options)) => Ok(restore_command(&options).await),
    };
    ran.unwrap_or_else(|error| {
        eprintln!("scrm-local: {error}");
        ExitCode::from(USAGE_ERROR)
    })
}

async fn demo_and_stay() -> Result<ExitCode, StartError> {
    let serve = Serve::default();
    let daily = serve.daily();
    let mut stack = Stack::start(options(serve)).await?;
    let mut signals = Signals::take()?;
    stack.run_schedules(daily);
    let played = tokio::select! {
        played = play(&stack) => played,
        _signal = signals.next() => return Ok(stop(stack, signals).await),
    };
    if played == ExitCode::SUCCESS {
        println!("\nAll of it stays up until you press Ctrl+C");
        addresses(&stack, None);
        signals.next().await;
        return Ok(stop(stack, signals).await);
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
    let (daily, config) = (serve.daily(), serve.config.clone());
    let mut stack = Stack::start(options(serve)).await?;
    let mut signals = Signals::take()?;
    stack.run_schedules(daily);
    // What a person has changed or deleted since the first start stays so.
    if with_samples && stack.is_new {
        make_samples(&stack).await;
    }
    println!("WeCom SCRM is up until you press Ctrl+C");
    addresses(&stack, config.as_deref());
    signals.next().await;
    Ok(stop(stack, signals).await)
}

/// Lets what runs end. At the next signal the process ends at once, as if it had not handled that signal.
async fn stop(stack: Stack, mut signals: Signals) -> ExitCode {
    // Standard output may be closed by now.
    let _written = writeln!(
        std::io::stderr(),
        "scrm-local: stops when requests and records in work have ended; another signal ends it at once"
    );
    tokio::select! {
        () = stack.stop() => ExitCode::SUCCESS,
        code = signals.next() => std::process::exit(code.into()),
    }
}

async fn backup_command(options: &Backup) -> ExitCode {
    let clock = Clock::system();
    report(backup::write(&options.data, &options.to, &clock).await)
}

async fn restore_command(options: &Restore) -> ExitCode {
    let clock = Clock::system();
    report(backup::restore(&options.from, &options.data, &clock).await)
}

fn report(ended: Result<backup::Summary, backup::BackupError>) -> ExitCode {
    match ended {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("scrm-local: {error}");
            ExitCode::from(if error.is_usage() { USAGE_ERROR } else { 1 })
        }
    }
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

/// Prints where everything is. The admin key is printed if the stack made it, for the sandbox; a key of `config`, or
/// one for a real WeCom, is not.
fn addresses(stack: &Stack, config: Option<&Path>) {
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
    let made = stack.keys.admin_keys.first();
    let made = made.filter(|_| config.is_none() && stack.sandbox.is_some());
    let key = made.map_or("<admin key of the configuration>", String::as_str);
    println!("  Admin API  curl -H 'Authorization: Bearer {key}' \\");
    println!("               {}/admin/corps/{corp}/channels", stack.url);
    println!("  Sync       curl -X POST {}/schedule/reconcile", stack.url);
    println!("             once a day by itself, and /schedule/tick every minute");
    println!("  DynamoDB   {}", stack.dynamodb_url);
}
