//! The balance of acquisition links.

use domain::acquisition::Balance;
use domain::ports::{KeepBalance, ReadBalance, StoreError};
use wecom::CorpId;

use super::Store;
use crate::layout::Key;

impl ReadBalance for Store {
    async fn balance(&self, corp: &CorpId) -> Result<Option<Balance>, StoreError> {
        self.read_value(&Key::balance(corp)).await
    }
}

impl KeepBalance for Store {
    async fn put_balance(&self, corp: &CorpId, balance: &Balance) -> Result<(), StoreError> {
        let put = self.put_read(Key::balance(corp), balance, balance.read_at);
        put.await.map(|_| ())
    }
}
