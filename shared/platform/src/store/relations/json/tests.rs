//! What is stored of a relation reads back, and names nothing twice.

use domain::relation::{Change, ChangeKind};
use jiff::Timestamp;
use proptest::prelude::*;
use wecom::api::contact::ExternalContact;

use super::*;

const SECOND: i64 = 1_700_000_000;

fn added(state: &str) -> Relation {
    let add = Change {
        key: RelationKey::new(UserId::from("ZhangSan"), ExternalUserId::from("wmA")),
        at: UnixSeconds(SECOND - 1_000),
        kind: ChangeKind::Added {
            state: Some(State::from(state)),
            half: false,
        },
    };
    add.apply(None)
}

fn listed_at(at: Timestamp) -> Relation {
    let mut relation = added("ch0000000000001");
    relation.snapshot.observed_at = Some(at);
    relation
}

fn instant(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(SECOND * 1_000_000 + microseconds).unwrap()
}

#[test]
fn a_relation_reads_back_and_its_json_names_nothing_twice() {
    let customer = ExternalUserId::from("wmA");
    for (state, is_ours) in [("ch0000000000001", true), ("elsewhere", false)] {
        let mut before = added(state);
        before.snapshot.contact = Some(ExternalContact {
            external_user_id: customer.clone(),
            name: "王小明".into(),
            ..ExternalContact::default()
        });
        let text = write(&before).unwrap();
        assert!(!text.contains("wmA") && !text.contains(r#":"""#), "{text}");
        assert!(!text.contains("channel_id"), "{text}");
        let after = read(&text, &customer).unwrap();
        assert_eq!(after, before);
        assert_eq!(after.channel().is_some(), is_ours);
    }
}

#[test]
fn the_time_of_a_way_is_kept_when_its_state_is_gone() {
    let way = Attribution {
        state: None,
        channel: None,
        since: UnixSeconds(SECOND),
    };
    let before = Relation {
        attribution: Some(way),
        ..added("elsewhere")
    };
    let after = read(&write(&before).unwrap(), &ExternalUserId::from("wmA")).unwrap();
    assert_eq!(after, before);
    let late = Change {
        key: before.key,
        at: UnixSeconds(SECOND - 2_000),
        kind: ChangeKind::Added {
            state: Some(State::from("ch0000000000001")),
            half: false,
        },
    };
    assert_eq!(late.apply(Some(&after)).channel(), None);
}

#[test]
fn what_is_not_a_relation_is_refused_with_its_cause() {
    let error = read(
        r#"{"userid":"li","status":"gone"}"#,
        &ExternalUserId::from("wmA"),
    );
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "stored data cannot be read: a follow relation"
    );
    assert!(!format!("{error:?}").contains("gone"), "{error:?}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("unknown variant `gone`"), "{cause}");
}

proptest! {
    /// A row of the release before has whole seconds only: a listing that began in that second implies nothing.
    #[test]
    fn a_row_without_microseconds_is_not_older_than_its_second(at in 0..1_000_000_i64) {
        let text = write(&listed_at(instant(at))).unwrap();
        let mut row: serde_json::Value = serde_json::from_str(&text).unwrap();
        row.as_object_mut().unwrap().remove("observed_us").unwrap();
        let known = read(&row.to_string(), &ExternalUserId::from("wmA")).unwrap();
        prop_assert_eq!(known.missing(instant(999_999)).status(), Status::Active);
        prop_assert_eq!(known.missing(instant(1_000_000)).status(), Status::Lost);
    }

    /// The time of an observation reads back as it was written, as does an inferred end.
    #[test]
    fn an_instant_is_stored_to_the_microsecond(at in 0..2_000_000_i64, later in 0..2_000_000_i64) {
        let listed = listed_at(instant(at));
        let relation = listed.missing(instant(at + later));
        let text = write(&relation).unwrap();
        prop_assert_eq!(read(&text, &ExternalUserId::from("wmA")).unwrap(), relation);
    }
}
