//! Access tokens, shared by all functions: one item per app, with the lease of who fetches the next.
//!
//! Where the configuration has data keys, the token is sealed ([`crate::data_keys`]) in place of the attribute `token`.
//! To a release that does not know that, and to a function without these keys, such an item has no token, and they
//! fetch one; what they write is read here, because the attribute `token` is always newer than a sealed one next to it.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use wecom::client::Broken;
use wecom::{Error, StoredToken, TokenKey, TokenStore};

use super::{Store, attr_n, attr_s, condition_held, to_row};
use crate::BoxFuture;
use crate::data_keys::{FindDataKeys, Place, Use};
use crate::layout::Key;

/// The tokens in the data table.
#[derive(Clone)]
pub struct SharedTokens {
    store: Store,
    keys: Arc<dyn FindDataKeys>,
}

#[derive(Deserialize)]
struct Row {
    token: Option<String>,
    sealed: Option<String>,
    valid_until: Option<UnixSeconds>,
    /// [`Broken`] as JSON.
    broken: Option<String>,
}

impl SharedTokens {
    /// Keeps tokens in `store`, sealed if `keys` has some.
    #[must_use]
    pub fn new(store: Store, keys: Arc<dyn FindDataKeys>) -> Self {
        Self { store, keys }
    }

    /// The token of an item. `None` if it was sealed with a key that is not there.
    async fn opened(&self, key: &TokenKey, row: &Row) -> Option<SecretString> {
        if let Some(token) = &row.token {
            return Some(SecretString::from(token.as_str()));
        }
        let keys = self.keys.data_keys().await?;
        let opened = keys.open(&place(key), row.sealed.as_ref()?)?;
        Some(SecretString::from(str::from_utf8(&opened).ok()?))
    }

    fn update(&self, key: &TokenKey) -> Result<UpdateItemFluentBuilder, StoreError> {
        let key = to_row(&Key::token(&key.corp, &key.app))?;
        Ok(self
            .store
            .client
            .update_item()
            .table_name(&self.store.data)
            .set_key(Some(key)))
    }

    async fn read(&self, key: &TokenKey) -> Result<Option<StoredToken>, StoreError> {
        let row: Option<Row> = self
            .store
            .read_item(&Key::token(&key.corp, &key.app))
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        // An item that holds a lease only has no token yet.
        let token = self.opened(key, &row).await.zip(row.valid_until);
        Ok(token.map(|(token, expires_at)| StoredToken {
            token,
            expires_at: expires_at.get(),
            broken: row
                .broken
                .and_then(|json| serde_json::from_str::<Broken>(&json).ok()),
        }))
    }

    async fn lease(
        &self,
        key: &TokenKey,
        now: UnixSeconds,
        until: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(key)?
            .update_expression("SET leased_until = :until");
        let update = update
            .condition_expression("attribute_not_exists(leased_until) OR leased_until <= :now");
        let update = update
            .expression_attribute_values(":until", attr_n(until.get()))
            .expression_attribute_values(":now", attr_n(now.get()));
        condition_held(update.send().await)
    }

    async fn write(&self, key: &TokenKey, token: &StoredToken) -> Result<(), StoreError> {
        let broken = token
            .broken
            .as_ref()
            .and_then(|broken| serde_json::to_string(broken).ok());
        let keys = self.keys.data_keys().await;
        let plain = token.token.expose_secret();
        // An item of an app that is broken may have no token.
        let sealed = keys.filter(|_| !plain.is_empty()).map(|keys| {
            keys.seal(&place(key), plain.as_bytes())
                .map_err(|error| StoreError::unwritable("a token", error))
        });
        let (name, other, value) = match sealed.transpose()? {
            Some(sealed) => ("sealed", "token", sealed),
            None => ("token", "sealed", plain.to_owned()),
        };
        let expression = match broken {
            Some(_) => {
                "SET #token = :token, valid_until = :until, broken = :broken REMOVE leased_until, #other"
            }
            None => "SET #token = :token, valid_until = :until REMOVE leased_until, broken, #other",
        };
        let update = self
            .update(key)?
            .update_expression(expression)
            .expression_attribute_names("#token", name)
            .expression_attribute_names("#other", other)
            .expression_attribute_values(":token", attr_s(value));
        let mut update = update.expression_attribute_values(":until", attr_n(token.expires_at));
        if let Some(broken) = broken {
            update = update.expression_attribute_values(":broken", attr_s(broken));
        }
        condition_held(update.send().await).map(|_| ())
    }

    async fn free(&self, key: &TokenKey, until: UnixSeconds) -> Result<(), StoreError> {
        let update = self.update(key)?.update_expression("REMOVE leased_until");
        let update = update.condition_expression("leased_until = :until");
        condition_held(
            update
                .expression_attribute_values(":until", attr_n(until.get()))
                .send()
                .await,
        )
        .map(|_| ())
    }
}

/// Where a token is sealed.
fn place(key: &TokenKey) -> Place<'_> {
    Place {
        corp: &key.corp,
        used: Use::Tokens,
        field: key.app.as_str(),
    }
}

impl TokenStore for SharedTokens {
    fn load<'a>(&'a self, key: &'a TokenKey) -> BoxFuture<'a, Result<Option<StoredToken>, Error>> {
        Box::pin(async { self.read(key).await.map_err(failed) })
    }

    fn try_lease<'a>(
        &'a self,
        key: &'a TokenKey,
        now: i64,
        until: i64,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            self.lease(key, UnixSeconds(now), UnixSeconds(until))
                .await
                .map_err(failed)
        })
    }

    fn save<'a>(
        &'a self,
        key: &'a TokenKey,
        token: &'a StoredToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { self.write(key, token).await.map_err(failed) })
    }

    fn release<'a>(&'a self, key: &'a TokenKey, until: i64) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.free(key, UnixSeconds(until)).await.map_err(failed) })
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the argument of map_err"
)]
fn failed(error: StoreError) -> Error {
    Error::TokenStore(error.to_string())
}
