//! What each refusal of a list of customers means.

use domain::error::VendorError;
use domain::sync::Chunk;
use wecom::ErrorCode;

/// How often a chunk is read from its first page again because its cursor expired, before the run stops.
const MAX_READINGS: u32 = 5;
/// "No such relation": how some lists say that a member has no customers (WeCom doc 90313).
const NO_RELATION: ErrorCode = ErrorCode::NOT_EXTERNAL_CONTACT;

/// What an error of WeCom means for the reading of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// The member has no customers.
    NoCustomers,
    /// It has to be read from its first page again.
    Restart,
    /// Its members have to be read one by one.
    SplitByMember,
    /// Nothing can be known about the member.
    SkipMember,
    /// The run stops here.
    Stop,
}

/// "No such relation" says that there are no customers only in answer to a first page of one member: among several it
/// does not say whose, and after a page with customers it contradicts itself.
pub(super) fn recovery_for(error: &VendorError, chunk: &Chunk, pages: u32) -> Recovery {
    let is_alone = chunk.members.len() == 1;
    match error.code() {
        Some(NO_RELATION) if is_alone && pages == 0 => Recovery::NoCustomers,
        Some(NO_RELATION) if !is_alone => Recovery::SplitByMember,
        Some(code)
            if (code == NO_RELATION || code.is_stale_cursor()) && chunk.reading < MAX_READINGS =>
        {
            Recovery::Restart
        }
        Some(code) if code.refuses_listed_member() && !is_alone => Recovery::SplitByMember,
        // Nothing is concluded about a member whose customers cannot be read.
        Some(code) if code.refuses_listed_member() => Recovery::SkipMember,
        _ => Recovery::Stop,
    }
}

#[cfg(test)]
mod tests {
    use wecom::{Error, UserId};

    use super::*;

    #[test]
    fn a_refusal_is_read_as_having_no_customers_in_one_case_only() {
        let cases = [
            (84061, 1, 0, Recovery::NoCustomers),
            (84061, 1, 1, Recovery::Restart),
            (84061, 2, 0, Recovery::SplitByMember),
            (84061, 2, 1, Recovery::SplitByMember),
            (50100, 2, 3, Recovery::Restart),
            (60111, 2, 0, Recovery::SplitByMember),
            (60111, 1, 0, Recovery::SkipMember),
            (-1, 1, 0, Recovery::Stop),
            (45009, 2, 1, Recovery::Stop),
            (40058, 1, 0, Recovery::Stop),
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
            let recovery = recovery_for(&error.into(), &chunk, pages);
            assert_eq!(recovery, expected, "{code} of {members} after {pages}");
        }
    }
}
