//! A channel: what the operator wrote, and what WeCom made of it.

use domain::channel::{Channel, ChannelId, ChannelKind, Remote};
use domain::duty::Schedule;
use domain::instant::UnixSeconds;
use domain::welcome::Welcome;
use serde::Serialize;
use wecom::{ConfigId, LinkId, State, TagId, UserId};

/// A channel.
#[derive(Serialize)]
pub(crate) struct ChannelView<'a> {
    id: &'a ChannelId,
    /// `active`, `creating` or `deleted`.
    status: &'static str,
    name: &'a str,
    kind: ChannelKind,
    users: &'a [UserId],
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    parties: &'a [u64],
    skip_verify: bool,
    #[serde(skip_serializing_if = "<[TagId]>::is_empty")]
    tag_ids: &'a [TagId],
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    welcome: Option<&'a Welcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<&'a Schedule>,
    /// What events and WeCom's lists name the channel by.
    state: State,
    created_at: UnixSeconds,
    updated_at: UnixSeconds,
    /// Who is on duty, where not all of the users always are, and until when.
    #[serde(flatten)]
    duty: Option<DutyView<'a>>,
    #[serde(flatten)]
    remote: RemoteView<'a>,
}

#[derive(Serialize)]
struct DutyView<'a> {
    on_duty: &'a [UserId],
    duty_until: Option<UnixSeconds>,
}

/// What WeCom made of it; nothing yet, or nothing any more, has no fields.
#[derive(Default, Serialize)]
struct RemoteView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    config_id: Option<&'a ConfigId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_id: Option<&'a LinkId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> From<&'a Channel> for ChannelView<'a> {
    fn from(channel: &'a Channel) -> Self {
        let spec = &channel.spec;
        Self {
            id: &channel.id,
            status: status(&channel.remote),
            name: &spec.name,
            kind: spec.kind,
            users: &spec.users,
            parties: &spec.parties,
            skip_verify: spec.skip_verify,
            tag_ids: &spec.tag_ids,
            remark: spec.remark.as_deref(),
            description: spec.description.as_deref(),
            welcome: spec.welcome.as_ref(),
            schedule: spec.schedule.as_ref(),
            state: channel.id.state(),
            created_at: channel.created_at,
            updated_at: channel.updated_at,
            duty: channel.on_duty.as_deref().map(|on_duty| DutyView {
                on_duty,
                duty_until: channel.duty_until,
            }),
            remote: RemoteView::from(&channel.remote),
        }
    }
}

fn status(remote: &Remote) -> &'static str {
    match remote {
        Remote::ContactWay { .. } | Remote::AcquisitionLink { .. } => "active",
        Remote::Creating => "creating",
        Remote::Deleted { .. } => "deleted",
    }
}

impl<'a> From<&'a Remote> for RemoteView<'a> {
    fn from(remote: &'a Remote) -> Self {
        match remote {
            Remote::ContactWay { config_id, qr_code } => Self {
                config_id: Some(config_id),
                qr_code: Some(qr_code),
                ..Self::default()
            },
            Remote::AcquisitionLink { link_id, url } => Self {
                link_id: Some(link_id),
                url: Some(url),
                ..Self::default()
            },
            Remote::Creating | Remote::Deleted { .. } => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A stored channel with everything that an operator can write.
    fn stored(remote: &Value) -> Channel {
        let channel = json!({
            "id": "ch0000000000001", "app": "contact", "version": 9, "created_at": 1, "updated_at": 2,
            "telling_until": 5, "remote": remote, "on_duty": ["zhangsan"],
            "spec": {
                "name": "n", "kind": "contact_way", "users": ["zhangsan", "lisi"], "parties": [2],
                "skip_verify": false, "tag_ids": ["et1"], "remark": "r", "description": "d",
                "welcome": {"text": "hi"}, "schedule": {"backup": []},
            },
        });
        serde_json::from_value(channel).unwrap()
    }

    #[test]
    fn a_channel_is_shown_with_the_fields_of_the_contract_and_no_others() {
        let way = json!({"remote": "contact_way", "config_id": "c", "qr_code": "https://q"});
        let mut channel = stored(&way);
        let shown = json!({
            "id": "ch0000000000001", "state": "ch0000000000001", "status": "active", "created_at": 1,
            "updated_at": 2, "name": "n", "kind": "contact_way", "users": ["zhangsan", "lisi"], "parties": [2],
            "skip_verify": false, "tag_ids": ["et1"], "remark": "r", "description": "d",
            "welcome": {"text": "hi"}, "schedule": {"backup": []}, "on_duty": ["zhangsan"], "duty_until": null,
            "config_id": "c", "qr_code": "https://q",
        });
        assert_eq!(json!(ChannelView::from(&channel)), shown);
        channel.on_duty = None;
        let shown = json!(ChannelView::from(&channel));
        assert!(shown.get("on_duty").is_none() && shown.get("duty_until").is_none());
    }

    #[test]
    fn the_status_says_what_became_of_it_at_wecom() {
        for (remote, status, field) in [
            (json!({"remote": "creating"}), "creating", None),
            (
                json!({"remote": "deleted", "deleted_at": 3}),
                "deleted",
                None,
            ),
            (
                json!({"remote": "acquisition_link", "link_id": "l", "url": "https://u"}),
                "active",
                Some("url"),
            ),
        ] {
            let channel = stored(&remote);
            let shown = json!(ChannelView::from(&channel));
            assert_eq!(shown["status"], status);
            let fields = ["config_id", "qr_code", "link_id", "url", "deleted_at"];
            let made = fields.iter().any(|name| shown.get(name).is_some());
            assert_eq!(made, field.is_some(), "{shown}");
            assert!(field.is_none_or(|field| shown[field] == remote[field]));
        }
    }
}
