//! The WeCom API below `/cgi-bin/`: one table of calls, each a function of the state.
//!
//! A call goes through admission ([`pipeline`]): faults by command, its token, the limits, the
//! checks of the request; then it waits for the sandbox's latency without holding the lock; then it
//! takes effect. It knows no types of the bundle: requests are read as JSON values.

mod acquisition;
mod address_book;
mod contact_way;
mod customer;
mod fields;
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
use table::Api;

use super::model::moment::unix_ms_of;
use super::model::{CorpState, Ids, Pair, State};
use super::setup::SandboxOptions;
use axum::body::Bytes;
use fields::Fields;
use incoming::Upload;
use serde_json::{Value, json};
use std::time::SystemTime;

/// What a call answers: fields beside `errcode` 0, or a refusal.
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
    /// The name of the calling app.
    app: &'a str,
    fields: Fields<'a>,
    upload: Option<&'a Upload>,
    base: &'a str,
    now: SystemTime,
}

impl Call<'_> {
    fn now_s(&self) -> u64 {
        unix_ms_of(self.now) / 1000
    }

    /// The member that a field names, as it is spelt in the address book.
    fn userid(&self, name: &str) -> Result<String, Refusal> {
        self.known_userid(self.fields.required(name, 41009)?)
    }

    fn known_userid(&self, userid: &str) -> Result<String, Refusal> {
        check_userid(userid)?;
        let member = self.corp.member(userid).ok_or(Refusal(60111))?;
        Ok(member.userid.clone())
    }

    /// The pair that `userid` and `external_userid` name, if the member has the customer.
    fn open_pair(&self) -> Result<Pair, Refusal> {
        let userid = self.userid("userid")?;
        let external_userid = self.fields.required("external_userid", 41035)?;
        if !self.corp.customers.contains_key(external_userid) {
            return Err(Refusal(40096));
        }
        let pair = (userid, external_userid.to_owned());
        let open = self
            .corp
            .relations
            .get(&pair)
            .is_some_and(super::model::Relation::is_open);
        if open { Ok(pair) } else { Err(Refusal(84061)) }
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
