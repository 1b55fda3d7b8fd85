//! The table of error codes: sorted, and of the class that WeCom's documents call for.

use wecom::error::codes::{TABLE, find, meaning};
use wecom::{Class, Error};

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
        assert_ne!(find(row.last + 1), Some(row));
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
            assert!(find(*code).is_some(), "{code} is not in the table");
            assert_eq!(Class::of(*code), class, "{code}");
        }
    }
}

#[test]
fn a_code_that_nobody_knows_is_a_configuration_error_with_its_code() {
    let error = Error::Api {
        api: "externalcontact/get",
        code: 99_999_999,
        message: "?".into(),
    };
    assert_eq!(
        (error.class(), error.code()),
        (Class::Configuration, Some(99_999_999))
    );
    assert_eq!(meaning(99_999_999), None);
    // Known from Official Accounts, and not WeCom's.
    assert_eq!(find(45011), None);
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
    let paused = Error::Paused {
        api: "externalcontact/get",
        until: 1_700_000_060,
    };
    assert_eq!((paused.class(), paused.code()), (Class::Retry, Some(45009)));
    assert_eq!(
        paused.to_string(),
        "externalcontact/get: calls are paused until 1700000060, after WeCom answered 45009 or the quota of the minute or hour was spent"
    );
    let broken = Error::Broken {
        code: 40001,
        since: 1,
    };
    assert_eq!(
        (broken.class(), broken.code()),
        (Class::Configuration, Some(40001))
    );
}
