//! The admin function: wiring only.

use admin::Admin;
use lambda_http::{Error, run, service_fn, tracing};
use platform::environment::Environment;
use platform::start::Platform;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let environment = Environment::read(|name| std::env::var(name).ok())?;
    let platform = Platform::start("admin", &environment).await?;
    let admin = Admin::new(platform.config, platform.store, platform.wecom);
    run(service_fn(|request| admin.handle(request))).await
}
