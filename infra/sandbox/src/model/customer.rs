//! Customers, their relations with members, and the chat of each relation.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{CorpState, Id, Ids, Pair, moment};

/// An external contact.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) name: Box<str>,
    /// 1 for a WeChat user, 2 for a WeCom user of another company (WeCom doc 92114).
    pub(crate) kind: u8,
    pub(crate) unionid: Option<Box<str>>,
    /// 0 if it is not known, 1 male, 2 female (WeCom doc 92114).
    #[serde(default)]
    pub(crate) gender: u8,
    #[serde(default)]
    pub(crate) has_avatar: bool,
    /// The company of a WeCom user.
    #[serde(default)]
    pub(crate) company: Option<Id>,
    /// The userids of those who have a relation with the customer, of whatever standing; sorted.
    #[serde(skip)]
    pub(crate) followers: Vec<Id>,
}

/// One member's relation with one customer.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Relation {
    /// What the member and the customer are to each other.
    pub(crate) standing: Standing,
    /// The moment of the last add, half or full, from which a welcome is measured.
    pub(crate) added: SystemTime,
    /// When it first began.
    pub(crate) created: SystemTime,
    pub(crate) state: Option<Id>,
    pub(crate) link_id: Option<Id>,
    pub(crate) add_way: i64,
    pub(crate) remark: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) remark_corp_name: Box<str>,
    pub(crate) remark_mobiles: Vec<String>,
    /// Corp tags, sorted and each once; [`Self::tag`] and [`Self::untag`] keep it so.
    pub(crate) tag_ids: Vec<Id>,
    pub(crate) welcomed: Welcomed,
    /// The customer has written, so there is nothing to welcome any more.
    pub(crate) chatting: bool,
    pub(crate) chat: Vec<Message>,
}

/// How a relation stands (WeCom doc 92130).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// The customer added the member, who has not confirmed yet: the APIs answer 84061.
    Half,
    Full,
    /// The customer deleted the member: the APIs still work.
    Left,
    /// The member deleted the customer: the APIs answer 84061.
    Removed,
}

/// Who has welcomed the customer since the last add.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Welcomed {
    NotYet,
    /// A call of one of the sandbox's own apps is under way.
    Sending,
    /// An app outside the sandbox sends until then, and is through with it if `delivers`.
    Elsewhere {
        until: SystemTime,
        delivers: bool,
    },
    Done,
}

/// The right of one app to welcome one customer once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WelcomeCode {
    pub(crate) app: String,
    pub(crate) pair: Pair,
    /// The add it belongs to; a later add makes it worthless.
    pub(crate) added: SystemTime,
    pub(crate) issued: SystemTime,
}

/// One message of a chat, as the customer sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who wrote it.
    pub from: Sender,
    /// From the customer's add to this message.
    #[serde(
        rename = "after_ms",
        serialize_with = "crate::journal::millis",
        deserialize_with = "crate::journal::from_millis"
    )]
    pub after: Duration,
    /// What it says or shows.
    #[serde(flatten)]
    pub body: Body,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// The named app of the sandbox, in the member's name.
    App(String),
    /// The console's own welcome message, in the member's name.
    Console,
    /// An app outside the sandbox, in the member's name.
    OtherApp,
    /// The customer.
    Customer,
}

/// The body of a message (WeCom doc 92137).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Plain text.
    Text {
        /// The text.
        content: String,
    },
    /// A picture.
    Image {
        /// Where it can be seen: relative to the page for a media id, else as it was sent.
        url: String,
    },
    /// A link card.
    Link {
        /// Its title.
        title: String,
        /// Its description.
        desc: String,
        /// Where it leads.
        url: String,
        /// Its picture.
        picurl: String,
    },
    /// A mini-program card.
    Miniprogram {
        /// Its title.
        title: String,
        /// The mini program.
        appid: String,
        /// The page it opens.
        page: String,
        /// Its picture, relative to the page.
        picurl: String,
    },
    /// A video.
    Video {
        /// Its file name.
        name: String,
    },
    /// A file.
    File {
        /// Its file name.
        name: String,
    },
}

impl Relation {
    pub(crate) fn new(now: SystemTime) -> Self {
        Self {
            standing: Standing::Full,
            added: now,
            created: now,
            state: None,
            link_id: None,
            add_way: 0,
            remark: Box::default(),
            description: Box::default(),
            remark_corp_name: Box::default(),
            remark_mobiles: Vec::new(),
            tag_ids: Vec::new(),
            welcomed: Welcomed::NotYet,
            chatting: false,
            chat: Vec::new(),
        }
    }

    /// The customer comes back to a member who still has him.
    pub(crate) fn renewed(self, now: SystemTime) -> Self {
        Self {
            standing: Standing::Full,
            added: now,
            welcomed: Welcomed::NotYet,
            ..self
        }
    }

    /// Whether a welcome has arrived since the last add.
    pub(crate) fn is_welcomed(&self, now: SystemTime) -> bool {
        match self.welcomed {
            Welcomed::Done => true,
            Welcomed::Elsewhere { until, delivers } => delivers && now >= until,
            Welcomed::NotYet | Welcomed::Sending => false,
        }
    }

    /// Whether the APIs work on it; if not they answer 84061.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Full | Standing::Left)
    }

    pub(crate) fn tag(&mut self, ids: impl IntoIterator<Item = Id>) {
        self.tag_ids.extend(ids);
        self.tag_ids.sort_unstable();
        self.tag_ids.dedup();
    }

    pub(crate) fn untag(&mut self, ids: &[String]) {
        self.tag_ids
            .retain(|own| !ids.iter().any(|id| **own == **id));
    }

    /// Who began it: the member who looked for the customer or got him from a colleague, else the customer (WeCom doc
    /// 92114). Which of the ways are a member's is unverified.
    pub(crate) fn oper_userid<'a>(&self, (userid, external_userid): &'a Pair) -> &'a str {
        match self.add_way {
            2 | 5 | 6 | 13 | 201 | 202 => userid,
            _ => external_userid,
        }
    }

    pub(crate) fn say(&mut self, from: Sender, body: Body, now: SystemTime) {
        let after = moment::between(self.added, now);
        self.chat.push(Message { from, after, body });
    }

    /// The chat, with the welcome of an app outside the sandbox once that is through.
    pub(crate) fn chat(&self, now: SystemTime) -> Vec<Message> {
        let mut chat = self.chat.clone();
        if let Welcomed::Elsewhere { until, .. } = self.welcomed
            && self.is_welcomed(now)
        {
            let content = "(welcome of another app)".to_owned();
            let message = Message {
                from: Sender::OtherApp,
                after: moment::between(self.added, until),
                body: Body::Text { content },
            };
            chat.push(message);
            chat.sort_by_key(|message| message.after);
        }
        chat
    }
}

impl Standing {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::Full => "full",
            Self::Left => "left",
            Self::Removed => "removed",
        }
    }
}

impl CorpState {
    /// A person who is new to the corp.
    pub(crate) fn new_customer(&mut self, name: Option<&str>, kind: u8, ids: &mut Ids) -> Id {
        let number = self.customers.len() + 1;
        let prefix = if kind == 1 { "wm" } else { "wo" };
        let external_userid = ids.word(prefix, 30);
        let unionid = (kind == 1).then(|| ids.word("o", 27));
        let name = name.map_or_else(|| format!("{}{number}", surname(number)), str::to_owned);
        let customer = Customer {
            name: name.into(),
            kind,
            unionid: unionid.map(Into::into),
            gender: 0,
            has_avatar: false,
            company: None,
            followers: Vec::new(),
        };
        let external_userid = Id::from(external_userid);
        self.customers
            .insert(external_userid.clone(), Box::new(customer));
        external_userid
    }
}

impl Customer {
    /// Notes that the member has a relation with the customer.
    pub(crate) fn is_followed_by(&mut self, userid: &Id) {
        if let Err(place) = self.followers.binary_search(userid) {
            // Most customers have one member, and room for four would be most of what this takes.
            self.followers.reserve_exact(1);
            self.followers.insert(place, userid.clone());
        }
    }

    /// Where the picture is, if there is one.
    pub(crate) fn avatar(&self, external_userid: &str) -> String {
        if self.has_avatar {
            format!("https://wx.qlogo.cn/mmhead/{external_userid}/0")
        } else {
            String::new()
        }
    }
}

/// A nickname for customers without a name; the number behind it makes it one of a kind.
fn surname(number: usize) -> &'static str {
    const NAMES: [&str; 12] = [
        "小雨", "阿诚", "Mia", "晓峰", "糖糖", "Leo", "青禾", "老周", "Anna", "南星", "一一",
        "木子",
    ];
    NAMES[number % NAMES.len()]
}
