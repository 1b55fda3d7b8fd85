//! The welcome function: wiring only.

use lambda_runtime::{Error, run, service_fn};
use platform::start::Platform;
use welcome::Welcomer;

// A function has less than one processor and waits most of its time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    platform::log::start(variable);
    let platform = Platform::start("welcome", variable)?;
    // Tokens and connections are fetched during init, side by side, so that no customer waits for them.
    tokio::join!(platform.wecom.warm_up(), platform.store.open_data());
    let wecom = platform.wecom.in_a_hurry(platform.store.clone());
    let welcomer = Welcomer::new(platform.config, platform.store, wecom, platform.metrics);
    run(service_fn(|event| welcomer.handle(event))).await
}
