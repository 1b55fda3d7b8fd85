//! Text that may be stored and sent, but must not be printed: names, phone numbers, message bodies, short-lived keys.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Personal or secret text. `Debug` shows nothing of it and there is no `Display`; [`Private::expose`] is the one way
/// in, so that a reader of the code sees every place where it is used. On the wire it is a plain string.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private(String);

impl Private {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text. WeCom sends an empty string where it withholds a field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private]")
    }
}

impl From<String> for Private {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Private {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Implements `Debug` for a struct that shows the named fields only. For types whose other fields are message text.
macro_rules! debug_only {
    ($type:ident { $($shown:ident),* $(,)? }) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($shown), &self.$shown))*
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use debug_only;

#[cfg(test)]
mod tests {
    use super::Private;

    #[test]
    fn debug_hides_the_text_and_serde_keeps_it() {
        let name = Private::new("Zhang San");
        assert_eq!(format!("{name:?}"), "[private]");
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""Zhang San""#);
    }
}
