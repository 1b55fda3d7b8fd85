//! What a channel may be, and what is refused.

use super::*;

fn spec(json: &str) -> ChannelSpec {
    serde_json::from_str(json).unwrap()
}

#[test]
fn ids_fit_wecoms_limits_and_read_back() {
    for bits in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
        let id = ChannelId::from_random(bits);
        assert_eq!(id.as_str().len(), 15);
        assert_eq!(ChannelId::parse(id.as_str()), Some(id));
    }
    assert_ne!(ChannelId::from_random(1), ChannelId::from_random(1 << 63));
    for foreign in [
        "",
        "ch",
        "ch_001",
        "chABCDEFGHJKMNP",
        "ch0000000000000#",
        "xx0000000000000",
    ] {
        assert_eq!(ChannelId::parse(foreign), None, "{foreign}");
    }
}

#[test]
fn the_smallest_channel_gets_sane_defaults() {
    let channel = spec(r#"{"name":"展会","users":["zhangsan"]}"#);
    channel.check().unwrap();
    assert!(channel.skip_verify);
    assert_eq!(channel.kind, ChannelKind::ContactWay);
}

#[test]
fn limits_name_the_field() {
    let many = |n: usize| {
        (0..n)
            .map(|i| format!("\"u{i}\""))
            .collect::<Vec<_>>()
            .join(",")
    };
    let cases = [
        (r#"{"name":" ","users":["a"]}"#.to_owned(), "name"),
        (format!(r#"{{"name":"{}","users":["a"]}}"#, "名".repeat(31)), "name"),
        (r#"{"name":"n"}"#.into(), "users"),
        (format!(r#"{{"name":"n","users":[{}]}}"#, many(101)), "users"),
        (format!(r#"{{"name":"n","kind":"acquisition_link","users":[{}]}}"#, many(501)), "users"),
        (r#"{"name":"n","users":["a","b c"]}"#.into(), "users[1]"),
        (r#"{"name":"n","users":["Zhang","zhang"]}"#.into(), "users[1]"),
        (r#"{"name":"n","users":["a"],"tag_ids":["et1",""]}"#.into(), "tag_ids[1]"),
        (format!(r#"{{"name":"n","users":["a"],"remark":"{}{{customer}}"}}"#, "注".repeat(21)), "remark"),
        (r#"{"name":"n","users":["a"],"remark":"{member}"}"#.into(), "remark"),
        (format!(r#"{{"name":"n","users":["a"],"description":"{}"}}"#, "描".repeat(151)), "description"),
        (
            r#"{"name":"n","users":["a"],"welcome":{"variants":[{"from":"10:00","to":"10:00","text":"x"}]}}"#.into(),
            "welcome.variants[0].to",
        ),
    ];
    for (json, field) in cases {
        let fault = spec(&json).check().expect_err(&json);
        assert_eq!(fault.field, field, "{fault}");
    }
    assert!(
        spec(&format!(
            r#"{{"name":"n","kind":"acquisition_link","users":[{}]}}"#,
            many(500)
        ))
        .check()
        .is_ok()
    );
}

#[test]
fn a_channel_is_due_for_its_duty_or_its_media_whichever_is_first() {
    let picture = r#"{"msgtype":"image","image":{"source":"https://a/b.png","uploaded_at":1000}}"#;
    let mut channel: Channel = serde_json::from_str(&format!(
        r#"{{"id":"ch0000000000000","app":"contact","version":1,"created_at":1,"updated_at":1,
            "spec":{{"name":"n","users":["a","b"],"welcome":{{"text":"t","attachments":[{picture}]}}}},
            "remote":{{"remote":"contact_way","config_id":"c","qr_code":""}}}}"#
    ))
    .unwrap();
    assert_eq!(channel.members(), channel.spec.users);
    let media = UnixSeconds(1000 + 2 * 24 * 3600);
    let (before, after) = (media.plus_seconds(-1), media.plus_seconds(1));
    for (duty_until, due) in [(None, media), (Some(before), before), (Some(after), media)] {
        channel.duty_until = duty_until;
        assert_eq!(channel.due_at(), Some(due));
    }
    channel.on_duty = Some(vec!["b".into()]);
    assert_eq!(channel.members(), [UserId::from("b")]);
    let deleted_at = UnixSeconds(2);
    for gone in [Remote::Creating, Remote::Deleted { deleted_at }] {
        channel.remote = gone;
        assert_eq!(channel.due_at(), None);
    }
}
