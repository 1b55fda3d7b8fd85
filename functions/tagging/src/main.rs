//! The tagging function: wiring only.

use lambda_runtime::{Error, run, service_fn};
use platform::start::Platform;
use tagging::Tagger;

// A function has less than one processor and waits most of its time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    platform::log::start(variable);
    let platform = Platform::start("tagging", variable)?;
    platform.warm_up().await;
    let tagger = Tagger::on(platform);
    run(service_fn(|event| tagger.handle(event))).await
}
