//! A fault in what somebody wrote, with the name of the field.

use super::Error;
use std::fmt;

/// A value that cannot be accepted, such as a field that breaks a limit of WeCom, and the path of the field that holds
/// it, such as `welcome.variants[0].from`; empty if the whole is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, in the notation and with the names of the JSON that it is part of.
    pub field: String,
    /// What is wrong and what would be right, as one sentence without a full stop.
    pub message: String,
}

impl FieldError {
    /// Names `field` and says what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }

    /// The error of an API that refuses the field.
    pub fn for_api(self, api: &'static str) -> Error {
        Error::Invalid {
            api,
            field: self.field,
            reason: self.message,
        }
    }

    /// Puts `parent` before the path: `text` below `welcome` becomes `welcome.text`. An empty parent is the
    /// whole, and leaves the path as it is.
    #[must_use]
    pub fn prefixed(self, parent: &str) -> Self {
        let field = if parent.is_empty() {
            self.field
        } else if self.field.is_empty() {
            parent.to_owned()
        } else if self.field.starts_with('[') {
            format!("{parent}{}", self.field)
        } else {
            format!("{parent}.{}", self.field)
        };
        Self { field, ..self }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for FieldError {}

#[cfg(test)]
mod tests {
    use super::FieldError;

    #[test]
    fn paths_are_built_from_the_inside() {
        let cases = [
            ("text", "welcome.text"),
            ("[0].from", "welcome[0].from"),
            ("", "welcome"),
        ];
        for (inner, whole) in cases {
            assert_eq!(FieldError::new(inner, "x").prefixed("welcome").field, whole);
        }
        assert_eq!(
            FieldError::new("text", "x").prefixed("").to_string(),
            "text: x"
        );
        assert_eq!(
            FieldError::new("", "is empty").prefixed("").to_string(),
            "is empty"
        );
    }
}
