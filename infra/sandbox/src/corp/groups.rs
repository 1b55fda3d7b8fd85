//! What happens to customer groups (WeCom docs 92120, 92130).

use super::{Corp, VerbError};
use crate::callback::{self, Happened, push_element};
use crate::journal::EventId;
use crate::model::{CorpState, Group, GroupMember, GroupStatus, Id, Ids};

/// What happened to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupHappening {
    /// The group.
    pub chat_id: String,
    /// The callbacks about it, one per app with a callback and per change.
    pub events: Vec<EventId>,
}

/// How people come into a group (WeCom docs 92122, 92130).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinScene {
    /// This person of the group brings them.
    Invited(String),
    /// By an invitation link of this person.
    Link(String),
    /// They scan the group's QR code, of a join way with this state.
    QrCode(Option<String>),
}

/// How people leave a group (WeCom doc 92130).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuitScene {
    /// They leave.
    Left,
    /// The owner or an admin removes them.
    Removed,
}

impl Corp {
    /// A member opens a group and is alone in it at first.
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn group_begins(&self, owner: &str, name: &str) -> Result<GroupHappening, VerbError> {
        let created = self.now_s();
        let (chat_id, events) = self.publish(|corp, ids| {
            let owner = corp.member(owner).ok_or(VerbError::NoMember)?;
            let owner = owner.userid.clone();
            let chat_id = ids.word("wr", 30);
            let group = Group {
                name: name.to_owned(),
                members: vec![GroupMember {
                    id: owner.clone(),
                    kind: 1,
                    joined: created,
                    join_scene: 1,
                    invitor: None,
                    nickname: Box::default(),
                    state: None,
                }],
                owner,
                notice: String::new(),
                created,
                status: GroupStatus::Normal,
                admins: Vec::new(),
                member_version: ids.hex(),
                dissolved: false,
            };
            corp.groups.insert(chat_id.as_str().into(), group);
            let events = callback::event_about_group(corp, &chat_id, "create", &[], "");
            Ok((chat_id, events))
        })?;
        Ok(GroupHappening { chat_id, events })
    }

    /// People come into a group: members by userid, anybody else by `external_userid`. Who is in it already is passed
    /// over; if that is everybody, there is no event.
    ///
    /// # Errors
    ///
    /// When the group or one of the people is not known.
    pub fn group_is_joined(
        &self,
        chat_id: &str,
        who: &[&str],
        scene: &JoinScene,
    ) -> Result<GroupHappening, VerbError> {
        let joined = self.now_s();
        self.change_group(chat_id, |corp, ids| {
            let (invitor, join_scene, event_scene, state) = match scene {
                JoinScene::Invited(by) => (Some(by), 1, "0", None),
                JoinScene::Link(by) => (Some(by), 2, "0", None),
                JoinScene::QrCode(state) => (None, 3, "3", state.as_deref()),
            };
            let person = |id: &str| corp.person(id).ok_or(VerbError::NoPerson);
            let invitor = invitor.map(|by| person(by)).transpose()?;
            let invitor = invitor.map(|(id, _)| id);
            let people: Result<Vec<_>, _> = who.iter().map(|id| person(id)).collect();
            let group = live_mut(corp, chat_id)?;
            let mut came = Vec::new();
            for (id, kind) in people? {
                if group.place_of(&id).is_some() {
                    continue;
                }
                came.push(id.clone());
                group.members.push(GroupMember {
                    id,
                    kind,
                    joined,
                    join_scene,
                    invitor: invitor.clone(),
                    nickname: Box::default(),
                    state: state.map(Id::from),
                });
            }
            let scene = ("JoinScene", event_scene);
            members_changed(corp, ids, chat_id, "add_member", scene, &came)
        })
    }

    /// People leave a group, or are removed from it. Who is not in it is skipped; if that is everybody, there is no
    /// event.
    ///
    /// # Errors
    ///
    /// When the group is not known, or its owner would leave it.
    pub fn group_is_left(
        &self,
        chat_id: &str,
        who: &[&str],
        scene: QuitScene,
    ) -> Result<GroupHappening, VerbError> {
        self.change_group(chat_id, |corp, ids| {
            let who: Vec<_> = who
                .iter()
                .map(|id| corp.person(id).map_or_else(|| Id::from(*id), |(id, _)| id))
                .collect();
            let group = live_mut(corp, chat_id)?;
            if who.contains(&group.owner) {
                return Err(VerbError::WrongStanding);
            }
            let mut gone = Vec::new();
            group.members.retain(|member| {
                let stays = !who.contains(&member.id);
                gone.extend((!stays).then(|| member.id.clone()));
                stays
            });
            group.admins.retain(|userid| !who.contains(userid));
            let scene = match scene {
                QuitScene::Left => "0",
                QuitScene::Removed => "1",
            };
            let scene = ("QuitScene", scene);
            members_changed(corp, ids, chat_id, "del_member", scene, &gone)
        })
    }

    /// The group is called otherwise.
    ///
    /// # Errors
    ///
    /// When the group is not known.
    pub fn group_is_renamed(&self, chat_id: &str, name: &str) -> Result<GroupHappening, VerbError> {
        self.change_group(chat_id, |corp, _| {
            name.clone_into(&mut live_mut(corp, chat_id)?.name);
            Ok(updated(corp, chat_id, "change_name"))
        })
    }

    /// The notice on the group's board changes.
    ///
    /// # Errors
    ///
    /// When the group is not known.
    pub fn group_notice_changes(
        &self,
        chat_id: &str,
        notice: &str,
    ) -> Result<GroupHappening, VerbError> {
        self.change_group(chat_id, |corp, _| {
            notice.clone_into(&mut live_mut(corp, chat_id)?.notice);
            Ok(updated(corp, chat_id, "change_notice"))
        })
    }

    /// Another member owns the group; one who is not in it joins it first, which is an event of its own. The group of
    /// an owner who had left is inherited by that.
    ///
    /// # Errors
    ///
    /// When the group or the member is not known.
    pub fn group_changes_owner(
        &self,
        chat_id: &str,
        owner: &str,
    ) -> Result<GroupHappening, VerbError> {
        let owner = self.sandbox.read(|state| {
            let corp = state.corps.get(&self.id).ok_or(VerbError::NoMember)?;
            let owner = corp.member(owner).ok_or(VerbError::NoMember)?;
            Ok(owner.userid.to_string())
        })?;
        let scene = JoinScene::Invited(owner.clone());
        let mut joined = self.group_is_joined(chat_id, &[&owner], &scene)?;
        let changed = self.change_group(chat_id, |corp, _| {
            let group = live_mut(corp, chat_id)?;
            group.owner = owner.as_str().into();
            if group.status != GroupStatus::Normal {
                group.status = GroupStatus::Inherited;
            }
            Ok(updated(corp, chat_id, "change_owner"))
        })?;
        joined.events.extend(changed.events);
        Ok(joined)
    }

    /// These members are the admins of the group from now on; there is no event for that.
    ///
    /// # Errors
    ///
    /// When the group is not known, or one of them is not in it.
    pub fn group_has_admins(&self, chat_id: &str, userids: &[&str]) -> Result<(), VerbError> {
        self.adjust(|corp| {
            let admins = userids.iter().map(|userid| {
                let member = corp.member(userid).ok_or(VerbError::NoMember)?;
                Ok(member.userid.clone())
            });
            let mut admins = admins.collect::<Result<Vec<_>, _>>()?;
            let group = live_mut(corp, chat_id)?;
            if admins.iter().any(|id| group.place_of(id).is_none()) {
                return Err(VerbError::NoPerson);
            }
            admins.sort();
            group.admins = admins;
            Ok(())
        })
    }

    /// The owner dissolves the group.
    ///
    /// # Errors
    ///
    /// When the group is not known.
    pub fn group_is_dissolved(&self, chat_id: &str) -> Result<GroupHappening, VerbError> {
        self.change_group(chat_id, |corp, _| {
            live_mut(corp, chat_id)?;
            // Sent while the group can still be seen.
            let events = callback::event_about_group(corp, chat_id, "dismiss", &[], "");
            live_mut(corp, chat_id)?.dissolved = true;
            Ok(events)
        })
    }

    fn change_group(
        &self,
        chat_id: &str,
        change: impl FnOnce(&mut CorpState, &mut Ids) -> Result<Vec<Happened>, VerbError>,
    ) -> Result<GroupHappening, VerbError> {
        let ((), events) = self.publish(|corp, ids| Ok(((), change(corp, ids)?)))?;
        let chat_id = chat_id.to_owned();
        Ok(GroupHappening { chat_id, events })
    }
}

fn live_mut<'a>(corp: &'a mut CorpState, chat_id: &str) -> Result<&'a mut Group, VerbError> {
    let group = corp.groups.get_mut(chat_id);
    group
        .filter(|group| !group.dissolved)
        .ok_or(VerbError::NoGroup)
}

/// Gives the group its next member version and sends the event of the change, if there was one.
fn members_changed(
    corp: &mut CorpState,
    ids: &mut Ids,
    chat_id: &str,
    detail: &str,
    (scene, number): (&str, &str),
    who: &[Id],
) -> Result<Vec<Happened>, VerbError> {
    if who.is_empty() {
        return Ok(Vec::new());
    }
    let group = live_mut(corp, chat_id)?;
    let last = std::mem::replace(&mut group.member_version, ids.hex());
    let current = group.member_version.clone();
    // Numbers and the items of the list are no CDATA.
    let mut elements = format!("<{scene}>{number}</{scene}>");
    elements.push_str(&format!("<MemChangeCnt>{}</MemChangeCnt>", who.len()));
    elements.push_str("<MemChangeList>");
    for id in who {
        elements.push_str(&format!("<Item>{id}</Item>"));
    }
    elements.push_str("</MemChangeList>");
    push_element(&mut elements, "LastMemVer", &last);
    push_element(&mut elements, "CurMemVer", &current);
    let fields = [("UpdateDetail", detail)];
    Ok(callback::event_about_group(
        corp, chat_id, "update", &fields, &elements,
    ))
}

fn updated(corp: &CorpState, chat_id: &str, detail: &str) -> Vec<Happened> {
    callback::event_about_group(corp, chat_id, "update", &[("UpdateDetail", detail)], "")
}
