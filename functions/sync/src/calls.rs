//! A call to WeCom on behalf of the sync: counted, and tried again if that helps within seconds.

use domain::error::VendorError;
use platform::retry::{self, passes_soon};

use crate::Scope;
use crate::meter::Meter;
use crate::trouble::Trouble;

/// Makes a call of `api`, counts it in `meter`, and repeats it after errors that pass.
pub(crate) async fn call<T, F: Future<Output = Result<T, VendorError>>>(
    scope: &Scope<'_>,
    meter: &Meter,
    api: &'static str,
    make: impl Fn() -> F,
) -> Result<T, Trouble> {
    let passes = |trouble: &Trouble| matches!(trouble, Trouble::Wecom(error) if passes_soon(error));
    let make = || once(scope, meter, api, make());
    retry::call(scope.clock, passes, make).await.0
}

async fn once<T>(
    scope: &Scope<'_>,
    meter: &Meter,
    api: &'static str,
    call: impl Future<Output = Result<T, VendorError>>,
) -> Result<T, Trouble> {
    if !scope.has_time() {
        return Err(Trouble::OutOfTime);
    }
    let answer = call.await;
    if answer.as_ref().err().is_none_or(VendorError::is_of_a_call) {
        meter.called(api);
    }
    Ok(answer?)
}
