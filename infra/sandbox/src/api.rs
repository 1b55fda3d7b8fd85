//! The WeCom API below `/cgi-bin/`: one table of calls, each a function of the state.
//!
//! A call goes through admission ([`pipeline`]): faults by command, its token, the limits, the checks of the request;
//! then it waits for the sandbox's latency without holding the lock; then it takes effect. It knows no types of the
//! bundle: requests are read as JSON values.

mod acquisition;
mod address_book;
mod contact_way;
mod customer;
mod fields;
mod group;
mod incoming;
mod media;
mod paging;
mod pipeline;
mod refusal;
mod table;
mod tag;
mod token;
mod welcome;

pub(crate) use pipeline::serve;
pub(crate) use refusal::Refusal;
use std::time::SystemTime;

use axum::body::Bytes;
use serde_json::{Value, json};

use super::model::moment::unix_s_of;
use super::model::{CorpState, Id, Ids, Member, Pair, State};
use super::setup::SandboxOptions;

use fields::Fields;
use incoming::Upload;
use table::Api;

/// What a call answers: fields in addition to `errcode` 0, or a refusal.
pub(crate) type Answer = Result<Reply, Refusal>;

/// A successful answer.
pub(crate) enum Reply {
    /// A JSON object, to which `errcode` and `errmsg` are added.
    Fields(Value),
    /// The content of a file.
    File {
        content_type: &'static str,
        bytes: Bytes,
    },
}

/// What a call under way holds.
pub(crate) enum Claim {
    Welcome(Pair),
    Tags(Pair),
}

/// One call by an app whose token was good.
pub(crate) struct Call<'a> {
    corp: &'a mut CorpState,
    ids: &'a mut Ids,
    options: &'a SandboxOptions,
    cursor_generation: u64,
    /// The name of the calling app.
    app: &'a str,
    fields: Fields<'a>,
    upload: Option<&'a Upload>,
    base: &'a str,
    now: SystemTime,
}

impl Call<'_> {
    fn now_s(&self) -> u64 {
        unix_s_of(self.now)
    }

    /// The member that a field names, as it is spelt in the address book.
    fn userid(&self, name: &str) -> Result<Id, Refusal> {
        self.known_userid(self.fields.required(name, 41009)?)
    }

    fn known_userid(&self, userid: &str) -> Result<Id, Refusal> {
        Ok(self.visible_member(userid)?.userid.clone())
    }

    /// A member who exists (60111) and is visible to the app (60011).
    fn visible_member(&self, userid: &str) -> Result<&Member, Refusal> {
        check_userid(userid)?;
        let member = self.corp.member(userid).ok_or(Refusal(60111))?;
        if self.corp.sees(self.app, member) {
            Ok(member)
        } else {
            Err(Refusal(60011))
        }
    }

    /// The pair that `userid` and `external_userid` name, if the member has the customer.
    fn open_pair(&self) -> Result<Pair, Refusal> {
        let userid = self.userid("userid")?;
        let external_userid = self.fields.required("external_userid", 41035)?;
        let customer = self.corp.customers.get_key_value(external_userid);
        let (external_userid, _) = customer.ok_or(Refusal(40096))?;
        let pair = (userid, external_userid.clone());
        let relation = self.corp.relations.get(&pair);
        let is_shown = relation.is_some_and(|relation| self.corp.shows(self.app, &pair, relation));
        if is_shown {
            Ok(pair)
        } else {
            Err(Refusal(84061))
        }
    }
}

/// Success without fields.
fn done() -> Answer {
    Ok(Reply::Fields(json!({})))
}

fn fields(fields: Value) -> Answer {
    Ok(Reply::Fields(fields))
}

/// 1 to 64 of letters, digits and a few signs (WeCom doc 90313, 40003).
fn check_userid(userid: &str) -> Result<(), Refusal> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-_.@".contains(char);
    if (1..=64).contains(&userid.len()) && userid.chars().all(allowed) {
        Ok(())
    } else {
        Err(Refusal(40003))
    }
}

/// Frees what a call held.
fn release(state: &mut State, corp: &str, claim: &Claim) {
    let Some(corp) = state.corps.get_mut(corp) else {
        return;
    };
    match claim {
        Claim::Welcome(pair) => welcome::release(corp, pair),
        Claim::Tags(pair) => {
            corp.marking.remove(pair);
        }
    }
}
