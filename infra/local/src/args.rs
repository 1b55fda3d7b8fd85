//! The command line.

use std::path::PathBuf;

use axum::http::Uri;
use clap::{Args, Parser, Subcommand};
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::schedule::Daily;

/// The port of the front door if none is given; DynamoDB takes the one after it.
pub const DEFAULT_PORT: u16 = 9080;

/// WeCom SCRM on this machine: the functions of the bundle over an embedded DynamoDB, with a WeCom sandbox.
///
/// Without a command it plays the demo and stays up. Everything listens on 127.0.0.1 only.
#[derive(Debug, Clone, Parser, PartialEq, Eq)]
#[command(name = "scrm-local", version)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do besides the demo that stays up.
#[derive(Debug, Clone, Subcommand, PartialEq, Eq)]
pub enum Command {
    /// Play the demo and exit
    ///
    /// A channel is made, customers scan it, callbacks go through real encryption and signatures, welcome messages and
    /// tags arrive. Each step is printed with the time it took.
    /// The exit code is 0 if every step came out right, else 1.
    Demo,
    /// Serve, without the demo
    ///
    /// Serves until SIGINT or SIGTERM: /callback and /admin as deployed, /sandbox with the WeCom sandbox and its phone
    /// page, /schedule for requests from this machine or with an admin key, and DynamoDB on the next port, for programs
    /// on this machine. It sends the sync a tick each minute and a reconcile once a day. Everything listens on
    /// 127.0.0.1 only: to be reached from elsewhere, it needs an HTTPS reverse proxy on this machine that forwards
    /// /callback/.
    ///
    /// A signal lets requests and records in work end, for 25 seconds at most; a second one ends at once.
    Serve(Serve),
    /// Copy the data of a server, which may be running, into one file
    ///
    /// The file has the tables, the stream positions, and the other files of the data directory, such as a
    /// configuration that was made there. A configuration that `serve --config` names is not part of it. The exit code
    /// is 0 if the backup is complete, 2 if there is nothing to copy or FILE exists, else 1.
    Backup(Backup),
    /// Write a backup into a new data directory
    ///
    /// The backup is checked first, and an existing directory must be empty.
    /// The exit code is 0 if the directory is complete, 2 if it cannot be used or FILE is no backup, else 1.
    Restore(Restore),
}

/// The options of `serve`.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
pub struct Serve {
    /// Port of the front door; the embedded DynamoDB takes the port after it. 0 takes any two free ports
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Directory for the tables, the stream positions and the state of the sandbox; made if it is missing. Without it
    /// everything is in memory and gone at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// JSON file with the configuration secret: admin keys, corps and their apps. Without it there is a sandbox corp
    /// with keys made for the occasion
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Base URL of the WeCom API to use in place of the sandbox, such as <https://qyapi.weixin.qq.com>. The sandbox is
    /// then absent
    #[arg(long, value_name = "URL", value_parser = base_url)]
    pub wecom_base: Option<String>,
    /// When a reconcile begins each day, as HH:MM
    #[arg(long, value_name = "TIME", default_value = "03:30", value_parser = time)]
    pub reconcile_at: Time,
    /// Where that time is, in the IANA database
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = timezone)]
    pub reconcile_timezone: TimeZone,
    /// Begin without the sample channels, tags and default welcome
    #[arg(long)]
    pub no_demo_data: bool,
}

impl Default for Serve {
    /// What `serve` without options and the demo use.
    fn default() -> Self {
        Self {
            port: DEFAULT_PORT,
            data: None,
            config: None,
            wecom_base: None,
            reconcile_at: Time::constant(3, 30, 0, 0),
            reconcile_timezone: TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC),
            no_demo_data: false,
        }
    }
}

impl Serve {
    /// When a reconcile begins.
    #[must_use]
    pub fn daily(&self) -> Daily {
        Daily {
            at: self.reconcile_at,
            timezone: self.reconcile_timezone.clone(),
        }
    }
}

/// The options of `backup`.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
pub struct Backup {
    /// Directory of `serve --data`
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// File to write; it must not exist, and only its owner can read it
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

/// The options of `restore`.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
pub struct Restore {
    /// File that `backup` wrote
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Directory for `serve --data`; missing or empty
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

fn base_url(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().ok();
    let scheme = uri.as_ref().and_then(Uri::scheme_str);
    match scheme {
        Some("http" | "https") => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("is not a URL such as https://qyapi.weixin.qq.com".to_owned()),
    }
}

fn time(text: &str) -> Result<Time, String> {
    let parsed = Time::strptime("%H:%M", text);
    parsed.map_err(|_| "is not a time such as 03:30".to_owned())
}

fn timezone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| "is not an IANA time zone such as Asia/Shanghai".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(words: &str) -> Result<Option<Command>, clap::Error> {
        let words = std::iter::once("scrm-local").chain(words.split_whitespace());
        CommandLine::try_parse_from(words).map(|line| line.command)
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn commands_and_options() {
        let all = Serve {
            port: 8000,
            data: Some("d".into()),
            config: Some("c.json".into()),
            wecom_base: Some("http://127.0.0.1:1".to_owned()),
            reconcile_at: Time::constant(23, 5, 0, 0),
            reconcile_timezone: TimeZone::get("Europe/Berlin").unwrap(),
            no_demo_data: true,
        };
        let backup = Backup {
            data: "d".into(),
            to: "f".into(),
        };
        let restore = Restore {
            from: "f".into(),
            data: "d".into(),
        };
        for (words, expected) in [
            ("", None),
            ("demo", Some(Command::Demo)),
            ("serve", Some(Command::Serve(Serve::default()))),
            (
                "serve --port 8000 --data d --config c.json --wecom-base http://127.0.0.1:1 \
                 --reconcile-at 23:05 --reconcile-timezone Europe/Berlin --no-demo-data",
                Some(Command::Serve(all)),
            ),
            ("backup --data d --to f", Some(Command::Backup(backup))),
            ("restore --from f --data d", Some(Command::Restore(restore))),
        ] {
            assert_eq!(parse(words).unwrap(), expected, "{words}");
        }
    }

    #[test]
    fn usage_errors_exit_with_2() {
        for words in [
            "serve --port 65536",
            "serve --port x",
            "serve --dta d",
            "serve --wecom-base qyapi.weixin.qq.com",
            "serve --reconcile-at 24:00",
            "serve --reconcile-timezone Moon/Base",
            "backup --data d",
            "restore --from f",
            "serv",
            "demo --port 1",
        ] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words}");
        }
    }
}
