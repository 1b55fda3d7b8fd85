//! The callback function: wiring only.

use callback::Callback;
use lambda_http::{Error, run, service_fn};
use platform::start::Base;

// A function has less than one processor and waits most of its time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    platform::log::start(variable);
    let base = Base::start("callback", variable)?;
    let callback = Callback::new(base.config, base.store.clone(), base.metrics);
    // Secret and connection are fetched during init, side by side, so that no event waits for them.
    tokio::join!(callback.load_config(), base.store.open_inbox());
    run(service_fn(|request| callback.handle(request))).await
}
