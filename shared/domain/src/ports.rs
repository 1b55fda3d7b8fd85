//! What the rules ask of the outside world: one trait per table or endpoint.
//!
//! A function names the traits that it needs. Its role in the template allows the actions of the methods that it calls,
//! and those that the access tokens and the governor of `platform` need. Every method is safe to repeat.

mod stores;
mod sync;
mod vendor;

pub use stores::{
    ChannelStore, ContactStore, CountStore, EventStore, OutcomeStore, RelationStore, StoreEvent,
    WelcomeStore,
};
pub use sync::{
    BalanceStore, DueStore, GroupStore, MemberStore, ObserveRelations, ReadQuota, RunStore,
    TagStore,
};
pub use vendor::{
    AddressBookApi, CustomerApi, GroupApi, MediaApi, ProvisionChannel, ReadAcquisition, ReadApps,
    RefreshTokens, SendWelcome, TagApi,
};

/// Defines a trait that is the sum of several ports, implemented by every type that has them all.
#[macro_export]
macro_rules! port_set {
    ($(#[$meta:meta])* $visibility:vis trait $name:ident: $($port:path),+ $(,)?) => {
        $(#[$meta])*
        $visibility trait $name: $($port +)+ Sync {}
        impl<T: $($port +)+ Sync> $name for T {}
    };
}
