//! What people show who they are by, and links that are sent to them. Of passwords, tokens and codes only hashes come here.

use domain::{id::UserId, org::Email, time::Timestamp};
use sea_orm::{ConnectionTrait, Statement, prelude::Uuid};

use crate::{
    db::Store,
    error::Result,
    row::{at, get, uuid},
};

/// A link that was sent, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountToken {
    pub user: Option<UserId>,
    pub data: String,
}

impl Store {
    /// The hash of a person's password.
    pub async fn password_hash(&self, user: UserId) -> Result<Option<String>> {
        let sql = "SELECT password_hash FROM users WHERE id = $1";
        let row = self.reader().query_one_raw(self.statement(sql, [uuid(user.as_u128()).into()])).await?;
        row.map(|row| get(&row, "password_hash")).transpose()
    }

    /// When a person has shown that letters to their address reach them.
    pub async fn email_verified_at(&self, user: UserId) -> Result<Option<Timestamp>> {
        let sql = "SELECT email_verified_at FROM users WHERE id = $1";
        let row = self.reader().query_one_raw(self.statement(sql, [uuid(user.as_u128()).into()])).await?;
        let micros: Option<i64> = row.map(|row| get(&row, "email_verified_at")).transpose()?.flatten();
        Ok(micros.map(at))
    }

    /// Gives a person another password, and ends all their sessions but one, and every link that would set a password. Without one
    /// that stays, whoever had the account before may have been somebody else: who they are at providers is forgotten as well.
    pub async fn set_password(
        &self,
        user: UserId,
        hash: &str,
        except: Option<&[u8]>,
        reset: &str,
        now: Timestamp,
    ) -> Result<()> {
        let transaction = self.begin().await?;
        let id: Uuid = uuid(user.as_u128());
        let sql = "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1";
        let values = [id.into(), hash.into(), now.as_micros().into()];
        transaction.execute_raw(self.statement(sql, values)).await?;
        transaction.execute_raw(self.end_sessions(user, except)).await?;
        if except.is_none() {
            transaction.execute_raw(self.delete_identities(user)).await?;
        }
        let sql = "DELETE FROM account_tokens WHERE user_id = $1 AND purpose = $2";
        transaction.execute_raw(self.statement(sql, [id.into(), reset.into()])).await?;
        self.commit(transaction).await?;
        Ok(())
    }

    /// The same by a link that works once: nothing happens when it is gone by now. Returns whether it was there.
    pub async fn reset_password(
        &self,
        token_hash: &[u8],
        user: UserId,
        hash: &str,
        reset: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        let id: Uuid = uuid(user.as_u128());
        let sql = "DELETE FROM account_tokens WHERE token_hash = $1 AND user_id = $2 AND expires_at > $3";
        let values = [token_hash.to_vec().into(), id.into(), now.as_micros().into()];
        if transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(false);
        }
        // Whoever reads the letter has the address.
        let sql = "UPDATE users SET password_hash = $2, updated_at = $3, \
            email_verified_at = COALESCE(email_verified_at, $3) WHERE id = $1";
        let values = [id.into(), hash.into(), now.as_micros().into()];
        transaction.execute_raw(self.statement(sql, values)).await?;
        transaction.execute_raw(self.end_sessions(user, None)).await?;
        transaction.execute_raw(self.delete_identities(user)).await?;
        let sql = "DELETE FROM account_tokens WHERE user_id = $1 AND purpose = $2";
        transaction.execute_raw(self.statement(sql, [id.into(), reset.into()])).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    pub async fn rename_user(&self, user: UserId, name: &str, now: Timestamp) -> Result<()> {
        let sql = "UPDATE users SET name = $2, updated_at = $3 WHERE id = $1";
        let values = [uuid(user.as_u128()).into(), name.into(), now.as_micros().into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        self.sync().await
    }

    /// Gives a person another address, and ends every link that was sent to the one before.
    ///
    /// # Errors
    /// [`crate::StoreError::Conflict`] when somebody else has it.
    pub async fn set_email(
        &self,
        user: UserId,
        email: &Email,
        verified_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<()> {
        let transaction = self.begin().await?;
        let id: Uuid = uuid(user.as_u128());
        let sql = "UPDATE users SET email = $2, email_verified_at = $3, updated_at = $4 WHERE id = $1";
        let verified_at = verified_at.map(Timestamp::as_micros);
        let values = [id.into(), email.as_str().into(), verified_at.into(), now.as_micros().into()];
        transaction.execute_raw(self.statement(sql, values)).await?;
        let sql = "DELETE FROM account_tokens WHERE user_id = $1";
        transaction.execute_raw(self.statement(sql, [id.into()])).await?;
        self.commit(transaction).await?;
        Ok(())
    }

    /// Notes that letters to a person's address reach them.
    pub async fn set_email_verified(&self, user: UserId, now: Timestamp) -> Result<()> {
        self.writer().execute_raw(self.email_verified(user, now)).await?;
        self.sync().await
    }

    pub(crate) fn email_verified(&self, user: UserId, now: Timestamp) -> Statement {
        let sql = "UPDATE users SET email_verified_at = $2 WHERE id = $1";
        self.statement(sql, [uuid(user.as_u128()).into(), now.as_micros().into()])
    }

    pub async fn insert_account_token(
        &self,
        token_hash: &[u8],
        purpose: &str,
        user: Option<UserId>,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<()> {
        let sql =
            "INSERT INTO account_tokens (token_hash, purpose, user_id, data, expires_at) VALUES ($1, $2, $3, $4, $5)";
        let user: Option<Uuid> = user.map(|user| uuid(user.as_u128()));
        let values =
            [token_hash.to_vec().into(), purpose.into(), user.into(), data.into(), expires_at.as_micros().into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        self.sync().await
    }

    /// What a link is for that has not expired.
    pub async fn account_token(
        &self,
        token_hash: &[u8],
        purpose: &str,
        now: Timestamp,
    ) -> Result<Option<AccountToken>> {
        let sql = "SELECT user_id, data FROM account_tokens WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3";
        let values = [token_hash.to_vec().into(), purpose.into(), now.as_micros().into()];
        let row = self.reader().query_one_raw(self.statement(sql, values)).await?;
        row.map(|row| {
            let user: Option<Uuid> = get(&row, "user_id")?;
            Ok(AccountToken { user: user.map(|id| UserId::from_u128(id.as_u128())), data: get(&row, "data")? })
        })
        .transpose()
    }

    /// Uses a link up. Returns whether it was there.
    pub async fn delete_account_token(&self, token_hash: &[u8]) -> Result<bool> {
        let sql = "DELETE FROM account_tokens WHERE token_hash = $1";
        let was_there =
            self.writer().execute_raw(self.statement(sql, [token_hash.to_vec().into()])).await?.rows_affected() > 0;
        self.sync().await?;
        Ok(was_there)
    }

    /// Removes up to 1000 links that have expired. Returns how many.
    pub async fn delete_expired_account_tokens(&self, now: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM account_tokens WHERE token_hash IN \
            (SELECT token_hash FROM account_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1000)";
        Ok(self.writer().execute_raw(self.statement(sql, [now.as_micros().into()])).await?.rows_affected())
    }
}
