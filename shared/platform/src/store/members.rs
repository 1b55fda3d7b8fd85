//! Members and departments.

use domain::error::StoreError;
use domain::member::{Department, Member};
use domain::ports::MemberStore;
use jiff::Timestamp;
use wecom::{CorpId, UserId};

use super::Store;
use crate::layout::{self, Key};

impl MemberStore for Store {
    async fn member(&self, corp: &CorpId, userid: &UserId) -> Result<Option<Member>, StoreError> {
        self.read_value(&Key::member(corp, userid)).await
    }

    async fn members(&self, corp: &CorpId) -> Result<Vec<Member>, StoreError> {
        self.read_values(layout::members(corp)).await
    }

    async fn put_member(
        &self,
        corp: &CorpId,
        member: &Member,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.put_read(Key::member(corp, &member.userid), member, at)
            .await
    }

    async fn departments(&self, corp: &CorpId) -> Result<Vec<Department>, StoreError> {
        self.read_values(layout::departments(corp)).await
    }

    async fn put_departments(
        &self,
        corp: &CorpId,
        put: &[Department],
        remove: &[u64],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        for department in put {
            let key = Key::department(corp, department.id);
            self.put_read(key, department, at).await?;
        }
        for id in remove {
            self.remove_read(&Key::department(corp, *id), at).await?;
        }
        Ok(())
    }
}
