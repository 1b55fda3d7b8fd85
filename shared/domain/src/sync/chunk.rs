//! The parts of a run: chunks of members whose customers are read together, and the pages of a chunk that were read.

use jiff::Timestamp;
use wecom::UserId;

/// Members whose customers are read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its place, from 0.
    pub number: u32,
    /// The members.
    pub members: Vec<UserId>,
    /// Counts the readings: a cursor that goes stale makes the reading begin anew.
    pub reading: u32,
    /// When the present reading began; `None` before.
    pub since: Option<Timestamp>,
    /// Whether it is read and concluded.
    pub done: bool,
}

/// A page that was read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRead {
    /// Its place in the reading, from 0.
    pub number: u32,
    /// Where it begins; `None` for the first one.
    pub from: Option<String>,
    /// Where the next page begins; `None` after the last one.
    pub cursor: Option<String>,
    /// The pairs in it, as [`super::Seen`] writes them.
    pub seen: Vec<u8>,
    /// Members that it left out, because they have no licence: nothing is concluded about them.
    pub unlicensed: Vec<UserId>,
}
