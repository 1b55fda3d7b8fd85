//! The callback function: wiring only.

use callback::Callback;
use lambda_http::{Error, run, service_fn};
use platform::start::Base;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let base = Base::start("callback", variable)?;
    platform::log::start(variable, &base.clock);
    let callback = Callback::on(base);
    callback.warm_up().await;
    run(service_fn(|request| callback.handle(request))).await
}
