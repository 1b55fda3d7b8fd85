//! Why a part of the sync stopped.

use domain::error::{StoreError, VendorError};
use operations::duty::AlignError;
use operations::run::StopReason;
use wecom::{Class, ErrorCode};

/// Why a part of the sync stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    /// The tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// WeCom.
    #[error(transparent)]
    Wecom(#[from] VendorError),
    /// Another part met an error that this one would meet too.
    #[error("not tried, because another call of this corp failed a moment ago")]
    Outage,
    /// The function's deadline is near.
    #[error("the time of this invocation is over")]
    OutOfTime,
}

impl From<AlignError> for SyncError {
    fn from(error: AlignError) -> Self {
        match error {
            AlignError::Store(error) => Self::Store(error),
            AlignError::Wecom(error) => Self::Wecom(error),
        }
    }
}

impl SyncError {
    /// WeCom's code, for the field `wecom.errcode` of log lines.
    pub(crate) fn errcode(&self) -> Option<i64> {
        match self {
            Self::Wecom(error) => error.code().map(ErrorCode::get),
            _ => None,
        }
    }
}

impl StopReason for SyncError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Store(StoreError::Unreadable { .. } | StoreError::Unwritable { .. }) => false,
            Self::Store(_) | Self::OutOfTime | Self::Outage => true,
            Self::Wecom(error) => error.class() == Class::Retry,
        }
    }

    fn is_out_of_time(&self) -> bool {
        matches!(self, Self::OutOfTime)
    }
}
