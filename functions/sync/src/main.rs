//! The sync function: wiring only.

use lambda_runtime::{Error, run, service_fn};
use platform::start::Platform;
use sync::Syncer;

// A function has less than one processor and waits most of its time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    platform::log::start(variable);
    let syncer = Syncer::on(Platform::start("sync", variable)?);
    run(service_fn(|event| syncer.handle(event))).await
}
