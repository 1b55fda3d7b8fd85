//! The tagging function: wiring only.

use lambda_runtime::{Error, run, service_fn};
use platform::start::Platform;
use tagging::Tagger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let platform = Platform::start("tagging", variable)?;
    platform::log::start(variable, &platform.clock);
    platform.warm_up().await;
    let tagger = Tagger::on(platform);
    run(service_fn(|event| tagger.handle(event))).await
}
