//! The sync function: wiring only.

use lambda_runtime::{Error, run, service_fn};
use platform::start::Platform;
use sync::Syncer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let platform = Platform::start("sync", variable)?;
    platform::log::start(variable, &platform.clock);
    let syncer = Syncer::on(platform);
    run(service_fn(|event| syncer.handle(event))).await
}
