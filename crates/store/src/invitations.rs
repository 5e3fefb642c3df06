//! Invitations into an organization. Of a link only the SHA-256 of its token is kept.

use std::time::Duration;

use domain::{
    audit::AuditEntry,
    id::{InvitationId, OrgId, UserId},
    org::Email,
    team::{INVITATIONS_AN_HOUR, Invitation, MAX_INVITATIONS, MAX_MEMBERS},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, Value, prelude::Uuid};

use crate::{
    connection::Transaction,
    db::Store,
    error::Result,
    row::{at, get, parse, uuid},
};

/// What came of an invitation that was to be sent, or sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Done,
    /// There is no such organization, or the invitation does not wait any more.
    Gone,
    IsMember,
    IsInvited,
    TooMany,
    TooOften,
}

/// What came of an invitation that was to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    Done,
    /// It does not hold any more.
    Ended,
    IsMember,
    /// The organization takes no more members.
    Full,
}

/// Somebody who is made for an invitation.
pub struct InvitedUser<'a> {
    pub id: UserId,
    pub email: &'a Email,
    pub name: &'a str,
    pub password_hash: &'a str,
}

const COLUMNS: &str = "id, org_id, email, role, invited_by, sent_at, expires_at, accepted_at, revoked_at";
const HOUR: Duration = Duration::from_hours(1);

impl Store {
    /// Those that nobody has answered, newest first.
    pub async fn invitations(&self, org: OrgId) -> Result<Vec<Invitation>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM invitations WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL \
             ORDER BY id DESC LIMIT {MAX_INVITATIONS}"
        );
        let rows = self.reader().query_all_raw(self.statement(sql, [uuid(org.as_u128()).into()])).await?;
        rows.iter().map(invitation).collect()
    }

    pub async fn invitation(&self, org: OrgId, id: InvitationId) -> Result<Option<Invitation>> {
        let sql = format!("SELECT {COLUMNS} FROM invitations WHERE org_id = $1 AND id = $2");
        let values = [uuid(org.as_u128()).into(), uuid(id.as_u128()).into()];
        self.reader().query_one_raw(self.statement(sql, values)).await?.as_ref().map(invitation).transpose()
    }

    /// The invitation whose newest link has this token.
    pub async fn invitation_by_token(&self, hash: &[u8]) -> Result<Option<Invitation>> {
        let sql = format!("SELECT {COLUMNS} FROM invitations WHERE token_hash = $1");
        let row = self.reader().query_one_raw(self.statement(sql, [hash.to_vec().into()])).await?;
        row.as_ref().map(invitation).transpose()
    }

    pub async fn insert_invitation(&self, new: &Invitation, token_hash: &[u8], entry: &AuditEntry) -> Result<Sent> {
        let transaction = self.begin().await?;
        let org = uuid(new.org_id.as_u128());
        if let Some(refused) = self.count_sending(&transaction, new.org_id, new.sent_at).await? {
            return Ok(refused);
        }
        let of_email = || -> [Value; 2] { [org.into(), new.email.as_str().into()] };
        let sql = "SELECT count(*) AS found FROM memberships m JOIN users u ON u.id = m.user_id \
            WHERE m.org_id = $1 AND u.email = $2";
        if self.count_in(&transaction, sql, of_email()).await? > 0 {
            return Ok(Sent::IsMember);
        }
        let open = "FROM invitations WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL";
        let sql = format!("SELECT count(*) AS found {open} AND email = $2");
        if self.count_in(&transaction, &sql, of_email()).await? > 0 {
            return Ok(Sent::IsInvited);
        }
        let sql = format!("SELECT count(*) AS found {open}");
        if self.count_in(&transaction, &sql, [org.into()]).await? >= i64::from(MAX_INVITATIONS) {
            return Ok(Sent::TooMany);
        }
        let sql = "INSERT INTO invitations (id, org_id, email, role, token_hash, invited_by, sent_at, expires_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = [
            uuid(new.id.as_u128()).into(),
            org.into(),
            new.email.as_str().into(),
            new.role.as_str().into(),
            token_hash.to_vec().into(),
            new.invited_by.as_str().into(),
            new.sent_at.as_micros().into(),
            new.expires_at.as_micros().into(),
        ];
        transaction.execute_raw(self.statement(sql, values)).await?;
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        Ok(Sent::Done)
    }

    /// Gives an invitation that waits, or has expired, another link; the former one leads nowhere from now on.
    pub async fn renew_invitation(&self, renewed: &Invitation, token_hash: &[u8], entry: &AuditEntry) -> Result<Sent> {
        let transaction = self.begin().await?;
        if let Some(refused) = self.count_sending(&transaction, renewed.org_id, renewed.sent_at).await? {
            return Ok(refused);
        }
        let sql = "UPDATE invitations SET token_hash = $1, sent_at = $2, expires_at = $3, invited_by = $4 \
            WHERE org_id = $5 AND id = $6 AND accepted_at IS NULL AND revoked_at IS NULL";
        let values = [
            token_hash.to_vec().into(),
            renewed.sent_at.as_micros().into(),
            renewed.expires_at.as_micros().into(),
            renewed.invited_by.as_str().into(),
            uuid(renewed.org_id.as_u128()).into(),
            uuid(renewed.id.as_u128()).into(),
        ];
        if transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            return Ok(Sent::Gone);
        }
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        Ok(Sent::Done)
    }

    /// Returns whether there was one that nobody had answered.
    pub async fn revoke_invitation(
        &self,
        org: OrgId,
        id: InvitationId,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let transaction = self.begin().await?;
        let sql = "UPDATE invitations SET revoked_at = $1 \
            WHERE org_id = $2 AND id = $3 AND accepted_at IS NULL AND revoked_at IS NULL";
        let values = [now.as_micros().into(), uuid(org.as_u128()).into(), uuid(id.as_u128()).into()];
        if transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            return Ok(false);
        }
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// Makes `user` a member by an invitation, once; where `new` is given, the person is made as well.
    ///
    /// # Errors
    /// [`crate::StoreError::Conflict`] when the new person's address has an account already.
    pub async fn accept_invitation(
        &self,
        (invitation, token_hash): (&Invitation, &[u8]),
        user: UserId,
        new: Option<InvitedUser<'_>>,
        now: Timestamp,
        entry: &AuditEntry,
    ) -> Result<Accepted> {
        let transaction = self.begin().await?;
        if !self.lock_organization(&transaction, invitation.org_id).await? {
            return Ok(Accepted::Ended);
        }
        let sql = "UPDATE invitations SET accepted_at = $1 WHERE id = $2 AND token_hash = $3 \
            AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $1";
        let values: [Value; 3] =
            [now.as_micros().into(), uuid(invitation.id.as_u128()).into(), token_hash.to_vec().into()];
        if transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() == 0 {
            return Ok(Accepted::Ended);
        }
        let sql = "SELECT count(*) AS found FROM memberships WHERE org_id = $1";
        let count = self.count_in(&transaction, sql, [uuid(invitation.org_id.as_u128()).into()]).await?;
        if count >= i64::from(MAX_MEMBERS) {
            return Ok(Accepted::Full);
        }
        if let Some(new) = new {
            self.insert_user_in(&transaction, new.id, new.email, (new.name, new.password_hash), now).await?;
        }
        let member = (invitation.org_id, user, invitation.role);
        if !self.insert_member_in(&transaction, member, now).await? {
            return Ok(Accepted::IsMember);
        }
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        Ok(Accepted::Done)
    }

    /// Notes that one more is sent, with the organization locked. Says why it may not be.
    async fn count_sending(&self, transaction: &Transaction, org: OrgId, now: Timestamp) -> Result<Option<Sent>> {
        let sql = "UPDATE orgs SET invites_sent = CASE WHEN invites_from > $1 THEN invites_sent + 1 ELSE 1 END, \
            invites_from = CASE WHEN invites_from > $1 THEN invites_from ELSE $2 END \
            WHERE id = $3 AND deleted_at IS NULL RETURNING invites_sent";
        let values = [now.minus(HOUR).as_micros().into(), now.as_micros().into(), uuid(org.as_u128()).into()];
        let Some(row) = transaction.query_one_raw(self.statement(sql, values)).await? else {
            return Ok(Some(Sent::Gone));
        };
        Ok((get::<i64>(&row, "invites_sent")? > i64::from(INVITATIONS_AN_HOUR)).then_some(Sent::TooOften))
    }
}

fn invitation(row: &QueryResult) -> Result<Invitation> {
    let time = |column| get::<Option<i64>>(row, column).map(|micros| micros.map(at));
    Ok(Invitation {
        id: InvitationId::from_u128(get::<Uuid>(row, "id")?.as_u128()),
        org_id: OrgId::from_u128(get::<Uuid>(row, "org_id")?.as_u128()),
        email: get(row, "email")?,
        role: parse("invitations", "role", &get::<String>(row, "role")?)?,
        invited_by: get(row, "invited_by")?,
        sent_at: at(get(row, "sent_at")?),
        expires_at: at(get(row, "expires_at")?),
        accepted_at: time("accepted_at")?,
        revoked_at: time("revoked_at")?,
    })
}
