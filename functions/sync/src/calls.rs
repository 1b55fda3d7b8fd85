//! A call to WeCom on behalf of the sync: counted, and tried again if that helps within seconds.

use std::time::Duration;

use domain::ports::VendorError;
use domain::quota::passes_soon;

use crate::Scope;
use crate::meter::Meter;
use crate::trouble::Trouble;

/// Calls for one thing, the first included: WeCom asks for three at most after `SYSTEM_BUSY` (doc 90313).
const TRIES: u32 = 3;
/// First pause between two tries; it doubles (1, 2, 4 s after `SYSTEM_BUSY`, doc 90313).
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Makes a call of `api`, counts it in `meter`, and repeats it after errors that pass.
pub(crate) async fn call<T, F: Future<Output = Result<T, VendorError>>>(
    scope: &Scope<'_>,
    meter: &Meter,
    api: &'static str,
    make: impl Fn() -> F,
) -> Result<T, Trouble> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match once(scope, meter, api, make()).await {
            Err(Trouble::Wecom(error)) if passes_soon(&error) => {
                scope.clock.sleep(pause).await;
                pause *= 2;
            }
            answer => return answer,
        }
    }
    once(scope, meter, api, make()).await
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
