//! The state of a sandbox: corps with their apps, members, channels, customers, tags and media.
//!
//! Nothing here waits or speaks HTTP. One lock guards the whole state and is never held over an await.

mod channel;
mod customer;
mod group;
mod id;
mod ids;
mod media;
pub(crate) mod moment;
mod people;
mod quota;
mod range;
mod tag;
mod token;

pub(crate) use channel::{AcquisitionLink, Channel, ContactWay, Via};
pub use customer::{Body, Message, Sender};
pub(crate) use customer::{Customer, Relation, Standing, WelcomeCode, Welcomed};
pub use group::GroupStatus;
pub(crate) use group::{Group, GroupMember};
pub(crate) use id::Id;
pub(crate) use ids::Ids;
pub(crate) use media::{Media, MediaKind, is_jpeg, is_png};
pub(crate) use people::{App, Department, Member};
pub(crate) use quota::{Purchase, Quota};
pub(crate) use range::Range;
pub(crate) use tag::{MadeBy, Tag, TagGroup, TagLibrary};
pub(crate) use token::{BadToken, Holder, Tokens};

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::callback::DeliveryQueue;
use super::faults::FaultQueue;
use super::journal::Journal;
use super::limits::Limits;
use super::setup::SandboxOptions;

/// A member and a customer: the key of everything that WeCom keeps per relation. The userid comes first and is spelt as
/// the member is set up, so that the pairs of one member stand together.
pub(crate) type Pair = (Id, Id);

/// Boxed, because the nodes of the map have room for more than they hold.
pub(crate) type Relations = BTreeMap<Pair, Box<Relation>>;

/// Everything behind the lock.
pub(crate) struct State {
    pub(crate) corps: BTreeMap<String, CorpState>,
    pub(crate) tokens: Tokens,
    pub(crate) journal: Journal,
    pub(crate) faults: FaultQueue,
    pub(crate) limits: Limits,
    pub(crate) delivery: DeliveryQueue,
    pub(crate) ids: Ids,
    /// How long every API call takes to be answered.
    pub(crate) latency: Duration,
    /// Cursors of an earlier generation are stale.
    pub(crate) cursor_generation: u64,
    pub(crate) wrong_secrets: u32,
    /// How many processes have kept this sandbox in a file before.
    pub(crate) run: u64,
}

impl State {
    pub(crate) fn new(options: &SandboxOptions) -> Self {
        Self {
            corps: BTreeMap::new(),
            tokens: Tokens::default(),
            journal: Journal::default(),
            faults: FaultQueue::default(),
            limits: Limits::new(options),
            delivery: DeliveryQueue::default(),
            ids: Ids::new(options.seed),
            latency: options.latency,
            cursor_generation: 0,
            wrong_secrets: 0,
            run: 0,
        }
    }
}

/// One company. What is skipped when it is saved comes from elsewhere: the apps with their keys from the configuration,
/// the rest from nowhere, because it describes calls in progress.
#[derive(Serialize, Deserialize)]
pub(crate) struct CorpState {
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) apps: Vec<App>,
    pub(crate) departments: BTreeMap<u32, Department>,
    /// Keyed by the userid in lower case (WeCom doc 90196).
    pub(crate) members: BTreeMap<String, Member>,
    /// In the order of creation, which is the order of the list APIs.
    pub(crate) channels: BTreeMap<u64, Channel>,
    pub(crate) tags: TagLibrary,
    pub(crate) customers: HashMap<Id, Box<Customer>>,
    #[serde(with = "as_list")]
    pub(crate) relations: Relations,
    /// By chat id, which is the order of the list API.
    #[serde(default)]
    pub(crate) groups: BTreeMap<Id, Group>,
    /// The visible ranges of the apps that do not see everybody, by the name of the app.
    #[serde(default)]
    pub(crate) ranges: BTreeMap<String, Range>,
    #[serde(default)]
    pub(crate) quota: Quota,
    pub(crate) welcome_codes: HashMap<String, WelcomeCode>,
    /// Temporary media by media id.
    pub(crate) media: HashMap<String, Media>,
    /// Pictures of `uploadimg` by the last segment of their URL.
    pub(crate) pictures: HashMap<String, Media>,
    /// Members with a welcome message of the console, which WeCom sends itself.
    pub(crate) console_welcomes: BTreeMap<String, String>,
    #[serde(skip)]
    pub(crate) other_app: Option<super::OtherApp>,
    /// Pairs whose tags are being changed at this moment.
    #[serde(skip)]
    pub(crate) marking: HashSet<Pair>,
}

impl CorpState {
    pub(crate) fn app(&self, name: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.name == name)
    }

    pub(crate) fn member(&self, userid: &str) -> Option<&Member> {
        self.members.get(&userid.to_lowercase())
    }

    /// The relation of a customer with a member, whatever its standing.
    pub(crate) fn relation(&self, userid: &str, external_userid: &str) -> Option<&Relation> {
        self.relations
            .get(&self.pair(userid, external_userid)?)
            .map(AsRef::as_ref)
    }

    /// Puts a relation in its place, and the member among the followers of the customer.
    pub(crate) fn follow(&mut self, pair: Pair, relation: Box<Relation>) {
        if let Some(customer) = self.customers.get_mut(&pair.1) {
            customer.is_followed_by(&pair.0);
        }
        self.relations.insert(pair, relation);
    }

    /// The key of a pair, if the member exists.
    pub(crate) fn pair(&self, userid: &str, external_userid: &str) -> Option<Pair> {
        let member = self.member(userid)?;
        let known = self.customers.get_key_value(external_userid);
        let external_userid = known.map_or_else(|| external_userid.into(), |(id, _)| id.clone());
        Some((member.userid.clone(), external_userid))
    }
}

/// A map as a list of its entries, because keys of JSON objects are strings.
mod as_list {
    use super::{Pair, Relation, Relations};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &Relations, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Relations, D::Error> {
        let entries = Vec::<(Pair, Box<Relation>)>::deserialize(from)?;
        Ok(entries.into_iter().collect())
    }
}
