//! What each refusal of a list of customers means.

use domain::ports::Chunk;
use wecom::Error;

/// WeCom's codes for a cursor that is no longer good (doc 90313).
const STALE_CURSOR: [i64; 2] = [50100, 60268];
/// How often a chunk is begun anew because of its cursor before the run gives up for now.
const READINGS: u32 = 5;
/// "No such relation": how some lists say that a member has no customers (WeCom doc 90313).
const NO_RELATION: i64 = 84061;
/// Codes about a member of the list: not a userid, unknown, out of range, no customer contact (WeCom doc 90313).
const ABOUT_MEMBER: [i64; 6] = [40003, 60011, 60021, 60111, 84083, 84084];

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
pub(super) fn what_now(error: &Error, chunk: &Chunk, pages: u32) -> Now {
    let is_alone = chunk.members.len() == 1;
    match error.code() {
        Some(NO_RELATION) if is_alone && pages == 0 => Now::Empty,
        Some(NO_RELATION) if !is_alone => Now::EachAlone,
        Some(code)
            if (code == NO_RELATION || STALE_CURSOR.contains(&code))
                && chunk.reading < READINGS =>
        {
            Now::Anew
        }
        Some(code) if ABOUT_MEMBER.contains(&code) && !is_alone => Now::EachAlone,
        // Nothing is concluded about somebody whose customers cannot be read.
        Some(code) if ABOUT_MEMBER.contains(&code) => Now::Skip,
        _ => Now::Stop,
    }
}

#[cfg(test)]
mod tests {
    use wecom::UserId;

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
                code,
                message: String::new(),
            };
            let chunk = Chunk {
                number: 0,
                members: vec![UserId::from("li"); members],
                reading: 0,
                since: None,
                done: false,
            };
            let now = what_now(&error, &chunk, pages);
            assert_eq!(now, expected, "{code} of {members} after {pages}");
        }
    }
}
