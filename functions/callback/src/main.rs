//! The callback function: wiring only.

use callback::Callback;
use lambda_http::{Error, run, service_fn};
use platform::start::Base;

// A function has less than one processor and waits most of its time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    platform::log::start(variable);
    let callback = Callback::on(Base::start("callback", variable)?);
    callback.warm_up().await;
    run(service_fn(|request| callback.handle(request))).await
}
