//! Apps, departments and members, and how they are set up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{CorpState, Id, Quota, TagLibrary};
use crate::crypto::Seal;
use crate::setup::{AppSetup, CorpSetup, MemberSetup, MemberStatus, SetupError};

/// The root department is always there.
const ROOT: u32 = 1;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) agent_id: u64,
    pub(crate) secret: String,
    pub(crate) seal: Seal,
    pub(crate) callback_url: String,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("name", &self.name)
            .field("agent_id", &self.agent_id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Department {
    pub(crate) name: String,
    pub(crate) parent_id: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) userid: Id,
    pub(crate) name: String,
    pub(crate) departments: Vec<u32>,
    #[serde(default)]
    pub(crate) alias: String,
    #[serde(default)]
    pub(crate) position: String,
    #[serde(default)]
    pub(crate) status: MemberStatus,
    /// Whether the member has the customer-contact function (WeCom doc 92571).
    #[serde(default = "yes")]
    pub(crate) has_function: bool,
    /// Whether the member has the licence that the list by members asks for (WeCom doc 92994).
    #[serde(default = "yes")]
    pub(crate) licensed: bool,
}

/// Everybody had the function and the licence before they could be taken away.
fn yes() -> bool {
    true
}

impl CorpState {
    pub(crate) fn set_up(setup: CorpSetup, now: SystemTime) -> Result<Self, SetupError> {
        let apps = setup
            .apps
            .into_iter()
            .map(|app| set_up_app(app, &setup.corp_id));
        let mut corp = Self {
            apps: apps.collect::<Result<_, _>>()?,
            id: setup.corp_id,
            departments: BTreeMap::new(),
            members: BTreeMap::new(),
            channels: BTreeMap::new(),
            tags: TagLibrary::default(),
            customers: HashMap::new(),
            relations: BTreeMap::new(),
            groups: BTreeMap::new(),
            ranges: BTreeMap::new(),
            quota: Quota::new(now),
            welcome_codes: HashMap::new(),
            media: HashMap::new(),
            pictures: HashMap::new(),
            console_welcomes: BTreeMap::new(),
            other_app: None,
            marking: HashSet::new(),
        };
        let root = Department {
            name: corp.id.clone(),
            parent_id: 0,
        };
        corp.departments.insert(ROOT, root);
        for department in setup.departments {
            let entry = Department {
                name: department.name,
                parent_id: department.parent_id,
            };
            corp.departments.insert(department.id, entry);
        }
        let orphan = corp
            .departments
            .keys()
            .find(|id| !corp.lies_below(**id, ROOT));
        if let Some(orphan) = orphan {
            return Err(SetupError::Department(*orphan));
        }
        for member in setup.members {
            corp.add_member(member)?;
        }
        Ok(corp)
    }

    pub(crate) fn add_member(&mut self, setup: MemberSetup) -> Result<(), SetupError> {
        let departments = self.own_departments(setup.departments)?;
        let key = setup.userid.to_lowercase();
        // The relations of the member are under the userid as it was spelt first.
        let known = self.members.get(&key).map(|member| member.userid.clone());
        let member = Member {
            name: setup.name,
            userid: known.unwrap_or_else(|| setup.userid.into()),
            departments,
            alias: setup.alias,
            position: setup.position,
            status: setup.status,
            has_function: setup.has_function,
            licensed: true,
        };
        self.members.insert(key, member);
        Ok(())
    }

    /// The departments of a member: all must be there, and none means the root.
    pub(crate) fn own_departments(&self, given: Vec<u32>) -> Result<Vec<u32>, SetupError> {
        let unknown = |id: &&u32| !self.departments.contains_key(*id);
        match given.iter().find(unknown) {
            Some(unknown) => Err(SetupError::Department(*unknown)),
            None if given.is_empty() => Ok(vec![ROOT]),
            None => Ok(given),
        }
    }

    /// Whether `id` is `above` or a department somewhere below it.
    pub(crate) fn lies_below(&self, id: u32, above: u32) -> bool {
        // A chain longer than the number of departments is a circle.
        let parent = |id: &u32| {
            self.departments
                .get(id)
                .map(|department| department.parent_id)
        };
        let chain = std::iter::successors(Some(id), parent);
        chain.take(self.departments.len()).any(|id| id == above)
    }

    /// The members given one by one and through departments, each once.
    pub(crate) fn expand(&self, users: &[String], parties: &[u32]) -> BTreeSet<String> {
        let in_parties = self.members.values().filter(|member| {
            let belongs = |party: &u32| {
                member
                    .departments
                    .iter()
                    .any(|id| self.lies_below(*id, *party))
            };
            parties.iter().any(belongs)
        });
        let named = users.iter().filter_map(|userid| self.member(userid));
        named
            .chain(in_parties)
            .map(|member| member.userid.to_string())
            .collect()
    }
}

fn set_up_app(setup: AppSetup, corp_id: &str) -> Result<App, SetupError> {
    let seal = Seal::new(&setup.token, &setup.encoding_aes_key, corp_id);
    Ok(App {
        seal: seal.ok_or_else(|| SetupError::EncodingAesKey(setup.name.clone()))?,
        name: setup.name,
        agent_id: setup.agent_id,
        secret: setup.secret,
        callback_url: setup.callback_url,
    })
}
