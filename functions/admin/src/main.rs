//! The admin function: wiring only.

use admin::Admin;
use lambda_http::{Error, run, service_fn};
use platform::start::Platform;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let platform = Platform::start("admin", variable)?;
    platform::log::start(variable, &platform.clock);
    let admin = Admin::on(platform);
    run(service_fn(|request| admin.handle(request))).await
}
