//! What readings of WeCom make of a relation, before, between and after its events.

use jiff::Timestamp;
use wecom::api::contact::{ExternalContact, FollowUser};

use super::*;

/// The beginning of a second.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn seen(createtime: i64, state: &str) -> FollowUser {
    FollowUser {
        user_id: UserId::from("zhangsan"),
        createtime,
        state: State::from(state),
        remark: "王".into(),
        tag_id: vec![TagId::from("et2"), TagId::from("et1")],
        ..FollowUser::default()
    }
}

fn observe(before: Option<&Relation>, seen: &FollowUser, at: i64) -> Relation {
    let row = Observation {
        contact: ExternalContact {
            external_user_id: ExternalUserId::from("wmA"),
            ..ExternalContact::default()
        },
        follow: seen.clone(),
    };
    Relation::observed(before, &row, second(at))
}

#[test]
fn what_no_event_reported_is_taken_from_a_reading() {
    let relation = observe(None, &seen(7, A), 100);
    assert_eq!(relation.status(), Status::Active);
    assert_eq!(
        (
            relation.lifecycle.added_at,
            relation.attribution.as_ref().map(|way| way.since),
            relation.snapshot.observed_at
        ),
        (
            Some(UnixSeconds(7)),
            Some(UnixSeconds(7)),
            Some(second(100))
        )
    );
    assert_eq!(relation.present_channel(), ChannelId::parse(A).as_ref());
    assert_eq!(
        relation.tags.current,
        [TagId::from("et1"), TagId::from("et2")]
    );
    assert_eq!(
        observe(Some(&relation), &seen(7, A), 200),
        relation,
        "the same again changes nothing, not even the time"
    );
}

#[test]
fn a_reading_confirms_a_half_add_and_keeps_what_events_reported() {
    let before = after(&[half(5, A)]);
    let confirmed = observe(Some(&before), &seen(6, A), 100);
    assert!(!confirmed.lifecycle.is_unconfirmed());
    assert_eq!(
        (
            confirmed.lifecycle.added_at,
            confirmed.attribution.map(|way| way.since)
        ),
        (Some(UnixSeconds(5)), Some(UnixSeconds(5)))
    );
}

#[test]
fn an_older_reading_never_undoes_what_is_known_since() {
    let newer = observe(None, &seen(7, B), 100);
    assert_eq!(observe(Some(&newer), &seen(7, A), 99), newer);
    let gone = after(&[add(1, A), removed(150)]);
    assert_eq!(observe(Some(&gone), &seen(1, A), 149), gone);
    let tagged = after(&[add(1, A)]).tagged(&[TagId::from("et9")], second(120));
    assert_eq!(observe(Some(&tagged), &seen(1, A), 119), tagged);
}

#[test]
fn being_listed_undoes_a_removal_and_not_a_loss() {
    let cases = [
        (vec![add(1, A), left(50)], 1, Status::Lost),
        (vec![add(1, A), left(50)], 60, Status::Active),
        (vec![add(1, A), removed(50)], 1, Status::Active),
        (vec![add(1, A), removed(50)], 60, Status::Active),
    ];
    for (changes, createtime, status) in cases {
        let observed = observe(Some(&after(&changes)), &seen(createtime, A), 100);
        assert_eq!(
            observed.status(),
            status,
            "{changes:?}, created {createtime}"
        );
    }
}

#[test]
fn a_reading_of_the_second_of_an_end_updates_the_rest() {
    for end in [left(50), removed(50)] {
        let before = after(&[add(1, A), end.clone()]);
        let observed = observe(Some(&before), &seen(1, A), 50);
        assert_eq!(observed.lifecycle.stage, before.lifecycle.stage);
        assert_eq!(observed.snapshot.follow.remark.expose(), "王");
        if before.status() == Status::Lost {
            let later = observe(Some(&observed), &seen(1, A), 60);
            assert_eq!(later, observed, "nothing is left to be learnt");
        }
    }
}

#[test]
fn a_relation_missing_in_a_complete_listing_is_lost_until_seen_or_reported() {
    let before = after(&[add(1, A)]);
    let missing = before.missing(second(100));
    assert_eq!(
        missing.lifecycle,
        Lifecycle {
            stage: Stage::Lost {
                at: UnixSeconds(100),
                evidence: Evidence::Inferred
            },
            ..before.lifecycle
        }
    );
    assert_eq!(
        missing.loss(),
        None,
        "who ended it is not known, so it counts for nobody"
    );
    assert_eq!(missing.missing(second(200)), missing);
    assert_eq!(
        observe(Some(&missing), &seen(1, A), 200).status(),
        Status::Active
    );
    let reported = removed(60).apply(Some(&missing));
    assert_eq!(
        reported.lifecycle.stage,
        Stage::Removed {
            at: UnixSeconds(60)
        },
        "the event came late"
    );
    assert_eq!(
        add(90, B).apply(Some(&missing)).status(),
        Status::Lost,
        "an older add"
    );
    assert_eq!(add(101, B).apply(Some(&missing)).status(), Status::Active);
}

#[test]
fn a_relation_reported_during_a_listing_is_not_missing_in_it() {
    for relation in [
        after(&[add(100, A)]),
        after(&[half(1, A)]),
        observe(None, &seen(1, A), 100),
        after(&[add(1, A), left(5)]),
    ] {
        assert_eq!(relation.missing(second(100)), relation);
    }
}

#[test]
fn a_tag_that_a_person_removed_is_not_lacking() {
    let [one, two, three] = ["et1", "et2", "et3"].map(TagId::from);
    let relation = after(&[add(1, A)]).tagged(&[one.clone(), two.clone()], second(50));
    let mut seen = seen(1, A);
    seen.tag_id = vec![two.clone()];
    let relation = observe(Some(&relation), &seen, 100);
    assert_eq!(relation.tags.current, std::slice::from_ref(&two));
    assert_eq!(relation.lacks(&[one.clone(), two, three.clone()]), [three]);
    let again = add(300, A).apply(Some(&left(200).apply(Some(&relation))));
    assert_eq!(
        again.lacks(std::slice::from_ref(&one)),
        [one],
        "a new relation begins anew"
    );
}

#[test]
fn an_add_is_one_change_with_everything_that_its_handling_found() {
    let channel = ChannelId::parse(A).unwrap();
    let add_of = |channel: &ChannelId| Counted {
        channel: channel.clone(),
        day: jiff::civil::date(2026, 11, 23),
    };
    let read = Observation {
        contact: ExternalContact::default(),
        follow: FollowUser {
            remark: "王小明".into(),
            tag_id: vec![TagId::from("et2")],
            ..seen(10, A)
        },
    };
    let record = AddRecord {
        read: Some((read, second(11))),
        tagged: Some((vec![TagId::from("et1")], second(12))),
        remark: Some("王小明-展会".to_owned()),
        ..AddRecord::new(add(10, A), Some(add_of(&channel)))
    };
    let relation = record.apply(None);
    assert_eq!(
        relation.tags.current,
        [TagId::from("et1"), TagId::from("et2")]
    );
    assert_eq!(relation.tags.applied_by_bundle, [TagId::from("et1")]);
    assert_eq!(
        relation.snapshot.follow.remark.expose(),
        "王小明-展会",
        "ours is the newer one"
    );
    assert_eq!(
        (relation.snapshot.observed_at, relation.lifecycle.added_at),
        (Some(second(12)), Some(UnixSeconds(10)))
    );
    assert!(relation.counts(&channel) && relation.snapshot.contact.is_some());
    assert_eq!(record.apply(Some(&relation)), relation, "it may come again");

    // Another channel's add counts by a row of its own, and the first one's stays.
    let other = ChannelId::parse(B).unwrap();
    let again = AddRecord::new(add(20, B), Some(add_of(&other)));
    let relation = again.apply(Some(&relation));
    assert!(relation.counts(&channel) && !relation.counts(&other));
    assert_eq!(relation.channel(), Some(&other));

    // One that had no channel before counts with the relation.
    let found = add(1, "").apply(None);
    let relation = AddRecord::new(add(5, B), Some(add_of(&other))).apply(Some(&found));
    assert!(relation.counts(&other));
}
