//! Why WeCom did not do what it was asked for, as the rules see it: besides the answers of WeCom also the calls that
//! were not made.

use wecom::{AppName, Class, CorpId, Error, ErrorCode};

/// Why a call of WeCom did not give its result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VendorError {
    /// The call failed, or the request breaks a limit that WeCom documents.
    #[error(transparent)]
    Wecom(#[from] Error),
    /// No call was made: the bundle keeps within WeCom's rate limits (WeCom doc 90312), and this API is paused.
    #[error(
        "{api}: calls are paused until {until}, after WeCom answered {} or the quota of the minute or hour was spent",
        ErrorCode::API_FREQ_OUT_OF_LIMIT
    )]
    Paused {
        /// The API.
        api: &'static str,
        /// When calls resume, in Unix seconds.
        until: i64,
    },
    /// No call was made: the configuration has no such app, or no longer.
    #[error("{corp}/{app} is not in the configuration secret")]
    AppNotConfigured {
        /// The corp.
        corp: CorpId,
        /// Its app.
        app: AppName,
    },
    /// No call was made: the configuration cannot be read.
    #[error("the configuration cannot be read: {0}")]
    ConfigurationUnreadable(String),
}

impl VendorError {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Wecom(error) => error.class(),
            Self::Paused { .. } => Class::Retry,
            Self::AppNotConfigured { .. } | Self::ConfigurationUnreadable(_) => {
                Class::Configuration
            }
        }
    }

    /// WeCom's `errcode`, if it answered one. A pause has the one that it keeps WeCom from answering,
    /// [`ErrorCode::API_FREQ_OUT_OF_LIMIT`].
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Wecom(error) => error.code(),
            Self::Paused { .. } => Some(ErrorCode::API_FREQ_OUT_OF_LIMIT),
            Self::AppNotConfigured { .. } | Self::ConfigurationUnreadable(_) => None,
        }
    }

    /// Whether this is its code.
    #[must_use]
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code() == Some(code)
    }

    /// Whether a call was made, or at least begun: it counts for the quota.
    #[must_use]
    pub fn is_of_a_call(&self) -> bool {
        match self {
            Self::Wecom(error) => !matches!(error, Error::Invalid { .. }),
            Self::Paused { .. }
            | Self::AppNotConfigured { .. }
            | Self::ConfigurationUnreadable(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_has_the_code_and_the_class_of_the_refusal_that_it_avoids() {
        let paused = VendorError::Paused {
            api: "externalcontact/get",
            until: 1_700_000_060,
        };
        assert_eq!(
            (paused.class(), paused.code()),
            (Class::Retry, Some(45009.into()))
        );
        assert_eq!(
            paused.to_string(),
            "externalcontact/get: calls are paused until 1700000060, after WeCom answered 45009 or the \
             quota of the minute or hour was spent"
        );
        assert!(!paused.is_of_a_call());
    }

    #[test]
    fn faults_of_the_configuration_have_no_code_and_do_not_pass() {
        let missing = VendorError::AppNotConfigured {
            corp: CorpId::from("ww1"),
            app: AppName::from("contact"),
        };
        assert_eq!(
            missing.to_string(),
            "ww1/contact is not in the configuration secret"
        );
        for error in [
            missing,
            VendorError::ConfigurationUnreadable("empty".into()),
        ] {
            assert_eq!((error.class(), error.code()), (Class::Configuration, None));
            assert!(!error.is_of_a_call());
        }
    }
}
