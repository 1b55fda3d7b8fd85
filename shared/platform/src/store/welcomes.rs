//! Default welcomes, and the one read that a welcome waits for.

use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::ports::WelcomeStore;
use domain::welcome::{Candidates, ChannelWelcome, Welcome, WelcomeOwner};
use serde::{Deserialize, Serialize};
use wecom::{CorpId, UserId};

use super::channels::Row as ChannelRow;
use super::quota::guard_of_item;
use super::{Due, Item, Store, attr_s, from_row, to_row, unavailable};
use crate::layout::{self, Key};

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    key: Key,
    /// The member's id as it was written, for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    userid: Option<UserId>,
    /// The welcome as JSON.
    welcome: String,
    #[serde(flatten)]
    due: Due,
}

impl Row {
    fn welcome(&self) -> Result<Welcome, StoreError> {
        serde_json::from_str(&self.welcome)
            .map_err(|error| StoreError::unreadable("a default welcome", error))
    }
}

impl WelcomeStore for Store {
    async fn candidates(
        &self,
        corp: &CorpId,
        channel: Option<&ChannelId>,
        member: &UserId,
    ) -> Result<Candidates, StoreError> {
        let member_key = Key::welcome(corp, &WelcomeOwner::Member(member.clone()));
        let corp_key = Key::welcome(corp, &WelcomeOwner::Corp);
        let channel_key = channel.map(|id| Key::channel(corp, id));
        let guard_key = Key::guard(corp);
        let always = [&member_key, &corp_key, &guard_key];
        let keys: Vec<&Key> = channel_key.iter().chain(always).collect();
        let mut items = self.batch_get(&keys).await?;
        let mut take = |key: &Key| items.remove(key);
        let welcome = |found: Option<Item>| {
            found
                .map(|item| from_row::<Row>(item)?.welcome())
                .transpose()
        };
        let channel = match channel_key.as_ref().and_then(&mut take) {
            Some(item) => {
                let channel = from_row::<ChannelRow>(item)?.channel()?;
                Some(ChannelWelcome {
                    name: channel.spec.name,
                    welcome: channel.spec.welcome,
                })
            }
            None => None,
        };
        let guard = take(&guard_key).map(guard_of_item).transpose()?;
        Ok(Candidates {
            guard: guard.unwrap_or_default(),
            channel,
            member: welcome(take(&member_key))?,
            corp: welcome(take(&corp_key))?,
        })
    }

    async fn welcome(
        &self,
        corp: &CorpId,
        owner: &WelcomeOwner,
    ) -> Result<Option<Welcome>, StoreError> {
        let row = self.read_item::<Row>(&Key::welcome(corp, owner)).await?;
        row.map(|row| row.welcome()).transpose()
    }

    async fn welcomes(&self, corp: &CorpId) -> Result<Vec<(WelcomeOwner, Welcome)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.data)
            .key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", attr_s(layout::welcomes(corp)));
        let mut pages = query.into_paginator().items().send();
        let mut welcomes = Vec::new();
        while let Some(item) = pages.next().await {
            let row: Row = from_row(item.map_err(unavailable)?)?;
            let owner = match (&row.userid, row.key.sk.strip_prefix(layout::MEMBER)) {
                (Some(userid), Some(_)) => WelcomeOwner::Member(userid.clone()),
                (None, Some(key)) => WelcomeOwner::Member(UserId::from(key)),
                (_, None) => WelcomeOwner::Corp,
            };
            welcomes.push((owner, row.welcome()?));
        }
        Ok(welcomes)
    }

    async fn put_welcome(
        &self,
        corp: &CorpId,
        owner: &WelcomeOwner,
        welcome: Option<&Welcome>,
    ) -> Result<(), StoreError> {
        let key = Key::welcome(corp, owner);
        let Some(welcome) = welcome else {
            let delete = self
                .client
                .delete_item()
                .table_name(&self.data)
                .set_key(Some(to_row(&key)?));
            return delete.send().await.map(|_| ()).map_err(unavailable);
        };
        let userid = match owner {
            WelcomeOwner::Corp => None,
            WelcomeOwner::Member(userid) => Some(userid.clone()),
        };
        let json = serde_json::to_string(welcome)
            .map_err(|error| StoreError::unwritable("a default welcome", error))?;
        let row = Row {
            key,
            userid,
            welcome: json,
            due: Due::at(corp, welcome.media_due()),
        };
        let put = self.put_row(&row)?;
        put.send().await.map(|_| ()).map_err(unavailable)
    }
}
