//! Why a call is refused: a stable word, a sentence that says what to do, and the field where there is one.
//!
//! | status | means |
//! | --- | --- |
//! | 400 | the request cannot be read |
//! | 401 | no admin key |
//! | 404 | no such corp, channel, contact, event or call |
//! | 409 | somebody else changed the same thing just now, or it is still being made: read it again; or its app is not configured |
//! | 422 | the content cannot be accepted; `field` names the place |
//! | 429 | WeCom's rate or concurrency limit is reached: try again in a minute |
//! | 502 | WeCom or the store did not do its part; with WeCom's `errcode` |

use domain::error::{StoreError, UploadError, VendorError};
use domain::field::FieldError;
use platform::secret::SecretError;
use serde_json::{Value, json};
use wecom::{ErrorCode, ObjectKind};

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("send an admin key of this deployment: Authorization: Bearer <key>")]
    Unauthorized,
    #[error("there is no such call; see the README for the list")]
    NoSuchCall,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("the body {0}")]
    Body(String),
    #[error("{0}")]
    Query(FieldError),
    #[error("{0}")]
    Field(FieldError),
    #[error("somebody else changed it at the same time: read it again and repeat the change")]
    Conflict,
    #[error("the channel is still being made: repeat the call in a minute")]
    Creating,
    #[error("{0}")]
    Media(String),
    #[error("{0}")]
    Wecom(VendorError),
    #[error(
        "WeCom's answer about channel {0} was lost and could not be looked up: read the channel in a minute, it will \
         be settled then"
    )]
    Unclear(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// The word for a configuration that cannot be used.
const NOT_CONFIGURED_WORD: &str = "not_configured";
/// The answer when the secret has a fault, to every caller: no key can be checked then, and the log has the details.
const NOT_CONFIGURED: &str =
    "this deployment has no configuration that can be used: the log of the admin function says why";

impl Refusal {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Body(_) | Self::Query(_) => 400,
            Self::Unauthorized => 401,
            Self::NoSuchCall | Self::NotFound(_) => 404,
            Self::Conflict | Self::Creating => 409,
            Self::Field(_) | Self::Media(_) => 422,
            Self::Wecom(error) => status_of(error),
            Self::Unclear(_) | Self::Store(_) | Self::Secret(_) => 502,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NoSuchCall => "no_such_call",
            Self::NotFound(_) => "not_found",
            Self::Body(_) => "invalid_body",
            Self::Query(_) => "invalid_parameter",
            Self::Field(_) => "invalid_field",
            Self::Conflict | Self::Creating => "conflict",
            Self::Media(_) => "invalid_media",
            Self::Wecom(VendorError::AppNotConfigured { .. }) => "app_not_configured",
            Self::Wecom(VendorError::ConfigurationUnreadable(_)) => NOT_CONFIGURED_WORD,
            Self::Wecom(error) => match status_of(error) {
                429 => "wecom_limit",
                422 => "refused_by_wecom",
                _ => "wecom_error",
            },
            Self::Unclear(_) => "unclear",
            Self::Store(_) => "store_unavailable",
            Self::Secret(_) => NOT_CONFIGURED_WORD,
        }
    }

    /// Puts `parent` before the field at fault.
    pub(crate) fn prefixed(self, parent: &str) -> Self {
        match self {
            Self::Field(fault) => Self::Field(fault.prefixed(parent)),
            other => other,
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Field(fault) | Self::Query(fault) => {
                Some(fault.field.clone()).filter(|field| !field.is_empty())
            }
            Self::Wecom(VendorError::Wecom(wecom::Error::Invalid { field, .. })) => {
                Some(field.clone())
            }
            Self::Wecom(error) => blamed(error).map(str::to_owned),
            _ => None,
        }
    }

    pub(crate) fn body(&self) -> Value {
        let message = match self {
            Self::Secret(_) | Self::Wecom(VendorError::ConfigurationUnreadable(_)) => {
                NOT_CONFIGURED.to_owned()
            }
            other => other.to_string(),
        };
        let mut body = json!({"error": self.word(), "message": message});
        if let Some(field) = self.field() {
            body["field"] = field.into();
        }
        if let Self::Wecom(error) = self
            && let Some(code) = error.code()
        {
            body["errcode"] = code.get().into();
            body["message"] = code.meaning().map_or(body["message"].clone(), Value::from);
        }
        body
    }

    /// Faults of the caller are for the caller; faults of ours are for the log as well.
    pub(crate) fn log(&self) {
        let status = self.status();
        if status >= 500 {
            tracing::error!(
                event = "admin.failed",
                http.status = status,
                refusal.cause = %self,
                "a call failed"
            );
        } else {
            tracing::info!(
                event = "admin.refused",
                http.status = status,
                refusal.word = self.word(),
                "a call was refused"
            );
        }
    }
}

/// Whether WeCom says that a member is unknown, or out of the app's sight.
pub(crate) fn blames_members(error: &VendorError) -> bool {
    blamed(error) == Some("users")
}

/// The field of a channel that the error blames.
fn blamed(error: &VendorError) -> Option<&'static str> {
    match error.code()?.blames()? {
        ObjectKind::Member => Some("users"),
        ObjectKind::Department => Some("parties"),
        ObjectKind::Tag => Some("tag_ids"),
        _ => None,
    }
}

fn status_of(error: &VendorError) -> u16 {
    match error {
        VendorError::Wecom(wecom::Error::Invalid { .. }) => 422,
        VendorError::AppNotConfigured { .. } => 409,
        _ if error.code().is_some_and(ErrorCode::limits_calls) => 429,
        _ if blamed(error).is_some() => 422,
        _ => 502,
    }
}

impl From<VendorError> for Refusal {
    fn from(error: VendorError) -> Self {
        Self::Wecom(error)
    }
}

impl From<FieldError> for Refusal {
    fn from(fault: FieldError) -> Self {
        Self::Field(fault)
    }
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Source(message) => Self::Media(message),
            UploadError::Wecom(error) => Self::Wecom(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wecoms_codes_become_the_statuses_of_the_table() {
        let api = |code: i64| {
            Refusal::from(VendorError::from(wecom::Error::Api {
                api: "add_contact_way",
                code: code.into(),
                message: String::new(),
            }))
        };
        for (code, status, field) in [
            (45009, 429, None),
            (40003, 422, Some("users")),
            (40068, 422, Some("tag_ids")),
            (40001, 502, None),
            (-1, 502, None),
        ] {
            let refusal = api(code);
            assert_eq!(refusal.status(), status, "{code}");
            assert_eq!(refusal.body()["field"].as_str(), field, "{code}");
            assert_eq!(refusal.body()["errcode"], code);
        }
    }
    #[test]
    fn faults_of_the_configuration_are_no_faults_of_a_field() {
        let missing = VendorError::AppNotConfigured {
            corp: "ww1".into(),
            app: "contact".into(),
        };
        let unreadable = VendorError::ConfigurationUnreadable("not JSON".into());
        for (error, status, word, message) in [
            (
                missing,
                409,
                "app_not_configured",
                "ww1/contact is not in the configuration secret",
            ),
            (unreadable, 502, "not_configured", NOT_CONFIGURED),
        ] {
            let refusal = Refusal::from(error);
            let body = json!({"error": word, "message": message});
            assert_eq!((refusal.status(), refusal.body()), (status, body));
        }
    }
}
