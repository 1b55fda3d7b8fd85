//! What customers and members do to each other.

use serde::Deserialize;

use super::adding::{about, add, announce_add};
use super::{Corp, Happening, VerbError};
use crate::callback;
use crate::model::{Body, CorpState, Id, Pair, Relation, Sender, Standing};

/// How a customer comes. The default is somebody new who uses WeChat and is added in full.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scan {
    /// Which member of the channel the customer gets; WeCom chooses if not set.
    pub member: Option<String>,
    /// The member has still to confirm. Only where verification is skipped.
    pub half: bool,
    /// A customer of the corp, by `external_userid`.
    pub customer: Option<String>,
    /// The nickname of a new customer.
    pub name: Option<String>,
    /// A new customer who uses another company's WeCom: never has a welcome code.
    pub wecom_user: bool,
}

/// What a member changes of a customer in the client.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MemberEdit {
    /// The new remark.
    pub remark: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// Ids of corp tags to add.
    pub add_tags: Vec<String>,
    /// Ids of corp tags to take off.
    pub remove_tags: Vec<String>,
}

impl Corp {
    /// A customer scans or opens a channel, which is named by its config id, link id, URL or state. A customer who has
    /// the member already causes no event.
    ///
    /// # Errors
    ///
    /// When there is no such channel, member or customer, or a half add is impossible.
    pub fn scan(&self, channel: &str, scan: &Scan) -> Result<Happening, VerbError> {
        let now = self.sandbox.now();
        self.happen(|corp, ids| {
            let via = corp.open_channel(channel).ok_or(VerbError::NoChannel)?;
            let userid = match &scan.member {
                Some(userid) => via
                    .members
                    .iter()
                    .find(|member| member.eq_ignore_ascii_case(userid)),
                None => ids.pick(&via.members),
            };
            let userid = userid.ok_or(VerbError::NotInChannel)?;
            let userid = corp.member(userid).ok_or(VerbError::NoMember)?;
            let userid = userid.userid.clone();
            if scan.half && !via.skip_verify {
                return Err(VerbError::NotSkippingVerification);
            }
            add(corp, ids, userid, Some(via), scan, now)
        })
    }

    /// A member gets a customer without a channel, by search or card: the event has no state.
    ///
    /// # Errors
    ///
    /// When there is no such member or customer.
    pub fn add_by_search(&self, userid: &str, scan: &Scan) -> Result<Happening, VerbError> {
        let now = self.sandbox.now();
        self.happen(|corp, ids| {
            let userid = corp
                .member(userid)
                .ok_or(VerbError::NoMember)?
                .userid
                .clone();
            add(corp, ids, userid, None, scan, now)
        })
    }

    /// The member confirms a half add. The event has a welcome code unless the one of the half add was used.
    ///
    /// # Errors
    ///
    /// When the relation is not half.
    pub fn member_confirms(
        &self,
        external_userid: &str,
        userid: &str,
    ) -> Result<Happening, VerbError> {
        let now = self.sandbox.now();
        self.happen(|corp, ids| {
            let pair = stand(
                corp,
                external_userid,
                userid,
                &[Standing::Half],
                Standing::Full,
            )?;
            let events = announce_add(corp, ids, &pair, "add_external_contact", now);
            Ok((pair, events))
        })
    }

    /// The customer deletes the member.
    ///
    /// # Errors
    ///
    /// When they are not in full contact.
    pub fn customer_leaves(
        &self,
        external_userid: &str,
        userid: &str,
    ) -> Result<Happening, VerbError> {
        self.happen(|corp, _| {
            let pair = stand(
                corp,
                external_userid,
                userid,
                &[Standing::Full],
                Standing::Left,
            )?;
            let events = about(corp, &pair, "del_follow_user");
            Ok((pair, events))
        })
    }

    /// The member deletes the customer.
    ///
    /// # Errors
    ///
    /// When the member does not have the customer.
    pub fn member_removes(
        &self,
        external_userid: &str,
        userid: &str,
    ) -> Result<Happening, VerbError> {
        const HAVING: &[Standing] = &[Standing::Full, Standing::Half, Standing::Left];
        self.happen(|corp, _| {
            let pair = stand(corp, external_userid, userid, HAVING, Standing::Removed)?;
            let events = about(corp, &pair, "del_external_contact");
            Ok((pair, events))
        })
    }

    /// The member changes remark, description or tags in the client.
    ///
    /// # Errors
    ///
    /// When the member does not have the customer, or a tag does not exist.
    pub fn member_edits(
        &self,
        external_userid: &str,
        userid: &str,
        edit: &MemberEdit,
    ) -> Result<Happening, VerbError> {
        self.happen(|corp, _| {
            if edit.add_tags.iter().any(|id| corp.tags.tag(id).is_none()) {
                return Err(VerbError::NoTag);
            }
            let (pair, relation) = find(corp, external_userid, userid)?;
            if !relation.is_open() {
                return Err(VerbError::WrongStanding);
            }
            if let Some(remark) = &edit.remark {
                relation.remark = remark.as_str().into();
            }
            if let Some(description) = &edit.description {
                relation.description = description.as_str().into();
            }
            relation.tag(edit.add_tags.iter().map(|id| Id::from(id.as_str())));
            relation.untag(&edit.remove_tags);
            let events = about(corp, &pair, "edit_external_contact");
            Ok((pair, events))
        })
    }

    /// Somebody who is no member's contact, as there are in customer groups. Answers the `external_userid`.
    ///
    /// # Errors
    ///
    /// Never for a corp of this sandbox.
    pub fn stranger(&self, name: &str) -> Result<String, VerbError> {
        let (external_userid, _) = self.publish(|corp, ids| {
            let external_userid = corp.new_customer(Some(name), 1, ids);
            Ok((external_userid.to_string(), Vec::new()))
        })?;
        Ok(external_userid)
    }

    /// The customer takes another nickname; there is no event.
    ///
    /// # Errors
    ///
    /// When the corp has no such customer.
    pub fn customer_is_renamed(&self, external_userid: &str, name: &str) -> Result<(), VerbError> {
        self.adjust(|corp| {
            let customer = corp.customers.get_mut(external_userid);
            customer.ok_or(VerbError::NoRelation)?.name = name.into();
            Ok(())
        })
    }

    /// The customer writes. The first message of a customer of an acquisition link is an event.
    ///
    /// # Errors
    ///
    /// When they are not in full contact.
    pub fn customer_writes(
        &self,
        external_userid: &str,
        userid: &str,
        text: &str,
    ) -> Result<Happening, VerbError> {
        let now = self.sandbox.now();
        self.happen(|corp, _| {
            let (pair, relation) = find(corp, external_userid, userid)?;
            if relation.standing != Standing::Full {
                return Err(VerbError::WrongStanding);
            }
            let is_first = !std::mem::replace(&mut relation.chatting, true);
            let content = text.to_owned();
            relation.say(Sender::Customer, Body::Text { content }, now);
            let Some(link_id) = relation.link_id.clone().filter(|_| is_first) else {
                return Ok((pair, Vec::new()));
            };
            let fields = [
                ("UserID", pair.0.as_str()),
                ("ExternalUserID", pair.1.as_str()),
                ("LinkId", link_id.as_str()),
            ];
            let events = callback::event_about_member(
                corp,
                &pair.0,
                "customer_acquisition",
                "customer_start_chat",
                &fields,
            );
            Ok((pair, events))
        })
    }
}

fn find<'a>(
    corp: &'a mut CorpState,
    external_userid: &str,
    userid: &str,
) -> Result<(Pair, &'a mut Relation), VerbError> {
    let pair = corp
        .pair(userid, external_userid)
        .ok_or(VerbError::NoMember)?;
    let relation = corp.relations.get_mut(&pair).ok_or(VerbError::NoRelation)?;
    Ok((pair, relation))
}

/// Brings a relation from one of some standings to another.
fn stand(
    corp: &mut CorpState,
    external_userid: &str,
    userid: &str,
    from: &[Standing],
    to: Standing,
) -> Result<Pair, VerbError> {
    let (pair, relation) = find(corp, external_userid, userid)?;
    if !from.contains(&relation.standing) {
        return Err(VerbError::WrongStanding);
    }
    relation.standing = to;
    Ok(pair)
}
