//! Contact ways and acquisition links behind channels.

use domain::channel::{Channel, ChannelKind, Remote};
use domain::error::VendorError;
use domain::instant::UnixSeconds;
use domain::ports::ProvisionChannel;
use wecom::api::acquisition::{AcquisitionLink, LinkRange, LinkRequest};
use wecom::api::contact_way::{
    AddContactWay, ContactWayType, ListContactWay, Scene, UpdateContactWay,
};
use wecom::api::path;
use wecom::{Client, CorpId, Error, ErrorCode, LinkId};

use super::WecomApi;

/// Seconds before a channel's creation in which its contact way may have been made, by WeCom's clock.
const CLOCKS_DIFFER: i64 = 300;
/// How many candidates are looked at for a contact way or link whose answer was lost. Only those made since
/// count, more would mean that thousands are made in a minute.
const CANDIDATES: usize = 200;

impl ProvisionChannel for WecomApi {
    async fn make(&self, corp: &CorpId, channel: &Channel) -> Result<Remote, VendorError> {
        let make = |client: Client| async move { make(&client, channel).await };
        let api = match channel.spec.kind {
            ChannelKind::ContactWay => path::ADD_CONTACT_WAY,
            ChannelKind::AcquisitionLink => path::CREATE_LINK,
        };
        self.call(corp, &channel.app, api, make).await
    }

    async fn find(
        &self,
        corp: &CorpId,
        channel: &Channel,
        taken: &[LinkId],
    ) -> Result<Option<Remote>, VendorError> {
        let find = |client: Client| async move {
            match channel.spec.kind {
                ChannelKind::ContactWay => {
                    let now = UnixSeconds::of(self.clock.now());
                    find_contact_way(&client, channel, now).await
                }
                ChannelKind::AcquisitionLink => find_link(&client, channel, taken).await,
            }
        };
        let api = match channel.spec.kind {
            ChannelKind::ContactWay => path::GET_CONTACT_WAY,
            ChannelKind::AcquisitionLink => path::GET_LINK,
        };
        self.call(corp, &channel.app, api, find).await
    }

    async fn update(
        &self,
        corp: &CorpId,
        before: &Channel,
        after: &Channel,
    ) -> Result<(), VendorError> {
        let update = |client: Client| async move { update(&client, before, after).await };
        let api = match after.spec.kind {
            ChannelKind::ContactWay => path::UPDATE_CONTACT_WAY,
            ChannelKind::AcquisitionLink => path::UPDATE_LINK,
        };
        self.call(corp, &after.app, api, update).await
    }

    async fn delete(&self, corp: &CorpId, channel: &Channel) -> Result<(), VendorError> {
        let delete = |client: Client| async move {
            match &channel.remote {
                Remote::ContactWay { config_id, .. } => client.del_contact_way(config_id).await,
                Remote::AcquisitionLink { link_id, .. } => client.delete_link(link_id).await,
                Remote::Creating | Remote::Deleted { .. } => Ok(()),
            }
        };
        let api = match channel.spec.kind {
            ChannelKind::ContactWay => path::DEL_CONTACT_WAY,
            ChannelKind::AcquisitionLink => path::DELETE_LINK,
        };
        match self.call(corp, &channel.app, api, delete).await {
            Err(error) if error.is(ErrorCode::INVALID_CONFIG_ID) => Ok(()),
            deleted => deleted,
        }
    }
}

async fn make(client: &Client, channel: &Channel) -> Result<Remote, Error> {
    match channel.spec.kind {
        ChannelKind::ContactWay => {
            let made = client.add_contact_way(&contact_way(channel)).await?;
            Ok(Remote::ContactWay {
                config_id: made.config_id,
                qr_code: made.qr_code.unwrap_or_default(),
            })
        }
        ChannelKind::AcquisitionLink => Ok(with_channel(
            client.create_link(&link(channel)).await?,
            channel,
        )),
    }
}

async fn update(client: &Client, before: &Channel, after: &Channel) -> Result<(), Error> {
    match &after.remote {
        Remote::ContactWay { config_id, .. } => {
            let nothing = UpdateContactWay {
                config_id: config_id.clone(),
                ..UpdateContactWay::default()
            };
            let changes = contact_way_changes(nothing.clone(), before, after);
            if changes == nothing {
                Ok(())
            } else {
                client.update_contact_way(&changes).await
            }
        }
        Remote::AcquisitionLink { link_id, .. } => {
            let changes = link_changes(before, after);
            if changes == LinkRequest::default() {
                Ok(())
            } else {
                client.update_link(link_id, &changes).await
            }
        }
        Remote::Creating | Remote::Deleted { .. } => Ok(()),
    }
}

/// Whether a call about `before` has begun whose end was not stored.
fn is_unclear(before: &Channel) -> bool {
    before.update_lease_until.is_some()
}

fn contact_way(channel: &Channel) -> AddContactWay {
    let spec = &channel.spec;
    // Type 1 is for exactly one member and no department (WeCom doc 92228). The channel may get more later
    // and the type cannot be changed, so it is always 2.
    AddContactWay {
        kind: ContactWayType::Multi,
        scene: Scene::QrCode,
        remark: Some(spec.name.clone()),
        skip_verify: Some(spec.skip_verify),
        state: Some(channel.id.state()),
        user: channel.members().to_vec(),
        party: spec.parties.clone(),
        ..AddContactWay::default()
    }
}

fn contact_way_changes(
    mut changes: UpdateContactWay,
    before: &Channel,
    after: &Channel,
) -> UpdateContactWay {
    let (old, new) = (&before.spec, &after.spec);
    let all = is_unclear(before);
    changes.remark = (all || old.name != new.name).then(|| new.name.clone());
    changes.skip_verify = (all || old.skip_verify != new.skip_verify).then_some(new.skip_verify);
    // The lists replace what was there (WeCom doc 92228), each by itself.
    let members = after.members();
    changes.user = (all || before.members() != members).then(|| members.to_vec());
    changes.party = (all || old.parties != new.parties).then(|| new.parties.clone());
    changes
}

fn range(channel: &Channel) -> LinkRange {
    LinkRange {
        user_list: channel.members().to_vec(),
        department_list: channel.spec.parties.clone(),
    }
}

fn link(channel: &Channel) -> LinkRequest {
    LinkRequest {
        link_name: Some(channel.spec.name.clone()),
        range: Some(range(channel)),
        skip_verify: Some(channel.spec.skip_verify),
        ..LinkRequest::default()
    }
}

fn link_changes(before: &Channel, after: &Channel) -> LinkRequest {
    let (old, new) = (&before.spec, &after.spec);
    let all = is_unclear(before);
    LinkRequest {
        link_name: (all || old.name != new.name).then(|| new.name.clone()),
        range: (all || range(before) != range(after)).then(|| range(after)),
        skip_verify: (all || old.skip_verify != new.skip_verify).then_some(new.skip_verify),
        ..LinkRequest::default()
    }
}

/// Appends the channel to the link's address, so that its customers arrive with it (WeCom doc 97297).
fn with_channel(link: AcquisitionLink, channel: &Channel) -> Remote {
    let separator = if link.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}customer_channel={}", link.url, channel.id);
    Remote::AcquisitionLink {
        link_id: link.link_id,
        url,
    }
}

async fn find_contact_way(
    client: &Client,
    channel: &Channel,
    now: UnixSeconds,
) -> Result<Option<Remote>, Error> {
    let mut page = ListContactWay {
        start_time: Some(channel.created_at.plus_seconds(-CLOCKS_DIFFER).get()),
        end_time: Some(now.plus_seconds(CLOCKS_DIFFER).get()),
        ..ListContactWay::default()
    };
    let mut seen = 0;
    loop {
        let listed = client.list_contact_way(&page).await?;
        for config_id in &listed.items {
            let way = client.get_contact_way(config_id).await?;
            if way.state == channel.id.state() {
                return Ok(Some(Remote::ContactWay {
                    config_id: config_id.clone(),
                    qr_code: way.qr_code,
                }));
            }
        }
        seen += listed.items.len();
        if listed.next_cursor.is_none() || seen >= CANDIDATES {
            return Ok(None);
        }
        page.cursor = listed.next_cursor;
    }
}

async fn find_link(
    client: &Client,
    channel: &Channel,
    taken: &[LinkId],
) -> Result<Option<Remote>, Error> {
    let mut cursor: Option<String> = None;
    let mut seen = 0;
    loop {
        let listed = client.list_link(None, cursor.as_deref()).await?;
        for link_id in listed
            .items
            .iter()
            .filter(|link_id| !taken.contains(link_id))
        {
            if let Some(link) = made_for(client, link_id, channel).await? {
                return Ok(Some(with_channel(link, channel)));
            }
        }
        seen += listed.items.len();
        if listed.next_cursor.is_none() || seen >= CANDIDATES {
            return Ok(None);
        }
        cursor = listed.next_cursor;
    }
}

/// A link does not say which channel it was made for; its name and the time of its making do.
async fn made_for(
    client: &Client,
    link_id: &LinkId,
    channel: &Channel,
) -> Result<Option<AcquisitionLink>, Error> {
    let link = client.get_link(link_id).await?.link;
    let is_it = link.link_name == channel.spec.name
        && link.create_time >= channel.created_at.plus_seconds(-CLOCKS_DIFFER).get();
    Ok(is_it.then(|| AcquisitionLink {
        link_id: link_id.clone(),
        ..link
    }))
}
