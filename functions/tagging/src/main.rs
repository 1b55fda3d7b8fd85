//! The tagging function: wiring only.

use lambda_runtime::{Error, run, service_fn, tracing};
use platform::start::Platform;
use tagging::Tagger;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let platform = Platform::start("tagging", |name| std::env::var(name).ok())?;
    tokio::join!(platform.wecom.warm_up(), platform.store.open_data());
    let tagger = Tagger::new(
        platform.config,
        platform.store,
        platform.wecom,
        platform.metrics,
    );
    run(service_fn(|event| tagger.handle(event))).await
}
