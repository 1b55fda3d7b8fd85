//! The admin function: wiring only.

use admin::Admin;
use lambda_http::{Error, run, service_fn};
use platform::start::Platform;

// A function has less than one processor and waits most of its time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    platform::log::start(variable);
    let admin = Admin::on(Platform::start("admin", variable)?);
    run(service_fn(|request| admin.handle(request))).await
}
