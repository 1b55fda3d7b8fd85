//! The ways by which customers come: contact ways and acquisition links.

use serde::{Deserialize, Serialize};

use super::CorpState;

/// One way to add a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Channel {
    ContactWay(ContactWay),
    Link(AcquisitionLink),
}

/// 「联系我」 (WeCom doc 92228).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ContactWay {
    pub(crate) config_id: String,
    pub(crate) qr_code: String,
    pub(crate) created: u64,
    pub(crate) kind: i64,
    pub(crate) scene: i64,
    pub(crate) style: Option<i64>,
    pub(crate) remark: String,
    pub(crate) skip_verify: bool,
    pub(crate) state: String,
    pub(crate) user: Vec<String>,
    pub(crate) party: Vec<u32>,
    pub(crate) is_exclusive: bool,
}

/// 「获客助手」 (WeCom doc 97297).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AcquisitionLink {
    pub(crate) link_id: String,
    /// The app that made it; no other app sees it.
    pub(crate) app: String,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) created: u64,
    pub(crate) skip_verify: bool,
    pub(crate) users: Vec<String>,
    pub(crate) departments: Vec<u32>,
}

/// A channel as one customer uses it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Via {
    /// The state of the contact way, or the `customer_channel` of the link.
    pub(crate) state: Option<String>,
    pub(crate) link_id: Option<String>,
    /// 1 for a QR code, 16 for an acquisition link (WeCom doc 92114).
    pub(crate) add_way: i64,
    pub(crate) skip_verify: bool,
    pub(crate) members: Vec<String>,
}

impl Channel {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::ContactWay(way) => &way.config_id,
            Self::Link(link) => &link.link_id,
        }
    }

    /// What its QR code holds.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::ContactWay(way) => &way.qr_code,
            Self::Link(link) => &link.url,
        }
    }

    pub(crate) fn members(&self, corp: &CorpState) -> Vec<String> {
        let members = match self {
            Self::ContactWay(way) => corp.expand(&way.user, &way.party),
            Self::Link(link) => corp.expand(&link.users, &link.departments),
        };
        members.into_iter().collect()
    }

    /// Whether `text` names this channel: its id, its URL, or the state of a contact way.
    fn is_named(&self, text: &str) -> bool {
        let by_state =
            matches!(self, Self::ContactWay(way) if !text.is_empty() && way.state == text);
        by_state || text == self.id() || text == self.url()
    }
}

impl CorpState {
    /// The place behind all channels there are.
    pub(crate) fn next_channel(&self) -> u64 {
        self.channels
            .last_key_value()
            .map_or(1, |(place, _)| place + 1)
    }

    pub(crate) fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.values().find(|channel| channel.id() == id)
    }

    /// The channel behind what a customer scanned or opened: a config id, a link id, the URL of either, or a state. Of
    /// several contact ways with one state it is the newest.
    pub(crate) fn open_channel(&self, scanned: &str) -> Option<Via> {
        let (plain, query) = scanned.split_once('?').unwrap_or((scanned, ""));
        let mut newest_first = self.channels.values().rev();
        let channel =
            newest_first.find(|channel| channel.is_named(plain) || channel.is_named(scanned))?;
        let members = channel.members(self);
        Some(match channel {
            Channel::ContactWay(way) => Via {
                state: (!way.state.is_empty()).then(|| way.state.clone()),
                link_id: None,
                add_way: 1,
                skip_verify: way.skip_verify,
                members,
            },
            Channel::Link(link) => Via {
                state: customer_channel(query),
                link_id: Some(link.link_id.clone()),
                add_way: 16,
                skip_verify: link.skip_verify,
                members,
            },
        })
    }
}

/// The `customer_channel` of a link's query, cut at 64 bytes as WeCom cuts it (WeCom doc 97297).
fn customer_channel(query: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == "customer_channel")?;
    let mut value = percent_encoding::percent_decode_str(value)
        .decode_utf8_lossy()
        .into_owned();
    value.truncate(value.floor_char_boundary(64));
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::customer_channel;

    #[test]
    fn the_customer_channel_is_decoded_and_cut_at_64_bytes() {
        let long = "中".repeat(30);
        for (query, expected) in [
            ("customer_channel=ch_1", Some("ch_1".to_owned())),
            ("a=b&customer_channel=a%20b", Some("a b".to_owned())),
            ("a=b", None),
            // 21 characters of 3 bytes fit into 64.
            (&format!("customer_channel={long}"), Some("中".repeat(21))),
        ] {
            assert_eq!(customer_channel(query), expected, "{query}");
        }
    }
}
