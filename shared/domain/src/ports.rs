//! What the rules ask of the outside world: one trait per capability.
//!
//! A function names the traits that it needs, and its role in the template allows the same and no more.
//! All methods are safe to repeat.

mod stores;
mod sync;
mod vendor;

pub use stores::{
    ChangeRelation, CountDay, CountFacts, FindCustomers, KeepChannels, KeepProfile, KeepWelcomes,
    LeaveWork, ReadChannel, ReadContact, ReadCounts, ReadEvents, ReadRelation, ReadWelcomes,
    RecordTags, RecordWelcome, StoreEvent,
};
pub use sync::{
    FindWork, KeepBalance, KeepGroups, KeepMembers, KeepRuns, KeepTagLibrary, ObserveRelations,
    ReadBalance, ReadQuota, ReadRuns,
};
pub use vendor::{
    KeepRemoteChannel, MarkTags, ReadAcquisition, ReadAddressBook, ReadApps, ReadCustomers,
    ReadFollowers, ReadGroups, ReadNames, ReadProfile, ReadTagLibrary, ReadTags, RefreshTokens,
    SendWelcome, UploadMedia, UploadPicture, WriteRemark,
};
