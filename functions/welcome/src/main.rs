//! The welcome function: wiring only.

use lambda_runtime::{Error, run, service_fn};
use platform::start::Platform;
use welcome::Welcomer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let platform = Platform::start("welcome", variable)?;
    platform::log::start(variable, &platform.clock);
    platform.warm_up().await;
    let welcomer = Welcomer::on(platform);
    run(service_fn(|event| welcomer.handle(event))).await
}
