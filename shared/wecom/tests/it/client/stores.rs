//! Stores that misbehave, each in one way.

use clock::ManualClock;
use std::future::{pending, ready};
use std::time::Duration;
use wecom::client::BoxFuture;
use wecom::{Error, MemoryTokenStore, StoredToken, TokenKey, TokenStore};

/// Every question fails.
pub(super) struct Failing;

/// No question is answered, and a second passes while one waits for the answer.
pub(super) struct Hanging(pub(super) ManualClock);

impl Hanging {
    fn hang<'a, T: Send + 'a>(&'a self) -> Answer<'a, T> {
        Box::pin(async {
            self.0.advance(Duration::from_secs(1));
            pending().await
        })
    }
}

/// Another process always holds the lease; its token comes through the store inside.
#[derive(Default)]
pub(super) struct Taken(pub(super) MemoryTokenStore);

type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

fn down<'a, T: Send + 'a>() -> Answer<'a, T> {
    Box::pin(ready(Err(Error::TokenStore("down".into()))))
}

impl TokenStore for Failing {
    fn load<'a>(&'a self, _: &'a TokenKey) -> Answer<'a, Option<StoredToken>> {
        down()
    }

    fn try_lease<'a>(&'a self, _: &'a TokenKey, _: i64, _: i64) -> Answer<'a, bool> {
        down()
    }

    fn save<'a>(&'a self, _: &'a TokenKey, _: &'a StoredToken) -> Answer<'a, ()> {
        down()
    }

    fn release<'a>(&'a self, _: &'a TokenKey, _: i64) -> Answer<'a, ()> {
        down()
    }
}

impl TokenStore for Hanging {
    fn load<'a>(&'a self, _: &'a TokenKey) -> Answer<'a, Option<StoredToken>> {
        self.hang()
    }

    fn try_lease<'a>(&'a self, _: &'a TokenKey, _: i64, _: i64) -> Answer<'a, bool> {
        self.hang()
    }

    fn save<'a>(&'a self, _: &'a TokenKey, _: &'a StoredToken) -> Answer<'a, ()> {
        self.hang()
    }

    fn release<'a>(&'a self, _: &'a TokenKey, _: i64) -> Answer<'a, ()> {
        self.hang()
    }
}

impl TokenStore for Taken {
    fn load<'a>(&'a self, key: &'a TokenKey) -> Answer<'a, Option<StoredToken>> {
        self.0.load(key)
    }

    fn try_lease<'a>(&'a self, _: &'a TokenKey, _: i64, _: i64) -> Answer<'a, bool> {
        Box::pin(ready(Ok(false)))
    }

    fn save<'a>(&'a self, key: &'a TokenKey, token: &'a StoredToken) -> Answer<'a, ()> {
        self.0.save(key, token)
    }

    fn release<'a>(&'a self, key: &'a TokenKey, until: i64) -> Answer<'a, ()> {
        self.0.release(key, until)
    }
}
