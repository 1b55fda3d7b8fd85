//! The callback function: wiring only.

use callback::Callback;
use lambda_http::{Error, run, service_fn, tracing};
use platform::environment::Environment;
use platform::start::Platform;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let platform = Platform::start("callback", &environment).await?;
    let callback = Callback::new(platform.config, platform.store.clone(), platform.metrics);
    // Secret and connection are fetched during init, side by side, so that no event waits for them.
    tokio::join!(callback.load_config(), platform.store.open_inbox());
    run(service_fn(|request| callback.handle(request))).await
}
