//! The sync function: wiring only.

use lambda_runtime::{Error, run, service_fn, tracing};
use platform::environment::Environment;
use platform::start::Platform;
use sync::{Pace, Syncer};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let platform = Platform::start("sync", &environment).await?;
    let syncer = Syncer::new(
        platform.config,
        platform.store,
        platform.wecom,
        platform.metrics,
        Pace::default(),
    );
    run(service_fn(|event| syncer.handle(event))).await
}
