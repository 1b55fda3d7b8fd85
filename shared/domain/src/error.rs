//! Why a port did not do what it was asked for: the store, WeCom, or the source of a file.

pub use vendor::VendorError;

mod vendor;

/// A store that did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, or had no capacity. Trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds cannot be read.
    #[error("stored data cannot be read: {0}")]
    Unreadable(String),
    /// Somebody else changed the same thing at the same time, again and again.
    #[error("too many writers at once on {0}")]
    Contended(&'static str),
}

/// A source that did not become media.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UploadError {
    /// The source could not be fetched, or is not what WeCom takes; says what and what to do.
    #[error("{0}")]
    Source(String),
    /// WeCom refused it.
    #[error(transparent)]
    Wecom(#[from] VendorError),
}
