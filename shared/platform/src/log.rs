//! The log of a function: lines on the standard output, as Lambda's logging controls ask for them.
//!
//! The Lambda runtime brings a subscriber of its own, which takes filters by target. They are made of regular
//! expressions, which every package and every init would carry, and Lambda's controls only know levels.

use tracing_subscriber::filter::LevelFilter;

/// Begins to log what is at or above the level of `AWS_LAMBDA_LOG_LEVEL`, else of `RUST_LOG`, else `INFO`; as JSON if
/// `AWS_LAMBDA_LOG_FORMAT` says so. Variables are read through `variable`.
pub fn start(variable: impl Fn(&str) -> Option<String>) {
    let level = variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| variable("RUST_LOG"));
    let level = level.and_then(|level| level.parse().ok());
    let lines = tracing_subscriber::fmt()
        .with_target(false)
        .without_time()
        .with_max_level(level.unwrap_or(LevelFilter::INFO));
    let format = variable("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
    if format.eq_ignore_ascii_case("json") {
        lines.json().init();
    } else {
        lines.init();
    }
}
