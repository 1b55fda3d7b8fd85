//! The admin function: wiring only.

use admin::Admin;
use lambda_http::{Error, run, service_fn, tracing};
use platform::start::Platform;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let platform = Platform::start("admin", |name| std::env::var(name).ok())?;
    let admin = Admin::new(platform.config, platform.store, platform.wecom);
    run(service_fn(|request| admin.handle(request))).await
}
