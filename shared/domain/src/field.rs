//! Checks of what somebody wrote: what is wrong, with the name of the field.

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
