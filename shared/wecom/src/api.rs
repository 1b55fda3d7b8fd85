//! Requests and answers of the APIs, one file per family. They are data: `client` sends them.
//!
//! Requests leave out what is not set, as WeCom refuses empty objects and strings (`EMPTY_PARAMETER`), and have a
//! `check` that names the field that breaks a documented limit. Answers take missing fields and unknown values as they
//! come.

pub mod acquisition;
pub mod agent;
pub mod contact;
pub mod contact_way;
pub mod department;
pub mod group;
pub mod media;
pub mod path;
pub mod tag;
pub mod user;
pub mod welcome;

mod limit;
pub(crate) mod wire;

/// One page of a list. Lists are over when there is no cursor; cursors are good for one walk and not to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this page; a page may be empty before the last one.
    pub items: Vec<T>,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// WeCom writes an empty cursor after the last page.
    pub fn new(items: Vec<T>, next_cursor: String) -> Self {
        Self {
            items,
            next_cursor: Some(next_cursor).filter(|cursor| !cursor.is_empty()),
        }
    }
}
