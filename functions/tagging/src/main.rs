//! The tagging function: wiring only.

use lambda_runtime::{Error, run, service_fn, tracing};
use platform::environment::Environment;
use platform::start::Platform;
use tagging::Tagger;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let platform = Platform::start("tagging", &environment).await?;
    tokio::join!(platform.wecom.warm_up(), platform.store.open_data());
    let tagger = Tagger::new(
        platform.config,
        platform.store,
        platform.wecom,
        platform.metrics,
    );
    run(service_fn(|event| tagger.handle(event))).await
}
