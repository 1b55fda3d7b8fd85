//! Shifts against an oracle that lists every slot, and the cases that today's systems get wrong.

use proptest::prelude::*;

use super::*;

fn schedule(json: &str) -> Schedule {
    serde_json::from_str(json).unwrap()
}

fn users(names: &str) -> Vec<UserId> {
    names.split_whitespace().map(UserId::from).collect()
}

fn local(text: &str) -> DateTime {
    text.parse().unwrap()
}

/// Who of `a b c` is on duty, with `full` of them full.
fn on_duty(schedule: &Schedule, now: &str, full: &str) -> String {
    let full = users(full);
    let list = schedule.on_duty(&users("a b c"), local(now), &|user| full.contains(user));
    let names: Vec<_> = list.iter().map(UserId::as_str).collect();
    names.join(" ")
}

#[test]
fn members_stand_in_the_channels_order_and_the_backup_stands_when_nobody_does() {
    // 2026-11-23 is a Monday.
    let weekdays = schedule(
        r#"{"shifts": [
            {"users": ["C"], "from": "08:00", "to": "12:00"},
            {"users": ["b", "a"], "weekdays": [1], "from": "09:00", "to": "18:00"},
            {"weekdays": ["tue"]}
        ], "backup": ["z", "y"]}"#,
    );
    for (now, full, expected) in [
        ("2026-11-23T08:00", "", "c"),
        ("2026-11-23T09:00", "", "a b c"),
        ("2026-11-23T09:00", "b", "a c"),
        ("2026-11-23T12:00", "", "a b"),
        ("2026-11-23T12:00", "a b", "z y"),
        ("2026-11-23T18:00", "", "z y"),
        ("2026-11-24T03:00", "", "a b c"),
        ("2026-11-25T07:59:59", "", "z y"),
    ] {
        assert_eq!(
            on_duty(&weekdays, now, full),
            expected,
            "{now} without {full}"
        );
    }
}

#[test]
fn a_shift_over_midnight_is_of_the_day_on_which_it_begins() {
    let nights = schedule(
        r#"{"shifts": [
            {"users": ["a"], "weekdays": ["mon"], "from": "22:00", "to": "06:00"},
            {"users": ["b"], "dates": ["2026-10-01"], "from": "20:00", "to": "02:00"},
            {"users": ["c"], "from": "21:00", "to": "03:00"}
        ], "holidays": ["2026-10-01", "2026-11-24"], "backup": ["z"]}"#,
    );
    for (now, expected) in [
        // The night before the holiday runs on into it; the holiday's own night is for who names the date.
        ("2026-09-30T21:00", "c"),
        ("2026-10-01T02:59", "c"),
        ("2026-10-01T03:00", "z"),
        ("2026-10-01T19:59", "z"),
        ("2026-10-01T21:00", "b"),
        ("2026-10-02T01:59", "b"),
        // This is of the slot that began on the holiday, although the day is none.
        ("2026-10-02T02:00", "z"),
        ("2026-10-02T21:00", "c"),
        // Monday's night holds on Tuesday, which is a holiday, and nobody's night begins then.
        ("2026-11-24T05:59", "a"),
        ("2026-11-24T06:00", "z"),
        ("2026-11-24T22:00", "z"),
        ("2026-11-25T02:59", "z"),
    ] {
        assert_eq!(on_duty(&nights, now, ""), expected, "{now}");
    }
}

#[test]
fn limits_without_shifts_hold_until_the_day_ends() {
    let limited = schedule(r#"{"daily_limit": 3, "daily_limits": {"B": 5}, "backup": ["c"]}"#);
    let limits = ["a", "b", "C"].map(|user| limited.limit_of(&UserId::from(user)));
    assert_eq!(limits, [Some(3), Some(5), Some(3)]);
    assert_eq!(on_duty(&limited, "2026-11-23T12:00", ""), "a b c");
    // The backup has no limit, even if it is one of the members.
    assert_eq!(on_duty(&limited, "2026-11-23T12:00", "a b c"), "c");
    for now in ["2026-11-23T00:00", "2026-11-23T23:59:59"] {
        assert_eq!(
            limited.next_change(local(now)),
            Some(local("2026-11-24T00:00"))
        );
    }
    let one = schedule(r#"{"daily_limits": {"b": 5}, "backup": ["c"]}"#);
    assert_eq!(one.limit_of(&UserId::from("a")), None);
}

#[test]
fn the_next_change_is_the_next_that_the_clock_brings() {
    let next = |schedule: &Schedule, now| schedule.next_change(local(now)).map(|at| at.to_string());
    let office = schedule(
        r#"{"shifts": [{"weekdays": [1,2,3,4,5], "from": "09:00", "to": "18:00"}],
            "holidays": ["2026-11-24"], "backup": ["z"]}"#,
    );
    for (now, expected) in [
        ("2026-11-23T08:59:30", "2026-11-23T09:00:00"),
        ("2026-11-23T09:00", "2026-11-23T18:00:00"),
        // Tuesday is a holiday, and after Friday comes Monday.
        ("2026-11-23T18:00", "2026-11-25T09:00:00"),
        ("2026-11-27T18:00", "2026-11-30T09:00:00"),
    ] {
        assert_eq!(next(&office, now).as_deref(), Some(expected), "{now}");
    }
    // Midnight itself changes nothing for a slot that runs over it.
    let night = schedule(r#"{"shifts": [{"from": "22:00", "to": "06:00"}], "backup": ["z"]}"#);
    assert_eq!(
        next(&night, "2026-11-23T23:00").as_deref(),
        Some("2026-11-24T06:00:00")
    );
    assert_eq!(
        next(&night, "2026-11-24T05:59").as_deref(),
        Some("2026-11-24T06:00:00")
    );
    // Nothing changes for long, and it is looked at again after a week.
    let always = schedule(r#"{"shifts": [{"users": ["a"]}], "backup": ["z"]}"#);
    assert_eq!(
        next(&always, "2026-11-23T23:00").as_deref(),
        Some("2026-12-01T00:00:00")
    );
    assert_eq!(
        Schedule::default().next_change(local("2026-11-23T23:00")),
        None
    );
}

#[test]
fn a_changed_clock_is_looked_at_again() {
    let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
    let now: Timestamp = "2026-11-23T01:00:00Z".parse().unwrap();
    let until = recheck_at(local("2026-11-23T18:00"), now, &shanghai);
    let shown: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
    assert_eq!(until, UnixSeconds::of(shown));

    // In New York 02:00 to 03:00 is skipped on 2026-03-08, and 01:00 to 02:00 comes twice on 2026-11-01.
    let new_york = TimeZone::get("America/New_York").unwrap();
    let slot = schedule(r#"{"shifts": [{"from": "01:30", "to": "02:30"}], "backup": ["z"]}"#);
    for eve in ["2026-03-08T04:00:00Z", "2026-11-01T04:00:00Z"] {
        let eve: Timestamp = eve.parse().unwrap();
        let list = |at| slot.on_duty(&users("a"), new_york.to_datetime(at), &|_| false);
        let mut looked = eve;
        let mut looks = 0;
        for minutes in 0..6 * 60 {
            let now = eve + jiff::SignedDuration::from_mins(minutes);
            let next = slot.next_change(new_york.to_datetime(looked)).unwrap();
            if recheck_at(next, looked, &new_york) <= UnixSeconds::of(now) {
                looked = now;
                looks += 1;
            }
            assert_eq!(list(now), list(looked), "{now}");
        }
        assert!(looks <= 5, "{looks}");
    }
}

#[test]
fn what_is_not_a_schedule_is_refused_with_the_name_of_the_field() {
    let many = |size: usize, one: &str| vec![one; size].join(",");
    for (json, field) in [
        ("{}".to_owned(), ""),
        (r#"{"backup": ["z"]}"#.into(), ""),
        (
            r#"{"daily_limit": 1, "holidays": ["2026-10-01"], "backup": ["z"]}"#.into(),
            "holidays",
        ),
        (r#"{"daily_limit": 1}"#.into(), "backup"),
        (r#"{"shifts": [{}]}"#.into(), "backup"),
        (
            r#"{"daily_limit": 1, "backup": ["z z"]}"#.into(),
            "backup[0]",
        ),
        (
            r#"{"daily_limit": 1, "backup": ["z", "Z"]}"#.into(),
            "backup[1]",
        ),
        (
            r#"{"daily_limit": 1, "backup": ["u", "v", "w", "x"]}"#.into(),
            "backup",
        ),
        (
            r#"{"daily_limit": 0, "backup": ["z"]}"#.into(),
            "daily_limit",
        ),
        (
            r#"{"daily_limits": {"a": 0}, "backup": ["z"]}"#.into(),
            "daily_limits.a",
        ),
        (
            r#"{"daily_limits": {"z": 1}, "backup": ["z"]}"#.into(),
            "daily_limits.z",
        ),
        (
            r#"{"shifts": [{"users": []}], "backup": ["z"]}"#.into(),
            "shifts[0].users",
        ),
        (
            r#"{"shifts": [{}, {"users": ["a", "z"]}], "backup": ["z"]}"#.into(),
            "shifts[1].users[1]",
        ),
        (
            r#"{"shifts": [{"from": "09:00", "to": "09:00"}], "backup": ["z"]}"#.into(),
            "shifts[0].to",
        ),
        (
            format!(r#"{{"shifts": [{}], "backup": ["z"]}}"#, many(51, "{}")),
            "shifts",
        ),
        (
            format!(
                r#"{{"shifts": [{{}}], "holidays": [{}], "backup": ["z"]}}"#,
                many(367, r#""2026-10-01""#)
            ),
            "holidays",
        ),
    ] {
        let fault = schedule(&json).check(&users("a b c"), 6).expect_err(&json);
        assert_eq!(fault.field, field, "{json}: {fault}");
    }
    // Who is a member and a backup is one of WeCom's people.
    let both = schedule(r#"{"daily_limit": 1, "backup": ["A", "x", "y", "z"]}"#);
    both.check(&users("a b c"), 6).unwrap();
    for json in [
        r#"{"daily_limits": {"a": 1, "A": 2}, "backup": ["z"]}"#,
        r#"{"daily_limits": {"a": -1}, "backup": ["z"]}"#,
        r#"{"shifts": [{"user": ["a"]}], "backup": ["z"]}"#,
        r#"{"shift": [], "backup": ["z"]}"#,
    ] {
        assert!(serde_json::from_str::<Schedule>(json).is_err(), "{json}");
    }
}

#[test]
fn what_is_stored_reads_back_the_same() {
    let text = concat!(
        r#"{"shifts":[{"users":["a"],"weekdays":[1],"from":"22:00","to":"06:00"},{"dates":["2026-10-01"]}],"#,
        r#""holidays":["2026-10-01"],"daily_limit":9,"daily_limits":{"a":3},"backup":["z"]}"#,
    );
    assert_eq!(serde_json::to_string(&schedule(text)).unwrap(), text);
}

/// A shift of some members with any slot, on weekdays, on dates near the middle of 2026, or on all days.
fn shift() -> impl Strategy<Value = Shift> {
    let slot = (0..=24 * 4u32, 0..=24 * 4u32);
    let slot = slot.prop_filter("a slot has a length", |(from, to)| from != to);
    let some = proptest::collection::vec(0..3usize, 0..3);
    let weekdays = proptest::collection::vec(1..=7, 0..3);
    let dates = proptest::collection::vec(day(), 0..3);
    (slot, some, weekdays, dates).prop_map(|((from, to), some, weekdays, dates)| {
        let time = |quarter: u32| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15);
        let mut json = serde_json::json!({
            "from": time(from), "to": time(to), "weekdays": weekdays, "dates": dates,
        });
        if !some.is_empty() {
            let names = some.iter().map(|at| ["a", "b", "c"][*at]);
            json["users"] = names.collect::<Vec<_>>().into();
        }
        serde_json::from_value(json).unwrap()
    })
}

fn day() -> impl Strategy<Value = Date> {
    (1..=14i8).prop_map(|day| jiff::civil::date(2026, 6, day))
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let shifts = proptest::collection::vec(shift(), 0..4);
    let holidays = proptest::collection::vec(day(), 0..3);
    let limit = proptest::option::of(1..9u32);
    (shifts, holidays, limit).prop_map(|(shifts, holidays, daily_limit)| Schedule {
        shifts,
        holidays,
        daily_limit,
        daily_limits: BTreeMap::new(),
        backup: users("z"),
    })
}

/// The members whose shift has a slot around `now`, found by listing the slots of three days.
fn by_listing(schedule: &Schedule, now: DateTime) -> Vec<UserId> {
    let has_slot = |shift: &Shift| {
        [-1, 0, 1].into_iter().any(|days| {
            let day = now.date().saturating_add(Span::new().days(days));
            let [from, to] = shift.when.edges(day);
            let weekday = Weekday::of(day);
            let when = &shift.when;
            let is_day = (when.weekdays.is_empty() || when.weekdays.contains(&weekday))
                && (when.dates.is_empty() || when.dates.contains(&day));
            let works = !schedule.holidays.contains(&day) || when.dates.contains(&day);
            is_day && works && from <= now && now < to
        })
    };
    let mut members = users("a b c");
    members.retain(|user| {
        let mut own = schedule.shifts.iter().filter(|shift| shift.is_of(user));
        schedule.shifts.is_empty() || own.any(has_slot)
    });
    members
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_list_is_that_of_the_slots_and_stays_until_the_next_change(
        schedule in any_schedule(),
        day in day(),
        minute in 0..24 * 60i64,
        full in 0..8u8,
    ) {
        let members = users("a b c");
        let full = |user: &UserId| {
            let at = members.iter().position(|member| member == user).unwrap();
            full >> at & 1 == 1
        };
        let now = day.to_datetime(Time::midnight()) + jiff::SignedDuration::from_mins(minute);
        let list = schedule.on_duty(&members, now, &full);
        let mut expected = by_listing(&schedule, now);
        expected.retain(|user| !full(user));
        if expected.is_empty() {
            expected = users("z");
        }
        prop_assert_eq!(&list, &expected);

        let Some(next) = schedule.next_change(now) else {
            prop_assert!(schedule.shifts.is_empty() && schedule.daily_limit.is_none());
            return Ok(());
        };
        prop_assert!(next > now && next.second() == 0);
        let mut at = now;
        while at < next {
            prop_assert_eq!(&schedule.on_duty(&members, at, &full), &list, "{} before {}", at, next);
            at += jiff::SignedDuration::from_mins(1);
        }
        if schedule.daily_limit.is_some() {
            prop_assert!(next <= now.date().tomorrow().unwrap().to_datetime(Time::midnight()));
        }
    }
}
