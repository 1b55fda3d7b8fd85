//! Access tokens, shared by all functions: one item per app, with the lease of who fetches the next.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::error::StoreError;
use domain::instant::UnixSeconds;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use wecom::client::Broken;
use wecom::{Error, StoredToken, TokenKey, TokenStore};

use super::{Store, attr_n, attr_s, condition_held, to_row};
use crate::BoxFuture;
use crate::layout::Key;

/// The tokens in the data table.
#[derive(Debug, Clone)]
pub struct SharedTokens {
    store: Store,
}

#[derive(Deserialize)]
struct Row {
    token: Option<String>,
    valid_until: Option<UnixSeconds>,
    /// [`Broken`] as JSON.
    broken: Option<String>,
}

impl SharedTokens {
    /// Keeps tokens in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
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
        // An item that holds a lease only has no token yet.
        let Some(Row {
            token: Some(token),
            valid_until: Some(expires_at),
            broken,
        }) = row
        else {
            return Ok(None);
        };
        let broken: Option<Broken> = broken.and_then(|json| serde_json::from_str(&json).ok());
        Ok(Some(StoredToken {
            token: SecretString::from(token),
            expires_at: expires_at.get(),
            broken,
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
        let expression = match broken {
            Some(_) => {
                "SET #token = :token, valid_until = :until, broken = :broken REMOVE leased_until"
            }
            None => "SET #token = :token, valid_until = :until REMOVE leased_until, broken",
        };
        let update = self
            .update(key)?
            .update_expression(expression)
            .expression_attribute_names("#token", "token");
        let update =
            update.expression_attribute_values(":token", attr_s(token.token.expose_secret()));
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
