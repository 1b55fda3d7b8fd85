//! The sync function: wiring only.

use lambda_runtime::{Error, run, service_fn, tracing};
use platform::start::Platform;
use sync::{Pace, Syncer};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let platform = Platform::start("sync", |name| std::env::var(name).ok())?;
    let syncer = Syncer::new(
        platform.config,
        platform.store,
        platform.wecom,
        platform.metrics,
        Pace::default(),
    );
    run(service_fn(|event| syncer.handle(event))).await
}
