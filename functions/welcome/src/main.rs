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
    platform.warm_up().await;
    let welcomer = Welcomer::on(platform);
    run(service_fn(|event| welcomer.handle(event))).await
}
