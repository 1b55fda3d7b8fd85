//! The app itself, and the members it may see (WeCom doc 90227).

use super::wire::user_objects;
use crate::id::UserId;
use serde::{Deserialize, Serialize};

/// An app with its visible range: the members of `users`, of `parties` and the departments below them, and of `tags`.
/// A range by department or tag names no members; [`crate::api::user`] and [`crate::api::department`] find them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Agent {
    /// The app's number in the company.
    pub agent_id: u64,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether the company has switched it off.
    pub closed: bool,
    /// Members who are in the range by themselves.
    pub users: Vec<UserId>,
    /// Departments in the range.
    pub parties: Vec<u64>,
    /// Member tags of the address book in the range. They are not the tags of customers.
    pub tags: Vec<u64>,
}

/// An app as WeCom writes it: each list of the range lies in an object of its own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    agentid: u64,
    name: String,
    description: String,
    close: i64,
    allow_userinfos: Users,
    allow_partys: Parties,
    allow_tags: Tags,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Users {
    #[serde(with = "user_objects")]
    user: Vec<UserId>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Parties {
    partyid: Vec<u64>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Tags {
    tagid: Vec<u64>,
}

impl From<Written> for Agent {
    fn from(written: Written) -> Self {
        Self {
            agent_id: written.agentid,
            name: written.name,
            description: written.description,
            closed: written.close != 0,
            users: written.allow_userinfos.user,
            parties: written.allow_partys.partyid,
            tags: written.allow_tags.tagid,
        }
    }
}

impl From<Agent> for Written {
    fn from(agent: Agent) -> Self {
        Self {
            agentid: agent.agent_id,
            name: agent.name,
            description: agent.description,
            close: agent.closed.into(),
            allow_userinfos: Users { user: agent.users },
            allow_partys: Parties {
                partyid: agent.parties,
            },
            allow_tags: Tags { tagid: agent.tags },
        }
    }
}
