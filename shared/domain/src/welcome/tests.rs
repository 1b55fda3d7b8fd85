//! Choice, limits and rendering of welcomes, as data.

use super::*;

fn welcome(json: &str) -> Welcome {
    serde_json::from_str(json).unwrap()
}

fn text(text: &str) -> Welcome {
    Welcome {
        text: Some(text.into()),
        ..Welcome::default()
    }
}

fn chosen_text(candidates: &Candidates, now: &str) -> Option<String> {
    let chosen = candidates.choose(now.parse().unwrap())?;
    chosen
        .render(Some("王小明"), Some("张三"))?
        .text
        .map(|text| text.content)
}

#[test]
fn the_channel_speaks_before_the_member_and_the_member_before_the_corp() {
    let channel = |welcome| {
        Some(ChannelWelcome {
            name: "展会".into(),
            welcome,
        })
    };
    let all = |c, m, k| Candidates {
        channel: c,
        member: m,
        corp: k,
        ..Candidates::default()
    };
    let cases = [
        (
            all(
                channel(Some(text("A{channel}"))),
                Some(text("B")),
                Some(text("C")),
            ),
            Some("A展会"),
        ),
        (
            all(channel(None), Some(text("B{channel}")), Some(text("C"))),
            Some("B展会"),
        ),
        (all(None, None, Some(text("C{channel}"))), Some("C")),
        (all(channel(None), None, None), None),
        (all(None, None, None), None),
    ];
    for (candidates, expected) in cases {
        assert_eq!(
            chosen_text(&candidates, "2026-11-23T12:00").as_deref(),
            expected
        );
    }
}

#[test]
fn the_first_variant_that_holds_replaces_the_base() {
    let with_night = welcome(
        r#"{"text":"day","variants":[
            {"dates":["2026-10-01"],"text":"holiday"},
            {"from":"18:00","to":"09:00","text":"night"}]}"#,
    );
    let candidates = Candidates {
        corp: Some(with_night),
        ..Candidates::default()
    };
    for (now, expected) in [
        ("2026-11-23T12:00", "day"),
        ("2026-11-23T23:00", "night"),
        ("2026-11-23T08:59", "night"),
        ("2026-10-01T23:00", "holiday"),
    ] {
        assert_eq!(
            chosen_text(&candidates, now).as_deref(),
            Some(expected),
            "{now}"
        );
    }
}

#[test]
fn a_channel_that_has_nothing_to_say_now_lets_the_default_speak() {
    let only_nights = welcome(r#"{"variants":[{"from":"18:00","to":"09:00","text":"night"}]}"#);
    let candidates = Candidates {
        channel: Some(ChannelWelcome {
            name: "c".into(),
            welcome: Some(only_nights),
        }),
        corp: Some(text("default")),
        ..Candidates::default()
    };
    assert_eq!(
        chosen_text(&candidates, "2026-11-23T12:00").as_deref(),
        Some("default")
    );
    assert_eq!(
        chosen_text(&candidates, "2026-11-23T20:00").as_deref(),
        Some("night")
    );
}

#[test]
fn names_are_asked_for_only_if_the_text_uses_them() {
    let now = "2026-11-23T12:00".parse().unwrap();
    for (words, customer, member) in [
        ("hi", false, false),
        ("{customer}", true, false),
        ("{member} {customer}", true, true),
    ] {
        let candidates = Candidates {
            corp: Some(text(words)),
            ..Candidates::default()
        };
        let chosen = candidates.choose(now).unwrap();
        assert_eq!(
            (chosen.names_customer(), chosen.names_member()),
            (customer, member),
            "{words}"
        );
    }
}

#[test]
fn a_name_never_pushes_the_text_over_the_limit() {
    let candidates = Candidates {
        corp: Some(text(&format!("{}{{customer}}", "a".repeat(3990)))),
        ..Candidates::default()
    };
    let content = chosen_text(&candidates, "2026-11-23T12:00").unwrap();
    assert_eq!(
        content.len(),
        3999,
        "three whole characters of three bytes fit into the last ten"
    );
}

#[test]
fn media_that_was_never_uploaded_is_left_out_and_the_rest_is_sent() {
    let mut picture = welcome(
        r#"{"text":"hi","attachments":[
            {"msgtype":"image","image":{"source":"https://example.com/a.png"}},
            {"msgtype":"link","link":{"title":"t","url":"https://example.com"}}]}"#,
    );
    picture.check().unwrap();
    let now = "2026-11-23T12:00".parse().unwrap();
    let message = |welcome: &Welcome| {
        let candidates = Candidates {
            corp: Some(welcome.clone()),
            ..Candidates::default()
        };
        candidates.choose(now).unwrap().render(None, None).unwrap()
    };
    assert_eq!(message(&picture).attachments.len(), 1);
    for attachment in picture.attachments_mut() {
        attachment.uploaded(wecom::MediaId::from("MID"), UnixSeconds(1_700_000_000));
    }
    assert_eq!(message(&picture).attachments.len(), 2);
    let sent = serde_json::to_value(&message(&picture).attachments[0]).unwrap();
    assert_eq!(
        sent,
        serde_json::json!({"msgtype":"image","image":{"media_id":"MID"}})
    );
}

#[test]
fn sources_are_due_a_day_before_their_media_expire() {
    let uploaded = |at: &str, more: &str| {
        format!(r#"{{"msgtype":"image","image":{{"source":"https://a/b.png"{at}{more}}}}}"#)
    };
    let due = |attachments: &[String], night: &str| {
        let json = format!(
            r#"{{"attachments":[{}],"variants":[{{"from":"18:00","text":"x","attachments":[{night}]}}]}}"#,
            attachments.join(",")
        );
        welcome(&json).media_due()
    };
    let (early, late) = (r#","uploaded_at":1000"#, r#","uploaded_at":2000"#);
    let link = r#"{"msgtype":"link","link":{"title":"t","url":"https://a"}}"#;
    let own = r#"{"msgtype":"file","file":{"media_id":"M","uploaded_at":1}}"#;
    assert_eq!(due(&[link.into(), own.into()], ""), None);
    let two_days = 2 * 24 * 3600;
    assert_eq!(
        due(&[uploaded(late, "")], ""),
        Some(UnixSeconds(2000 + two_days))
    );
    assert_eq!(
        due(&[uploaded(late, "")], &uploaded(early, "")),
        Some(UnixSeconds(1000 + two_days))
    );
    assert_eq!(
        due(&[uploaded("", ""), uploaded(late, "")], ""),
        Some(UnixSeconds::EPOCH)
    );
    let permanent = uploaded(early, r#","pic_url":"https://c/d""#);
    assert_eq!(due(&[permanent], ""), None);
    let card = concat!(
        r#"{"msgtype":"miniprogram","miniprogram":{"title":"t","appid":"wx1","page":"/p","#,
        r#""source":"s3://b/c","uploaded_at":5}}"#,
    );
    assert_eq!(due(&[card.into()], ""), Some(UnixSeconds(5 + two_days)));
}

#[test]
fn limits_name_the_field() {
    let long = "a".repeat(4001);
    let nine = [r#"{"msgtype":"file","file":{"media_id":"M"}}"#; 9].join(",");
    let cases = [
        (format!(r#"{{"text":"{long}"}}"#), "text"),
        (r#"{"text":"  "}"#.into(), "text"),
        (r#"{"text":"{nickname}"}"#.into(), "text"),
        ("{}".into(), ""),
        (format!(r#"{{"attachments":[{nine},{nine}]}}"#), "attachments"),
        (r#"{"attachments":[{"msgtype":"image","image":{}}]}"#.into(), "attachments[0].image.media_id"),
        (
            r#"{"attachments":[{"msgtype":"video","video":{"pic_url":"http://a/b"}}]}"#.into(),
            "attachments[0].video.pic_url",
        ),
        (
            r#"{"attachments":[{"msgtype":"file","file":{"source":"ftp://a/b"}}]}"#.into(),
            "attachments[0].file.source",
        ),
        (
            format!(
                r#"{{"attachments":[{{"msgtype":"link","link":{{"title":"{}","url":"https://a"}}}}]}}"#,
                "标".repeat(43)
            ),
            "attachments[0].link.title",
        ),
        (r#"{"attachments":[{"msgtype":"link","link":{"title":"t","url":"a"}}]}"#.into(), "attachments[0].link.url"),
        (
            r#"{"attachments":[{"msgtype":"miniprogram","miniprogram":{"title":"t","appid":"wx1","page":"/p"}}]}"#
                .into(),
            "attachments[0].miniprogram.pic_media_id",
        ),
        (r#"{"variants":[{"from":"10:00","to":"10:00","text":"x"}]}"#.into(), "variants[0].to"),
        (r#"{"text":"a","variants":[{"from":"10:00"}]}"#.into(), "variants[0].text"),
    ];
    for (json, field) in cases {
        let fault = welcome(&json).check().expect_err(&json);
        assert_eq!(fault.field, field, "{json}: {fault}");
    }
}

#[test]
fn a_source_gives_the_name_of_the_file() {
    for (source, name) in [
        (
            "https://example.com/a/price%20list.pdf?v=2",
            "price%20list.pdf",
        ),
        ("s3://bucket/dir/menu.png", "menu.png"),
    ] {
        assert_eq!(Source(source.into()).file_name(), name);
    }
}
