//! The limits that WeCom documents, checked before a request is sent. "Characters" and "bytes" are different there.

use crate::error::FieldError;

pub(super) fn max_chars(field: &str, text: &str, max: usize) -> Result<(), FieldError> {
    let chars = text.chars().count();
    ensure(chars <= max, field, || {
        format!("has {chars} characters, at most {max} are allowed")
    })
}

pub(super) fn max_bytes(field: &str, text: &str, max: usize) -> Result<(), FieldError> {
    let bytes = text.len();
    ensure(bytes <= max, field, || {
        format!("has {bytes} bytes of UTF-8, at most {max} are allowed")
    })
}

pub(super) fn max_items<T>(field: &str, items: &[T], max: usize) -> Result<(), FieldError> {
    let count = items.len();
    ensure(count <= max, field, || {
        format!("has {count} items, at most {max} are allowed")
    })
}

pub(super) fn filled(field: &str, text: &str) -> Result<(), FieldError> {
    ensure(!text.trim().is_empty(), field, || "is empty".to_owned())
}

pub(super) fn no_blank<T: AsRef<str>>(field: &str, items: &[T]) -> Result<(), FieldError> {
    items
        .iter()
        .enumerate()
        .try_for_each(|(at, item)| filled(&format!("{field}[{at}]"), item.as_ref()))
}

pub(super) fn ensure(
    holds: bool,
    field: &str,
    reason: impl FnOnce() -> String,
) -> Result<(), FieldError> {
    if holds {
        Ok(())
    } else {
        Err(FieldError::new(field, reason()))
    }
}

/// Checks a value if it is there.
pub(super) fn each<T: AsRef<str>>(
    value: &Option<T>,
    check: impl FnOnce(&str) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    value.as_ref().map_or(Ok(()), |value| check(value.as_ref()))
}
