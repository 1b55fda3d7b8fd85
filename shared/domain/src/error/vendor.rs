//! Why WeCom did not do what it was asked for, as the rules see it: besides the answers of WeCom also the calls that
//! were not made.

use wecom::{AppName, Class, Concern, CorpId, Error, ErrorCode};

use crate::instant::UnixSeconds;

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
        /// When calls resume.
        until: UnixSeconds,
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

    /// Whether other calls of the app meet the same error: it is about the company, about the app's credentials or
    /// token, or about the configuration, and not about what was asked for. Whether it passes is the
    /// [class](Self::class).
    #[must_use]
    pub fn concerns_app(&self) -> bool {
        let is_of_app =
            |code: ErrorCode| matches!(code.concern(), Concern::Tenant | Concern::Token);
        self.is_of_configuration()
            || matches!(self, Self::Wecom(Error::Broken { .. }))
            || self.code().is_some_and(is_of_app)
    }

    /// Whether the request as such is refused, until somebody changes a permission or the request. An error that other
    /// requests of the app meet as well is none.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.class() == Class::Configuration && !self.concerns_app()
    }

    /// Whether no call was made because the configuration lacks the app, or cannot be read.
    #[must_use]
    pub fn is_of_configuration(&self) -> bool {
        matches!(
            self,
            Self::AppNotConfigured { .. } | Self::ConfigurationUnreadable(_)
        )
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
            until: UnixSeconds(1_700_000_060),
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
            assert!(error.is_of_configuration() && error.concerns_app() && !error.is_refusal());
        }
    }

    #[test]
    fn errors_of_the_company_or_the_token_are_not_refusals_of_one_request() {
        let api = |code: i64| {
            VendorError::from(Error::Api {
                api: "user/get",
                code: code.into(),
                message: String::new(),
            })
        };
        let broken = VendorError::from(Error::Broken {
            code: 1.into(),
            since: 1_700_000_000,
        });
        let unreadable = VendorError::from(Error::Unreadable {
            api: "user/get",
            reason: "no JSON".into(),
        });
        // A code that is not in the table is taken for a refusal of the request.
        for (error, concerns_app, is_refusal) in [
            (api(48002), false, true),
            (api(60011), false, true),
            (api(1), false, true),
            (unreadable, false, true),
            (api(40001), true, false),
            (api(90510), true, false),
            (api(610_023), true, false),
            (api(45009), true, false),
            (api(84061), false, false),
            (broken, true, false),
        ] {
            let found = (error.concerns_app(), error.is_refusal());
            assert_eq!(found, (concerns_app, is_refusal), "{error}");
            assert!(!error.is_of_configuration());
        }
    }
}
