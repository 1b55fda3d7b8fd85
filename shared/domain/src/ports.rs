//! What the rules ask of the outside world: one trait per capability.
//!
//! A function names the traits that it needs, and its role in the template allows the same and no more.
//! All methods are safe to repeat.

mod stores;
mod vendor;

pub use stores::{
    ChangeRelation, ContactRecord, CountDay, CountFacts, KeepChannels, KeepProfile, KeepWelcomes,
    ReadChannel, ReadContact, ReadCounts, ReadEvents, ReadRelation, ReadWelcomes, RecordTags,
    RecordWelcome, StoreError, StoreEvent, Stored, Subject, WelcomeOwner,
};
pub use vendor::{
    AppState, KeepRemoteChannel, MarkTags, ReadApps, ReadNames, ReadProfile, ReadTags, SendWelcome,
    UploadError, UploadMedia, WriteRemark,
};
