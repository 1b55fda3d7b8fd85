//! What the rules ask of the outside world: one trait per capability.
//!
//! A function names the traits that it needs, and its role in the template allows the same and no more.
//! All methods are safe to repeat.

mod stores;
mod sync;
mod vendor;
mod vendor_error;

pub use stores::{
    ChangeRelation, ContactRecord, CountDay, CountFacts, FindCustomers, KeepChannels, KeepProfile,
    KeepWelcomes, LeaveWork, ReadChannel, ReadContact, ReadCounts, ReadEvents, ReadRelation,
    ReadWelcomes, RecordTags, RecordWelcome, StoreError, StoreEvent, Stored, Subject, WelcomeOwner,
};
pub use sync::{
    Chunk, Due, FindWork, KeepBalance, KeepGroups, KeepMembers, KeepRuns, KeepTagLibrary, Lease,
    Observation, ObserveRelations, Observed, PageRead, ReadBalance, ReadQuota, ReadRuns, Reading,
};
pub use vendor::{
    AppState, KeepRemoteChannel, MarkTags, ReadAcquisition, ReadAddressBook, ReadApps,
    ReadCustomers, ReadFollowers, ReadGroups, ReadNames, ReadProfile, ReadTagLibrary, ReadTags,
    RefreshTokens, SendWelcome, UploadError, UploadMedia, UploadPicture, WriteRemark,
};
pub use vendor_error::VendorError;
