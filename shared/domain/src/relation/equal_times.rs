//! Properties of readings and conclusions that fall into one second, or into one microsecond: two passes over a member
//! conclude what the second of them alone would.

use jiff::Timestamp;
use proptest::prelude::*;
use wecom::api::contact::{ExternalContact, FollowUser};
use wecom::{ExternalUserId, State, TagId, UserId};

use super::{Change, ChangeKind, Observation, Relation, RelationKey, Status};
use crate::instant::UnixSeconds;

/// The first microsecond of the second that everything here happens in or around.
const SECOND: i64 = 1_700_000_000_000_000;
const CHANNELS: [&str; 2] = ["ch0000000000001", "ch0000000000002"];

/// What a complete pass finds of the relation.
#[derive(Debug, Clone, PartialEq)]
enum Found {
    Listed { tags: usize },
    Missing,
}

/// A pass: when it began, and what it found.
#[derive(Debug, Clone)]
struct Pass {
    at: i64,
    found: Found,
}

fn instant(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(SECOND + microseconds).unwrap()
}

impl Pass {
    fn apply(&self, before: Option<&Relation>) -> Option<Relation> {
        match &self.found {
            Found::Missing => before.map(|before| before.missing(instant(self.at))),
            Found::Listed { tags } => {
                let follow = FollowUser {
                    user_id: UserId::from("zhangsan"),
                    createtime: SECOND / 1_000_000 - 1_000,
                    state: State::from(CHANNELS[0]),
                    tag_id: (0..*tags)
                        .map(|tag| TagId::from(format!("et{tag}")))
                        .collect(),
                    ..FollowUser::default()
                };
                Some(Relation::observed(
                    before,
                    &listed(follow),
                    instant(self.at),
                ))
            }
        }
    }
}

fn listed(follow: FollowUser) -> Observation {
    let contact = ExternalContact {
        external_user_id: ExternalUserId::from("wmA"),
        ..ExternalContact::default()
    };
    Observation { contact, follow }
}

fn apply(passes: &[Pass], before: Option<Relation>) -> Option<Relation> {
    passes
        .iter()
        .fold(before, |before, pass| pass.apply(before.as_ref()))
}

/// An add that an event reported well before.
fn added() -> Relation {
    let add = Change {
        key: RelationKey::new(UserId::from("zhangsan"), ExternalUserId::from("wmA")),
        at: UnixSeconds(SECOND / 1_000_000 - 1_000),
        kind: ChangeKind::Added {
            state: Some(State::from(CHANNELS[0])),
            half: false,
        },
    };
    add.apply(None)
}

fn found() -> impl Strategy<Value = Found> {
    prop_oneof![
        (0..3_usize).prop_map(|tags| Found::Listed { tags }),
        Just(Found::Missing),
    ]
}

/// Passes one after another, each of which begins after the one before it, all within a second or little more.
fn passes() -> impl Strategy<Value = Vec<Pass>> {
    let gap = prop_oneof![Just(1_i64), 1..1_000_i64, 1..600_000_i64];
    prop::collection::vec((gap, found()), 1..6).prop_map(|passes| {
        let mut at = 0;
        let pass = |(gap, found)| {
            at += gap;
            Pass { at, found }
        };
        passes.into_iter().map(pass).collect()
    })
}

/// What a conclusion of the copy is: whether the relation holds, and its tags while it does.
fn conclusion(relation: Option<&Relation>) -> Option<(Status, Vec<TagId>)> {
    let relation = relation?;
    let active = relation.status() == Status::Active;
    let tags = if active {
        relation.tags.current.clone()
    } else {
        Vec::new()
    };
    Some((relation.status(), tags))
}

proptest! {
    /// However little time is between them, the last pass decides.
    #[test]
    fn passes_within_a_second_conclude_what_the_last_alone_would(passes in passes()) {
        let all = apply(&passes, Some(added()));
        let last = apply(&passes[passes.len() - 1..], Some(added()));
        prop_assert_eq!(conclusion(all.as_ref()), conclusion(last.as_ref()));
    }

    /// What is written late counts as of the time at which it was asked for.
    #[test]
    fn a_reading_that_is_written_late_undoes_nothing_newer(passes in passes(), late in 0..6_usize) {
        let late = late % passes.len();
        let in_order = apply(&passes, Some(added()));
        let again = passes[late].apply(in_order.as_ref());
        prop_assert_eq!(again, in_order);
    }

    /// Of a reading and a conclusion of the same microsecond nobody knows which was first: the relation stays.
    #[test]
    fn at_equal_times_a_relation_that_is_listed_is_not_lost(at in 0..2_000_000_i64, tags in 0..3_usize) {
        let listed = Pass { at, found: Found::Listed { tags } };
        let missing = Pass { at, found: Found::Missing };
        for passes in [[listed.clone(), missing.clone()], [missing, listed]] {
            let after = apply(&passes, Some(added())).unwrap();
            prop_assert_eq!(after.status(), Status::Active);
            prop_assert_eq!(after.tags.current.len(), tags);
        }
    }

    /// An event has no finer time than its second, so it wins over every pass that began in that second or before.
    #[test]
    fn a_pass_does_not_undo_an_event_of_its_second(passes in passes(), left in any::<bool>()) {
        let second = passes.iter().map(|pass| UnixSeconds::of(instant(pass.at))).max().unwrap();
        let kind = match left {
            true => ChangeKind::CustomerLeft,
            false => ChangeKind::MemberRemoved,
        };
        let end = Change { at: second, kind, ..change_of(&added()) };
        let reported = end.apply(Some(&added()));
        let status = apply(&passes, Some(reported.clone())).unwrap().status();
        prop_assert_eq!(status, reported.status());
    }
}

fn change_of(relation: &Relation) -> Change {
    Change {
        key: relation.key.clone(),
        at: relation.lifecycle.known_at(),
        kind: ChangeKind::CustomerLeft,
    }
}

/// An add that an event reported in the first second of these tests, by another channel.
fn added_again() -> Change {
    Change {
        at: UnixSeconds(SECOND / 1_000_000),
        kind: ChangeKind::Added {
            state: Some(State::from(CHANNELS[1])),
            half: false,
        },
        ..change_of(&added())
    }
}

#[test]
fn an_add_of_the_second_of_a_conclusion_is_the_newer_of_the_two() {
    let lost = added().missing(instant(300_000));
    let again = added_again().apply(Some(&lost));
    assert_eq!(
        (again.status(), again.lifecycle.end_is_inferred()),
        (Status::Active, false)
    );
    assert_eq!(
        again.lifecycle.added_at,
        Some(UnixSeconds(SECOND / 1_000_000))
    );
    assert_eq!(
        again.attribution.as_ref().unwrap().state,
        Some(State::from(CHANNELS[1]))
    );
    assert_eq!(
        added_again().apply(Some(&again)),
        again,
        "it may come again"
    );
}

#[test]
fn a_new_start_that_is_read_in_the_second_of_a_conclusion_has_no_tags_of_the_old_one() {
    let tagged = added().tagged(&[TagId::from("et9")], instant(1));
    let lost = tagged.missing(instant(300_000));
    let follow = FollowUser {
        user_id: UserId::from("zhangsan"),
        createtime: SECOND / 1_000_000,
        ..FollowUser::default()
    };
    let read = Relation::observed(Some(&lost), &listed(follow), instant(700_000));
    assert_eq!(
        (read.status(), read.lifecycle.added_at),
        (Status::Active, Some(UnixSeconds(SECOND / 1_000_000)))
    );
    assert!(read.tags.applied_by_bundle.is_empty());
}

/// Nobody knows which was first, and the next reconcile concludes it.
#[test]
fn a_relation_that_began_in_the_second_of_a_reading_is_not_lost_by_it() {
    let begun = added_again().apply(None);
    assert_eq!(begun.missing(instant(900_000)), begun);
    assert_eq!(begun.missing(instant(1_000_000)).status(), Status::Lost);
}
