//! The table of error codes: sorted, and of the class that WeCom's documents call for.

use wecom::error::codes::{Entry, TABLE, find};
use wecom::{Class, Concern, Error, ErrorCode, ObjectKind};

#[test]
fn the_table_is_sorted_and_no_two_rows_overlap() {
    for row in TABLE {
        assert!(row.first <= row.last, "{}", row.first);
        assert!(!row.meaning.is_empty());
    }
    for pair in TABLE.windows(2) {
        assert!(
            pair[0].last < pair[1].first,
            "{} and {}",
            pair[0].last,
            pair[1].first
        );
    }
}

#[test]
fn every_row_is_found_at_both_ends_and_not_beside_them() {
    for row in TABLE {
        assert_eq!(find(row.first), Some(row));
        assert_eq!(find(row.last), Some(row));
        assert_ne!(find(ErrorCode::new(row.last.get() + 1)), Some(row));
    }
}

#[test]
fn codes_have_the_class_of_what_to_do() {
    let retry = [
        -1, 6000, 45009, 45033, 45035, 45036, 41063, 41079, 41096, 301022, 301064, 302005, 90304,
        701022, 701033, 701085, 701134, 701142, 2000111, 2000141, 2010003, 2040035, 2090726,
        2543337, 81026,
    ];
    let outcome = [
        84061, 84084, 41050, 41051, 41053, 40096, 41048, 40097, 40098, 40099, 40100, 40128, 40129,
        40130, 40131, 40143, 49008, 90500, 90501, 90502, 90503, 90504, 90507, 90508, 90509, 81013,
        95001, 95002, 95013, 95018, 701008, 610023, 610024,
    ];
    let configuration = [
        40001, 40003, 40007, 40008, 40013, 40033, 40035, 40056, 40058, 40063, 40068, 40071, 40091,
        40126, 40144, 40201, 40204, 40206, 41001, 41035, 41036, 41037, 41038, 41039, 41040, 41041,
        41042, 41043, 41044, 41045, 41054, 41057, 41058, 41064, 41065, 41095, 43009, 43012, 44004,
        45001, 45002, 45031, 48002, 48004, 48005, 48006, 48007, 48008, 48009, 48010, 48011, 50001,
        50002, 50003, 60003, 60011, 60020, 60021, 60030, 60031, 60111, 60123, 81011, 81017, 84074,
        84083, 90206, 90207, 90208, 91040, 301002, 301042, 301052, 301053, 610014, 610015, 610016,
        610017, 610018,
    ];
    let classes: [(Class, &[i64]); 4] = [
        (Class::Retry, &retry),
        (Class::RefreshToken, &[40014, 42001]),
        (Class::Outcome, &outcome),
        (Class::Configuration, &configuration),
    ];
    for (class, codes) in classes {
        for code in codes {
            let code = ErrorCode::new(*code);
            assert!(find(code).is_some(), "{code} is not in the table");
            assert_eq!(code.class(), class, "{code}");
        }
    }
}

#[test]
fn a_code_that_nobody_knows_is_a_configuration_error_with_its_code() {
    let unknown = ErrorCode::new(99_999_999);
    let error = Error::Api {
        api: "externalcontact/get",
        code: unknown,
        message: "?".into(),
    };
    assert_eq!(
        (error.class(), error.code()),
        (Class::Configuration, Some(unknown))
    );
    assert_eq!(
        (unknown.meaning(), unknown.concern()),
        (None, Concern::Call)
    );
    // Known from Official Accounts, and not WeCom's.
    assert_eq!(find(ErrorCode::new(45011)), None);
}

#[test]
fn errors_that_wecom_did_not_answer_have_a_class_too() {
    let unreachable = Error::Unreachable {
        api: "a",
        reason: "timed out".into(),
        sent: true,
    };
    assert_eq!(
        (unreachable.class(), unreachable.code()),
        (Class::Retry, None)
    );
    assert_eq!(Error::TokenStore("down".into()).class(), Class::Retry);
    let broken = Error::Broken {
        code: ErrorCode::INVALID_SECRET,
        since: 1,
    };
    assert_eq!(
        (broken.class(), broken.code()),
        (Class::Configuration, Some(ErrorCode::INVALID_SECRET))
    );
}

/// All codes of the table, of a run the first and the last, which may have a number that no predicate knows.
fn codes() -> Vec<ErrorCode> {
    let ends = |row: &Entry| [row.first, row.last];
    let mut codes: Vec<ErrorCode> = TABLE.iter().flat_map(ends).collect();
    codes.push(ErrorCode::new(99_999_999));
    codes.dedup();
    codes
}

fn those(predicate: impl Fn(ErrorCode) -> bool) -> Vec<i64> {
    let codes = codes().into_iter().filter(|code| predicate(*code));
    codes.map(ErrorCode::get).collect()
}

#[test]
fn each_predicate_holds_for_its_codes_and_no_others() {
    let passes = |code: ErrorCode| code.class() == Class::Retry;
    let is_outcome = |code: ErrorCode| code.class() == Class::Outcome;
    let blames = |kind| move |code: ErrorCode| code.blames() == Some(kind);
    type Case<'a> = (&'a str, &'a dyn Fn(ErrorCode) -> bool, &'a [i64]);
    let cases: &[Case<'_>] = &[
        (
            "concerns the company and passes",
            &|code| code.concerns_tenant() && passes(code),
            &[45009, 45033, 45036, 81026],
        ),
        (
            "blocks for long",
            &ErrorCode::blocks_for_long,
            &[45009, 45036, 81026],
        ),
        ("limits calls", &ErrorCode::limits_calls, &[45009, 45033]),
        (
            "refuses credentials",
            &ErrorCode::refuses_credentials,
            &[
                40001, 40013, 40091, 45031, 48004, 48006, 50003, 50006, 60031, 301007,
            ],
        ),
        (
            "concerns an attachment",
            &ErrorCode::concerns_attachment,
            &[40007, 40008, 40145, 41064, 41065, 90206, 90207, 90208],
        ),
        (
            "is a stale cursor",
            &ErrorCode::is_stale_cursor,
            &[50100, 60268],
        ),
        (
            "concerns one object and is no outcome",
            &|code| code.concerns_one_object() && !is_outcome(code),
            &[
                40003, 40035, 40050, 40058, 40063, 40068, 60011, 60111, 86003,
            ],
        ),
        (
            "is an outcome and does not concern one object",
            &|code| is_outcome(code) && !code.concerns_one_object(),
            &[],
        ),
        (
            "refuses a listed member",
            &ErrorCode::refuses_listed_member,
            &[40003, 60011, 60021, 60111, 84083, 84084],
        ),
        ("is no contact", &ErrorCode::is_no_contact, &[40096, 84061]),
        (
            "is a group that is gone",
            &ErrorCode::is_group_gone,
            &[40050, 49008, 86003, 90509],
        ),
        (
            "blames members",
            &blames(ObjectKind::Member),
            &[40003, 41041, 41054, 60011, 60021, 60030, 60111, 84074],
        ),
        (
            "blames departments",
            &blames(ObjectKind::Department),
            &[60003, 60123],
        ),
        ("blames tags", &blames(ObjectKind::Tag), &[40068, 81011]),
        (
            "blames anything",
            &|code| code.blames().is_some(),
            &[
                40003, 40068, 41041, 41054, 60003, 60011, 60021, 60030, 60111, 60123, 81011, 84074,
            ],
        ),
    ];
    for (name, predicate, expected) in cases {
        assert_eq!(those(predicate), *expected, "{name}");
    }
}

#[test]
fn a_code_is_written_and_shown_as_its_number() {
    let code = ErrorCode::NOT_EXTERNAL_CONTACT;
    assert_eq!(serde_json::to_string(&code).unwrap(), "84061");
    assert_eq!(serde_json::from_str::<ErrorCode>("84061").unwrap(), code);
    assert_eq!(code.to_string(), "84061");
}

#[test]
fn every_class_has_a_word_of_its_own() {
    let words = Class::ALL.map(Class::as_str);
    assert_eq!(
        words,
        ["retry", "refresh_token", "outcome", "configuration"]
    );
}
