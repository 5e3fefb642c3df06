//! Who people are at the provider that they sign in with.

use domain::{id::UserId, time::Timestamp};
use sea_orm::{ConnectionTrait, prelude::Uuid};

use crate::{
    connection::Transaction,
    db::Store,
    error::{Result, StoreError},
    row::{get, uuid},
};

/// Somebody at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    pub issuer: &'a str,
    pub subject: &'a str,
}

impl Store {
    /// The person here who is this one at the provider.
    pub async fn user_by_identity(&self, identity: Identity<'_>) -> Result<Option<UserId>> {
        let sql = "SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2";
        let values = [identity.issuer.into(), identity.subject.into()];
        let row = self.reader().query_one_raw(self.statement(sql, values)).await?;
        row.map(|row| Ok(UserId::from_u128(get::<Uuid>(&row, "user_id")?.as_u128()))).transpose()
    }

    /// Whether a person is somebody at this provider.
    pub async fn has_identity(&self, user: UserId, issuer: &str) -> Result<bool> {
        let sql = "SELECT user_id FROM identities WHERE user_id = $1 AND issuer = $2";
        let values = [uuid(user.as_u128()).into(), issuer.into()];
        Ok(self.reader().query_one_raw(self.statement(sql, values)).await?.is_some())
    }

    /// Keeps who a person is at a provider. Returns false when that is somebody else here, or the person another one there.
    pub async fn insert_identity(&self, identity: Identity<'_>, user: UserId, now: Timestamp) -> Result<bool> {
        let transaction = self.begin().await?;
        match self.insert_identity_in(&transaction, identity, user, now).await {
            Ok(()) => {
                self.commit(transaction).await?;
                Ok(true)
            }
            Err(StoreError::Conflict(_)) => {
                transaction.rollback().await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// # Errors
    /// [`StoreError::Conflict`] when that is somebody else here, or the person another one there.
    pub(crate) async fn insert_identity_in(
        &self,
        transaction: &Transaction,
        identity: Identity<'_>,
        user: UserId,
        now: Timestamp,
    ) -> Result<()> {
        let sql = "INSERT INTO identities (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4)";
        let Identity { issuer, subject } = identity;
        let values = [issuer.into(), subject.into(), uuid(user.as_u128()).into(), now.as_micros().into()];
        transaction.execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }

    /// Forgets who a person is at a provider. Returns false when they were nobody there.
    pub async fn delete_identity(&self, user: UserId, issuer: &str) -> Result<bool> {
        let sql = "DELETE FROM identities WHERE user_id = $1 AND issuer = $2";
        let values = [uuid(user.as_u128()).into(), issuer.into()];
        let was_there = self.writer().execute_raw(self.statement(sql, values)).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(was_there)
    }

    /// Forgets who a person is at all providers.
    pub(crate) fn delete_identities(&self, user: UserId) -> sea_orm::Statement {
        let sql = "DELETE FROM identities WHERE user_id = $1";
        self.statement(sql, [uuid(user.as_u128()).into()])
    }
}
