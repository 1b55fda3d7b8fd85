//! What events make of a relation, in whatever order they come.

use wecom::{ExternalUserId, UserId};

use super::*;

mod observed;

const A: &str = "ch0000000000001";
const B: &str = "ch0000000000002";

fn change(at: i64, kind: ChangeKind) -> Change {
    Change {
        key: RelationKey::new(UserId::from("zhangsan"), ExternalUserId::from("wmA")),
        at: UnixSeconds(at),
        kind,
    }
}

fn add(at: i64, state: &str) -> Change {
    change(
        at,
        ChangeKind::Added {
            state: (!state.is_empty()).then(|| State::from(state)),
            half: false,
        },
    )
}

fn half(at: i64, state: &str) -> Change {
    change(
        at,
        ChangeKind::Added {
            state: Some(State::from(state)),
            half: true,
        },
    )
}

fn left(at: i64) -> Change {
    change(at, ChangeKind::CustomerLeft)
}

fn removed(at: i64) -> Change {
    change(at, ChangeKind::MemberRemoved)
}

fn after(changes: &[Change]) -> Relation {
    let mut relation = None;
    for change in changes {
        relation = Some(change.apply(relation.as_ref()));
    }
    relation.unwrap()
}

#[test]
fn the_newest_event_decides_in_whatever_order_they_come() {
    let cases: [(&[Change], Status, i64); 6] = [
        (&[add(1, A)], Status::Active, 1),
        (&[add(1, A), left(5)], Status::Lost, 5),
        (&[left(5), add(1, A)], Status::Lost, 5),
        (&[add(1, A), left(5), add(9, B)], Status::Active, 9),
        (&[add(9, B), left(5), add(1, A)], Status::Active, 9),
        (&[add(5, A), removed(5)], Status::Removed, 5),
    ];
    for (changes, status, at) in cases {
        let relation = after(changes);
        assert_eq!(
            (relation.status(), relation.lifecycle.known_at()),
            (status, UnixSeconds(at)),
            "{changes:?}"
        );
    }
}

#[test]
fn repeating_a_change_changes_nothing() {
    for changes in [
        vec![add(1, A)],
        vec![half(1, A), add(1, A)],
        vec![add(1, A), left(5)],
        vec![left(5), add(1, A)],
    ] {
        let once = after(&changes);
        let twice: Vec<_> = changes
            .iter()
            .flat_map(|change| [change.clone(), change.clone()])
            .collect();
        assert_eq!(after(&twice), once, "{changes:?}");
        assert_eq!(changes.last().unwrap().apply(Some(&once)), once);
    }
}

#[test]
fn a_full_add_without_state_keeps_the_channel_of_the_half_add() {
    let relation = after(&[half(1, A), add(3, "")]);
    assert_eq!(relation.channel(), ChannelId::parse(A).as_ref());
    assert!(!relation.lifecycle.is_unconfirmed());
    assert_eq!(
        relation.lifecycle.added_at,
        Some(UnixSeconds(1)),
        "the half add counts as the add"
    );
    assert!(after(&[half(1, A)]).lifecycle.is_unconfirmed());
    assert!(
        !after(&[add(3, A), half(1, A)]).lifecycle.is_unconfirmed(),
        "a late half add does not undo the confirmation"
    );
}

#[test]
fn the_last_way_used_is_the_attribution() {
    assert_eq!(
        after(&[add(1, A), left(2), add(3, B)]).channel(),
        ChannelId::parse(B).as_ref()
    );
    assert_eq!(
        after(&[add(3, B), add(1, A)]).channel(),
        ChannelId::parse(B).as_ref()
    );
    let foreign = after(&[add(1, "another-tool")]);
    let attribution = foreign.attribution.unwrap();
    assert_eq!(
        (attribution.channel, attribution.state),
        (None, Some(State::from("another-tool")))
    );
}

#[test]
fn leaving_counts_to_the_channel_that_brought_the_customer_before() {
    let loss = |changes: &[Change]| {
        after(changes)
            .loss()
            .map(|(channel, at)| (channel.to_string(), at.get()))
    };
    assert_eq!(loss(&[add(1, A), left(5)]), Some((A.into(), 5)));
    assert_eq!(
        loss(&[left(5), add(1, A)]),
        Some((A.into(), 5)),
        "out of order"
    );
    assert_eq!(
        loss(&[add(1, A), left(5), add(9, B)]),
        None,
        "B has lost nobody"
    );
    assert_eq!(
        loss(&[add(1, A), removed(5)]),
        None,
        "the member removed the customer"
    );
    assert_eq!(loss(&[add(1, ""), left(5)]), None, "no channel");
}

#[test]
fn the_channel_of_an_earlier_relation_is_not_the_present_one() {
    assert_eq!(
        after(&[half(1, A), add(3, "")]).present_channel(),
        ChannelId::parse(A).as_ref()
    );
    assert_eq!(
        after(&[add(1, A), left(5), add(9, "")]).present_channel(),
        None
    );
}

#[test]
fn a_new_start_has_no_tags_of_the_old_one() {
    let mut relation = after(&[add(1, A)]);
    relation.tags.current = vec![TagId::from("et1")];
    assert_eq!(add(1, A).apply(Some(&relation)).tags.current.len(), 1);
    let again = add(9, A).apply(Some(&left(5).apply(Some(&relation))));
    assert!(again.tags.current.is_empty());
    assert_eq!(again.lifecycle.added_at, Some(UnixSeconds(9)));
}
