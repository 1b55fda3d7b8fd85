//! The callback function: wiring only.

use callback::Callback;
use lambda_http::{Error, run, service_fn, tracing};
use platform::start::Base;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let base = Base::start("callback", |name| std::env::var(name).ok())?;
    let callback = Callback::new(base.config, base.store.clone(), base.metrics);
    // Secret and connection are fetched during init, side by side, so that no event waits for them.
    tokio::join!(callback.load_config(), base.store.open_inbox());
    run(service_fn(|request| callback.handle(request))).await
}
