//! What the scheduled sync asks of the tables.

use std::future::Future;

use jiff::Timestamp;
use wecom::{ChatId, CorpId, ExternalUserId, TagGroupId, UserId};

use crate::acquisition::Balance;
use crate::due::{Due, DueCursor};
use crate::error::StoreError;
use crate::group::Group;
use crate::instant::UnixSeconds;
use crate::member::{Department, Member};
use crate::quota::{Guard, Usage};
use crate::relation::{Change, Comparison, Observation, Reading, RelationKey};
use crate::sync::{Chunk, PageRead, Run, RunId, RunLease};
use wecom::api::tag::TagGroup;

/// Keeps relations in step with WeCom.
pub trait ObserveRelations {
    /// Compares `rows`, distinct relations of the answer to a call, with the stored ones, in their order. Nothing is
    /// written yet: what follows from a difference has to be done before, because afterwards there is none.
    fn compare(
        &self,
        corp: &CorpId,
        rows: &[Observation],
        reading: Reading,
    ) -> impl Future<Output = Result<Vec<Comparison>, StoreError>> + Send;
    /// Writes what differs, each row under the version that it was compared with. What is known since is not undone.
    fn keep(
        &self,
        corp: &CorpId,
        rows: &[Observation],
        compared: &[Comparison],
        reading: Reading,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Notes that WeCom, asked at `at` about the customer of an end, no longer knows the relation: what was read
    /// before that is older.
    fn confirm_end(
        &self,
        corp: &CorpId,
        change: &Change,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// A page of the active relations of a member, in the order of the customers, after `after`, and whether there may
    /// be more. It may be a second old.
    fn active_customers(
        &self,
        corp: &CorpId,
        member: &UserId,
        after: Option<&ExternalUserId>,
    ) -> impl Future<Output = Result<(Vec<ExternalUserId>, bool), StoreError>> + Send;
    /// Concludes that a relation is lost, which a complete reading of the member's customers, begun at `at`, has not
    /// found. Returns whether it was still taken for active.
    fn conclude_lost(
        &self,
        corp: &CorpId,
        key: &RelationKey,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Reads how a corp stands with WeCom's limits.
pub trait ReadQuota {
    /// The guard, and what was taken of each API that was called lately. They may be a second old.
    fn quota(
        &self,
        corp: &CorpId,
    ) -> impl Future<Output = Result<(Guard, Vec<Usage>), StoreError>> + Send;
}

/// Runs with their leases and checkpoints: one process at a time works on a run, and another can resume it.
pub trait RunStore {
    /// The run that is not over, if there is one, and the last that is.
    fn runs(
        &self,
        corp: &CorpId,
    ) -> impl Future<Output = Result<(Option<Run>, Option<Run>), StoreError>> + Send;
    /// Takes the lease of the corp's run until `until` for `owner`. `new` begins if no run is under
    /// way; without it there may be nothing to do.
    fn take_run(
        &self,
        corp: &CorpId,
        owner: &str,
        new: Option<Run>,
        now: UnixSeconds,
        until: UnixSeconds,
    ) -> impl Future<Output = Result<RunLease, StoreError>> + Send;
    /// Writes down how far `run` has come and holds its lease until `until`; a run that is over gives it up. Returns
    /// whether the lease was still `owner`'s.
    fn save_run(
        &self,
        corp: &CorpId,
        owner: &str,
        run: &Run,
        until: UnixSeconds,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
    /// Gives the lease up before its time.
    fn release_run(
        &self,
        corp: &CorpId,
        owner: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Stores the chunks of a run, each with members that are read together.
    fn put_chunks(
        &self,
        corp: &CorpId,
        run: &RunId,
        chunks: &[Chunk],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The chunks of a run, those that are done included.
    fn chunks(
        &self,
        corp: &CorpId,
        run: &RunId,
    ) -> impl Future<Output = Result<Vec<Chunk>, StoreError>> + Send;
    /// Changes what is stored of a chunk.
    fn put_chunk(
        &self,
        corp: &CorpId,
        run: &RunId,
        chunk: &Chunk,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Stores how far the reading of a chunk has come.
    fn put_page(
        &self,
        corp: &CorpId,
        run: &RunId,
        chunk: &Chunk,
        page: &PageRead,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The pages of the present reading of a chunk, in their order.
    fn pages(
        &self,
        corp: &CorpId,
        run: &RunId,
        chunk: &Chunk,
    ) -> impl Future<Output = Result<Vec<PageRead>, StoreError>> + Send;
}

/// The balance of acquisition links, as read last.
pub trait BalanceStore {
    /// The balance that was read last.
    fn balance(
        &self,
        corp: &CorpId,
    ) -> impl Future<Output = Result<Option<Balance>, StoreError>> + Send;
    /// Stores a balance that was read at `at`, unless something newer is stored.
    fn put_balance(
        &self,
        corp: &CorpId,
        balance: &Balance,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Departments and members, as read last.
pub trait MemberStore {
    /// One member, also one who is gone.
    fn member(
        &self,
        corp: &CorpId,
        userid: &UserId,
    ) -> impl Future<Output = Result<Option<Member>, StoreError>> + Send;
    /// All members that are known, those who are gone included.
    fn members(
        &self,
        corp: &CorpId,
    ) -> impl Future<Output = Result<Vec<Member>, StoreError>> + Send;
    /// Stores what was read of a member at `at`, unless something newer is stored. Returns whether it was written.
    fn put_member(
        &self,
        corp: &CorpId,
        member: &Member,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
    /// All departments that are known.
    fn departments(
        &self,
        corp: &CorpId,
    ) -> impl Future<Output = Result<Vec<Department>, StoreError>> + Send;
    /// Stores departments that were read at `at`, and removes others.
    fn put_departments(
        &self,
        corp: &CorpId,
        put: &[Department],
        remove: &[u64],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The corp tag list, as read last.
pub trait TagStore {
    /// All groups with their tags.
    fn tag_groups(
        &self,
        corp: &CorpId,
    ) -> impl Future<Output = Result<Vec<TagGroup>, StoreError>> + Send;
    /// Stores groups that were read at `at`, and removes others, unless something newer is stored.
    fn put_tag_groups(
        &self,
        corp: &CorpId,
        put: &[TagGroup],
        remove: &[TagGroupId],
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Customer groups, as read last.
pub trait GroupStore {
    /// One group.
    fn group(
        &self,
        corp: &CorpId,
        chat_id: &ChatId,
    ) -> impl Future<Output = Result<Option<Group>, StoreError>> + Send;
    /// A page of ids of groups that are not dissolved, after `after`, and whether there may be more.
    fn living_groups(
        &self,
        corp: &CorpId,
        after: Option<&ChatId>,
    ) -> impl Future<Output = Result<(Vec<ChatId>, bool), StoreError>> + Send;
    /// Stores what was read of a group, or made of it by an event, unless something newer is stored. Returns whether
    /// it was written.
    fn put_group(
        &self,
        corp: &CorpId,
        group: &Group,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// The index of rows of the data table that are due at a time.
pub trait DueStore {
    /// What is due at `now`, longest due first: at most `limit` items after `cursor`, and the next cursor.
    fn due(
        &self,
        corp: &CorpId,
        now: UnixSeconds,
        cursor: Option<&DueCursor>,
        limit: i32,
    ) -> impl Future<Output = Result<(Vec<Due>, Option<DueCursor>), StoreError>> + Send;
}
