//! The balance of acquisition links.

use domain::acquisition::Balance;
use domain::error::StoreError;
use domain::ports::BalanceStore;
use jiff::Timestamp;
use wecom::CorpId;

use super::Store;
use crate::layout::Key;

impl BalanceStore for Store {
    async fn balance(&self, corp: &CorpId) -> Result<Option<Balance>, StoreError> {
        self.read_value(&Key::balance(corp)).await
    }

    async fn put_balance(
        &self,
        corp: &CorpId,
        balance: &Balance,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let put = self.put_read(Key::balance(corp), balance, at);
        put.await.map(|_| ())
    }
}
