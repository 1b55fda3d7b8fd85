//! What each refusal of a list of customers means.

use domain::error::VendorError;
use domain::sync::Chunk;
use wecom::ErrorCode;

/// How often a chunk is begun anew because of its cursor before the run gives up for now.
const READINGS: u32 = 5;
/// "No such relation": how some lists say that a member has no customers (WeCom doc 90313).
const NO_RELATION: ErrorCode = ErrorCode::NOT_EXTERNAL_CONTACT;

/// What an error of WeCom means for the reading of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Now {
    /// The member has no customers.
    Empty,
    /// It has to be read from its first page again.
    Anew,
    /// Its members have to be read one by one.
    EachAlone,
    /// Nothing can be known about the member.
    Skip,
    /// The run stops here.
    Stop,
}

/// "No such relation" says that there are no customers only in answer to a first page of one member: among several it
/// does not say whose, and after a page with customers it contradicts itself.
pub(super) fn what_now(error: &VendorError, chunk: &Chunk, pages: u32) -> Now {
    let is_alone = chunk.members.len() == 1;
    match error.code() {
        Some(NO_RELATION) if is_alone && pages == 0 => Now::Empty,
        Some(NO_RELATION) if !is_alone => Now::EachAlone,
        Some(code)
            if (code == NO_RELATION || code.is_stale_cursor()) && chunk.reading < READINGS =>
        {
            Now::Anew
        }
        Some(code) if code.refuses_listed_member() && !is_alone => Now::EachAlone,
        // Nothing is concluded about somebody whose customers cannot be read.
        Some(code) if code.refuses_listed_member() => Now::Skip,
        _ => Now::Stop,
    }
}

#[cfg(test)]
mod tests {
    use wecom::{Error, UserId};

    use super::*;

    #[test]
    fn a_refusal_is_read_as_having_no_customers_in_one_case_only() {
        let cases = [
            (84061, 1, 0, Now::Empty),
            (84061, 1, 1, Now::Anew),
            (84061, 2, 0, Now::EachAlone),
            (84061, 2, 1, Now::EachAlone),
            (50100, 2, 3, Now::Anew),
            (60111, 2, 0, Now::EachAlone),
            (60111, 1, 0, Now::Skip),
            (-1, 1, 0, Now::Stop),
            (45009, 2, 1, Now::Stop),
            (40058, 1, 0, Now::Stop),
        ];
        for (code, members, pages, expected) in cases {
            let error = Error::Api {
                api: "externalcontact/batch/get_by_user",
                code: code.into(),
                message: String::new(),
            };
            let chunk = Chunk {
                number: 0,
                members: vec![UserId::from("li"); members],
                reading: 0,
                since: None,
                done: false,
            };
            let now = what_now(&error.into(), &chunk, pages);
            assert_eq!(now, expected, "{code} of {members} after {pages}");
        }
    }
}
