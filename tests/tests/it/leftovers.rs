//! What a scenario must not leave behind: checked when it ends, so that no test can forget it.

use wecom_sandbox::Sandbox;

/// Checks a WeCom when it is dropped, unless the test has failed anyway.
pub(crate) struct Leftovers(Sandbox);

impl Leftovers {
    /// Of this WeCom.
    pub(crate) fn of(wecom: &Sandbox) -> Self {
        Self(wecom.clone())
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let unexpected = self.0.unexpected();
        assert!(
            unexpected.is_empty(),
            "calls of APIs that there are not: {unexpected:?}"
        );
        let faults = self.0.faults().waiting();
        assert_eq!(faults, 0, "a fault was arranged and never met");
        let calls = self.0.calls().into_iter();
        let warned: Vec<_> = calls.filter(|call| !call.warnings.is_empty()).collect();
        assert!(
            warned.is_empty(),
            "WeCom found these requests odd: {warned:?}"
        );
    }
}
