//! What is known of acquisition links (获客助手) in addition to their channels.

use serde::{Deserialize, Serialize};
use wecom::api::acquisition::AcquisitionQuota;

use crate::instant::UnixSeconds;

/// How many uses are left, and when that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// As WeCom returns it (doc 97375).
    #[serde(flatten)]
    pub quota: AcquisitionQuota,
    /// When it was read.
    pub read_at: UnixSeconds,
}
