//! Checks at the end of each scenario that WeCom saw no unexpected calls and that every fault was used.

use wecom_sandbox::Sandbox;

/// Checks a WeCom sandbox when it is dropped, unless the test has failed already.
pub(crate) struct Leftovers(Sandbox);

impl Leftovers {
    /// Checks of this sandbox.
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
            "calls of unknown APIs: {unexpected:?}"
        );
        let faults = self.0.faults().waiting();
        assert_eq!(faults, 0, "an injected fault was never used");
        let calls = self.0.calls().into_iter();
        let warned: Vec<_> = calls.filter(|call| !call.warnings.is_empty()).collect();
        assert!(
            warned.is_empty(),
            "requests with warnings from WeCom: {warned:?}"
        );
    }
}
