//! The welcome function: wiring only.

use lambda_runtime::{Error, run, service_fn, tracing};
use platform::start::Platform;
use welcome::Welcomer;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let platform = Platform::start("welcome", |name| std::env::var(name).ok())?;
    // Tokens and connections are fetched during init, side by side, so that no customer waits for them.
    tokio::join!(platform.wecom.warm_up(), platform.store.open_data());
    let wecom = platform.wecom.in_a_hurry(platform.store.clone());
    let welcomer = Welcomer::new(platform.config, platform.store, wecom, platform.metrics);
    run(service_fn(|event| welcomer.handle(event))).await
}
