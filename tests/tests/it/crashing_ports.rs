//! The ports of the functions, with a fault point before and after each call: see [`crashing`](crate::crashing).

use std::time::Duration;

use domain::acquisition::Balance;
use domain::channel::{Channel, ChannelId, Remote};
use domain::due::{Due, DueCursor};
use domain::error::{StoreError, UploadError, VendorError};
use domain::event::{EventId, InboxEvent};
use domain::group::Group;
use domain::instant::{UnixMillis, UnixSeconds};
use domain::member::{Department, Member};
use domain::outcome::{Subject, TagsOutcome, WelcomeOutcome};
use domain::ports::{
    AddressBookApi, BalanceStore, ChannelStore, CountStore, CustomerApi, DueStore, EventStore,
    GroupApi, GroupStore, MediaApi, MemberStore, ObserveRelations, OutcomeStore, ProvisionChannel,
    ReadAcquisition, ReadQuota, RefreshTokens, RelationStore, RunStore, SendWelcome, TagApi,
    TagStore, WelcomeStore,
};
use domain::quota::{Admission, Guard, Usage};
use domain::relation::{
    AddRecord, Change, Comparison, Observation, Reading, Relation, RelationKey,
};
use domain::sync::{Chunk, PageRead, Run, RunId, RunLease};
use domain::tally::{DayAdds, Days, Fact};
use domain::welcome::{Candidates, Source, Welcome, WelcomeOwner};
use jiff::Timestamp;
use jiff::civil::Date;
use platform::store::Store;
use platform::wecom_api::WecomApi;
use wecom::api::acquisition::AcquisitionQuota;
use wecom::api::agent::Agent;
use wecom::api::contact::{BatchPage, ExternalContact, ExternalContactDetail};
use wecom::api::department;
use wecom::api::group::{GroupChat, GroupStatus};
use wecom::api::media::MediaKind;
use wecom::api::tag::TagGroup;
use wecom::api::user::{User, UserEntry};
use wecom::{
    AppName, ChatId, CorpId, ExternalUserId, LinkId, MediaId, Page, TagGroupId, TagId, UserId,
    WelcomeCode, WelcomeMessage,
};

use crate::crashing::CrashingPort;

/// Implements a port so that each method has two fault points, named after it.
macro_rules! intercept {
    ($inner:ty: $($port:ident {
        $(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*
    })*) => {
        $(impl $port for CrashingPort<$inner> {
            $(async fn $name(&self, $($argument: $type),*) -> $answer {
                self.step(stringify!($name), self.inner.$name($($argument),*)).await
            })*
        })*
    };
}

intercept! { Store:
    ChannelStore {
        fn channel(corp: &CorpId, id: &ChannelId) -> Result<Option<Channel>, StoreError>;
        fn channels(corp: &CorpId, cursor: Option<&ChannelId>, limit: i32) -> Result<(Vec<Channel>, Option<ChannelId>), StoreError>;
        fn put_channel(corp: &CorpId, channel: &Channel, expected_version: Option<u64>) -> Result<bool, StoreError>;
        fn forget_channel(corp: &CorpId, id: &ChannelId) -> Result<(), StoreError>;
    }
    CountStore {
        fn count(corp: &CorpId, channel: &ChannelId, key: &RelationKey, fact: Fact, day: Date) -> Result<(), StoreError>;
        fn count_add_on(corp: &CorpId, channel: &ChannelId, key: &RelationKey, day: Date) -> Result<u64, StoreError>;
        fn adds_on(corp: &CorpId, channel: &ChannelId, day: Date) -> Result<DayAdds, StoreError>;
        fn days(corp: &CorpId, channel: &ChannelId, from: Date, to: Date) -> Result<Days, StoreError>;
    }
    EventStore {
        fn event(id: &EventId) -> Result<Option<InboxEvent>, StoreError>;
        fn events_of(corp: &CorpId, customer: &ExternalUserId, limit: i32) -> Result<Vec<InboxEvent>, StoreError>;
        fn pending_events(corp: &CorpId, until: UnixMillis, limit: i32) -> Result<Vec<InboxEvent>, StoreError>;
        fn mark_refreshed(events: &[EventId]) -> Result<(), StoreError>;
        fn mark_pending(event: &InboxEvent) -> Result<(), StoreError>;
    }
    OutcomeStore {
        fn record_welcome(subject: &Subject<'_>, outcome: &WelcomeOutcome) -> Result<(), StoreError>;
        fn tags_done(events: &[&InboxEvent]) -> Result<Vec<(EventId, TagsOutcome)>, StoreError>;
        fn record_tags(subject: &Subject<'_>, outcome: &TagsOutcome) -> Result<(), StoreError>;
    }
    RelationStore {
        fn relation(corp: &CorpId, key: &RelationKey) -> Result<Option<Relation>, StoreError>;
        fn change(corp: &CorpId, change: &Change) -> Result<Relation, StoreError>;
        fn record_add(corp: &CorpId, add: &AddRecord) -> Result<Relation, StoreError>;
        fn add_tags(corp: &CorpId, relation: &Relation, tags: &[TagId], at: Timestamp) -> Result<(), StoreError>;
    }
    WelcomeStore {
        fn candidates(corp: &CorpId, channel: Option<&ChannelId>, member: &UserId) -> Result<Candidates, StoreError>;
        fn welcome(corp: &CorpId, owner: &WelcomeOwner) -> Result<Option<Welcome>, StoreError>;
        fn welcomes(corp: &CorpId) -> Result<Vec<(WelcomeOwner, Welcome)>, StoreError>;
        fn put_welcome(corp: &CorpId, owner: &WelcomeOwner, welcome: Option<&Welcome>) -> Result<(), StoreError>;
    }
    ObserveRelations {
        fn compare(corp: &CorpId, rows: &[Observation], reading: Reading) -> Result<Vec<Comparison>, StoreError>;
        fn keep(corp: &CorpId, rows: &[Observation], compared: &[Comparison], reading: Reading) -> Result<(), StoreError>;
        fn confirm_end(corp: &CorpId, change: &Change, at: Timestamp) -> Result<(), StoreError>;
        fn active_customers(corp: &CorpId, member: &UserId, after: Option<&ExternalUserId>) -> Result<(Vec<ExternalUserId>, bool), StoreError>;
        fn conclude_lost(corp: &CorpId, key: &RelationKey, at: Timestamp) -> Result<bool, StoreError>;
    }
    BalanceStore {
        fn balance(corp: &CorpId) -> Result<Option<Balance>, StoreError>;
        fn put_balance(corp: &CorpId, balance: &Balance, at: Timestamp) -> Result<(), StoreError>;
    }
    DueStore {
        fn due(corp: &CorpId, now: UnixSeconds, cursor: Option<&DueCursor>, limit: i32) -> Result<(Vec<Due>, Option<DueCursor>), StoreError>;
    }
    GroupStore {
        fn group(corp: &CorpId, chat_id: &ChatId) -> Result<Option<Group>, StoreError>;
        fn living_groups(corp: &CorpId, after: Option<&ChatId>) -> Result<(Vec<ChatId>, bool), StoreError>;
        fn put_group(corp: &CorpId, group: &Group) -> Result<bool, StoreError>;
    }
    MemberStore {
        fn member(corp: &CorpId, userid: &UserId) -> Result<Option<Member>, StoreError>;
        fn members(corp: &CorpId) -> Result<Vec<Member>, StoreError>;
        fn put_member(corp: &CorpId, member: &Member, at: Timestamp) -> Result<bool, StoreError>;
        fn departments(corp: &CorpId) -> Result<Vec<Department>, StoreError>;
        fn put_departments(corp: &CorpId, put: &[Department], remove: &[u64], at: Timestamp) -> Result<(), StoreError>;
    }
    ReadQuota {
        fn quota(corp: &CorpId) -> Result<(Guard, Vec<Usage>), StoreError>;
    }
    RunStore {
        fn runs(corp: &CorpId) -> Result<(Option<Run>, Option<Run>), StoreError>;
        fn take_run(corp: &CorpId, owner: &str, new: Option<Run>, now: UnixSeconds, until: UnixSeconds) -> Result<RunLease, StoreError>;
        fn save_run(corp: &CorpId, owner: &str, run: &Run, until: UnixSeconds) -> Result<bool, StoreError>;
        fn release_run(corp: &CorpId, owner: &str) -> Result<(), StoreError>;
        fn put_chunks(corp: &CorpId, run: &RunId, chunks: &[Chunk]) -> Result<(), StoreError>;
        fn chunks(corp: &CorpId, run: &RunId) -> Result<Vec<Chunk>, StoreError>;
        fn put_chunk(corp: &CorpId, run: &RunId, chunk: &Chunk) -> Result<(), StoreError>;
        fn put_page(corp: &CorpId, run: &RunId, chunk: &Chunk, page: &PageRead) -> Result<(), StoreError>;
        fn pages(corp: &CorpId, run: &RunId, chunk: &Chunk) -> Result<Vec<PageRead>, StoreError>;
    }
    TagStore {
        fn tag_groups(corp: &CorpId) -> Result<Vec<TagGroup>, StoreError>;
        fn put_tag_groups(corp: &CorpId, put: &[TagGroup], remove: &[TagGroupId], at: Timestamp) -> Result<(), StoreError>;
    }
}

intercept! { WecomApi:
    SendWelcome {
        fn send_welcome(corp: &CorpId, app: &AppName, admission: Admission<'_>, code: &WelcomeCode, message: &WelcomeMessage) -> Result<(), VendorError>;
    }
    CustomerApi {
        fn customer_name(corp: &CorpId, app: &AppName, customer: &ExternalUserId) -> Result<String, VendorError>;
        fn profile(corp: &CorpId, app: &AppName, customer: &ExternalUserId) -> Result<ExternalContact, VendorError>;
        fn followers(corp: &CorpId, app: &AppName, customer: &ExternalUserId, cursor: Option<&str>) -> Result<ExternalContactDetail, VendorError>;
        fn customers(corp: &CorpId, app: &AppName, members: &[UserId], cursor: Option<&str>) -> Result<BatchPage, VendorError>;
        fn mark_tags(corp: &CorpId, app: &AppName, key: &RelationKey, tags: &[TagId]) -> Result<(), VendorError>;
        fn write_remark(corp: &CorpId, app: &AppName, key: &RelationKey, remark: Option<&str>, description: Option<&str>) -> Result<(), VendorError>;
    }
    AddressBookApi {
        fn visible_range(corp: &CorpId, app: &AppName) -> Result<Agent, VendorError>;
        fn departments(corp: &CorpId, app: &AppName) -> Result<Vec<department::Department>, VendorError>;
        fn department_members(corp: &CorpId, app: &AppName, department: u64) -> Result<Vec<UserEntry>, VendorError>;
        fn member(corp: &CorpId, app: &AppName, member: &UserId) -> Result<User, VendorError>;
        fn follow_users(corp: &CorpId, app: &AppName) -> Result<Vec<UserId>, VendorError>;
        fn member_name(corp: &CorpId, app: &AppName, member: &UserId) -> Result<String, VendorError>;
    }
    TagApi {
        fn tag_library(corp: &CorpId, app: &AppName) -> Result<Vec<TagGroup>, VendorError>;
        fn missing_tags(corp: &CorpId, app: &AppName, tags: &[TagId]) -> Result<Vec<TagId>, VendorError>;
    }
    GroupApi {
        fn groups(corp: &CorpId, app: &AppName, owners: &[UserId], cursor: Option<&str>) -> Result<Page<GroupStatus>, VendorError>;
        fn group_chat(corp: &CorpId, app: &AppName, chat_id: &ChatId) -> Result<GroupChat, VendorError>;
    }
    ReadAcquisition {
        fn acquisition_quota(corp: &CorpId, app: &AppName) -> Result<AcquisitionQuota, VendorError>;
    }
    ProvisionChannel {
        fn make(corp: &CorpId, channel: &Channel) -> Result<Remote, VendorError>;
        fn find(corp: &CorpId, channel: &Channel, taken: &[LinkId]) -> Result<Option<Remote>, VendorError>;
        fn update(corp: &CorpId, before: &Channel, after: &Channel) -> Result<(), VendorError>;
        fn delete(corp: &CorpId, channel: &Channel) -> Result<(), VendorError>;
    }
    RefreshTokens {
        fn refresh_token(corp: &CorpId, app: &AppName, margin: Duration) -> Result<bool, VendorError>;
    }
    MediaApi {
        fn upload(corp: &CorpId, app: &AppName, source: &Source, kind: MediaKind) -> Result<MediaId, UploadError>;
        fn upload_picture(corp: &CorpId, app: &AppName, source: &Source) -> Result<String, UploadError>;
    }
}
