//! A fault in what somebody wrote, with the name of the field.

use std::fmt;

/// A value that cannot be accepted, and the path of the field that holds it, such as
/// `welcome.variants[0].from`; empty if the whole is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, in the notation of the JSON that the caller sent.
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

    /// Puts `parent` before the path: `text` below `welcome` becomes `welcome.text`. An empty parent is the
    /// whole, and leaves the path as it is.
    #[must_use]
    pub fn below(self, parent: &str) -> Self {
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

/// Refuses a text of more than `limit` characters. WeCom counts some limits in characters and others in
/// bytes; this is the character form.
pub(crate) fn at_most_chars(field: &str, text: &str, limit: usize) -> Result<(), FieldError> {
    let length = text.chars().count();
    if length > limit {
        return Err(FieldError::new(
            field,
            format!("has {length} characters, at most {limit} are allowed"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_built_from_the_inside() {
        let cases = [
            ("text", "welcome.text"),
            ("[0].from", "welcome[0].from"),
            ("", "welcome"),
        ];
        for (inner, whole) in cases {
            assert_eq!(FieldError::new(inner, "x").below("welcome").field, whole);
        }
        assert_eq!(
            FieldError::new("text", "x").below("").to_string(),
            "text: x"
        );
        assert_eq!(
            FieldError::new("", "is empty").below("").to_string(),
            "is empty"
        );
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        assert!(at_most_chars("name", "渠道渠道", 4).is_ok());
        let error = at_most_chars("name", "渠道渠道一", 4).unwrap_err();
        assert_eq!(
            error.to_string(),
            "name: has 5 characters, at most 4 are allowed"
        );
    }
}
