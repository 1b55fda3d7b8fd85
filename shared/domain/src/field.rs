//! Checks of input: what is wrong, with the name of the field.

use wecom::UserId;

pub use wecom::FieldError;

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

/// Refuses what cannot be a userid: 1 to 64 letters, digits, `-`, `_`, `.` (WeCom error `INVALID_USERID`); `@` is
/// accepted too, unverified.
///
/// # Errors
/// Names `field`.
pub fn check_userid(field: &str, userid: &UserId) -> Result<(), FieldError> {
    let text = userid.as_str();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    let message = "is not a userid: 1 to 64 letters, digits, '-', '_', '.' or '@'";
    Err(FieldError::new(field, message))
}

#[cfg(test)]
mod tests {
    use super::*;

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
