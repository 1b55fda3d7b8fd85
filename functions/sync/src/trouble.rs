//! Why a part of the sync could not go on.

use domain::error::{StoreError, VendorError};
use operations::duty::AlignError;
use wecom::Class;

/// What stands in the way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// WeCom.
    #[error(transparent)]
    Wecom(#[from] VendorError),
    /// Another thing has met trouble that this one would meet too.
    #[error("it waits for trouble that another met to pass")]
    Held,
    /// The function's deadline is near.
    #[error("the time of this invocation is over")]
    OutOfTime,
}

impl From<AlignError> for Trouble {
    fn from(unaligned: AlignError) -> Self {
        match unaligned {
            AlignError::Store(error) => Self::Store(error),
            AlignError::Wecom(error) => Self::Wecom(error),
        }
    }
}

impl Trouble {
    /// Whether it passes by itself, so that the next tick can go on.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Store(StoreError::Unreadable(_)) => false,
            Self::Store(_) | Self::OutOfTime | Self::Held => true,
            Self::Wecom(error) => error.class() == Class::Retry,
        }
    }
}
