//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Serves until it is interrupted: /callback and /admin as deployed, /sandbox with the WeCom sandbox and its phone
    /// page, and DynamoDB on the next port.
    Serve(Serve),
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
    #[arg(long, value_name = "URL")]
    pub wecom_base: Option<String>,
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
            no_demo_data: false,
        }
    }
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
            no_demo_data: true,
        };
        for (words, expected) in [
            ("", None),
            ("demo", Some(Command::Demo)),
            ("serve", Some(Command::Serve(Serve::default()))),
            (
                "serve --port 8000 --data d --config c.json --wecom-base http://127.0.0.1:1 --no-demo-data",
                Some(Command::Serve(all)),
            ),
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
            "serv",
            "demo --port 1",
        ] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words}");
        }
    }
}
