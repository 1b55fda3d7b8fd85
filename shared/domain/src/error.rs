//! Why a port did not do what it was asked for: the store, WeCom, or the source of a file.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub use vendor::VendorError;

mod vendor;

/// The error behind an error.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// A store that did not do what was asked. Neither its message nor its `Debug` has the cause, which may quote what is
/// stored; the runtime of Lambda logs the `Debug` of an error that a handler returns.
#[derive(Clone, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, or had no capacity. Trying again may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What it holds cannot be read.
    #[error("stored data cannot be read: {what}")]
    Unreadable {
        /// What it should have been.
        what: String,
        /// Why it is not that.
        #[source]
        cause: Cause,
    },
    /// A value has no stored form: a defect of the bundle.
    #[error("{what} cannot be written")]
    Unwritable {
        /// What it is.
        what: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Somebody else changed the same thing at the same time, again and again.
    #[error("too many writers at once on {0}")]
    Contended(&'static str),
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(reason) => f.debug_tuple("Unavailable").field(reason).finish(),
            Self::Unreadable { what, .. } => f.debug_tuple("Unreadable").field(what).finish(),
            Self::Unwritable { what, .. } => f.debug_tuple("Unwritable").field(what).finish(),
            Self::Contended(what) => f.debug_tuple("Contended").field(what).finish(),
        }
    }
}

impl StoreError {
    /// `what` is stored, and cannot be read because of `cause`.
    #[must_use]
    pub fn unreadable(
        what: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unreadable {
            what: what.into(),
            cause: cause.into().into(),
        }
    }

    /// `what` cannot be written because of `cause`.
    #[must_use]
    pub fn unwritable(
        what: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unwritable {
            what: what.into(),
            cause: cause.into().into(),
        }
    }
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
