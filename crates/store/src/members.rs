//! Who belongs to an organization.
//!
//! Whoever changes it locks the organization first, so that two changes at one time find each other: an organization always has an
//! owner.

use domain::{
    audit::AuditEntry,
    id::{OrgId, UserId},
    permission::Role,
    team::{MAX_MEMBERS, Member},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait, QueryResult, prelude::Uuid};

use crate::{
    connection::Transaction,
    db::Store,
    error::Result,
    row::{at, get, parse, uuid},
};

/// A change of one member, and what it was decided upon.
#[derive(Debug, Clone, Copy)]
pub struct MemberChange {
    pub org: OrgId,
    /// Whoever changes it, and what they are.
    pub by: (UserId, Role),
    pub member: (UserId, Role),
    /// What the member is to be; `None` for no member any more.
    pub to: Option<Role>,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChanged {
    Done,
    /// Roles are no longer what they were when it was decided.
    Stale,
    /// There would be no owner.
    LastOwner,
}

const COLUMNS: &str = "u.id, u.name, u.email, m.role, m.created_at";

impl Store {
    /// Everybody, owners first.
    pub async fn members(&self, org: OrgId) -> Result<Vec<Member>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 \
             ORDER BY CASE m.role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 WHEN 'member' THEN 2 ELSE 3 END, u.email \
             LIMIT {MAX_MEMBERS}"
        );
        let rows = self.reader().query_all_raw(self.statement(sql, [uuid(org.as_u128()).into()])).await?;
        rows.iter().map(member).collect()
    }

    pub async fn member(&self, org: OrgId, user: UserId) -> Result<Option<Member>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2"
        );
        let values = [uuid(org.as_u128()).into(), uuid(user.as_u128()).into()];
        self.reader().query_one_raw(self.statement(sql, values)).await?.as_ref().map(member).transpose()
    }

    pub async fn change_member(&self, change: MemberChange, entry: &AuditEntry) -> Result<MemberChanged> {
        let MemberChange { org, by, member, to } = change;
        let transaction = self.begin().await?;
        if !self.lock_organization(&transaction, org).await? {
            return Ok(MemberChanged::Stale);
        }
        for (user, role) in [by, member] {
            if self.role_in(&transaction, org, user).await? != Some(role) {
                return Ok(MemberChanged::Stale);
            }
        }
        if member.1 == Role::Owner && to != Some(Role::Owner) {
            let sql = "SELECT count(*) AS found FROM memberships WHERE org_id = $1 AND role = 'owner'";
            if self.count_in(&transaction, sql, [uuid(org.as_u128()).into()]).await? < 2 {
                return Ok(MemberChanged::LastOwner);
            }
        }
        let key = [uuid(org.as_u128()).into(), uuid(member.0.as_u128()).into()];
        let statement = match to {
            Some(role) => {
                let sql = "UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2";
                self.statement(sql, key.into_iter().chain([role.as_str().into()]))
            }
            None => self.statement("DELETE FROM memberships WHERE org_id = $1 AND user_id = $2", key),
        };
        transaction.execute_raw(statement).await?;
        self.write_audit_in(&transaction, entry).await?;
        self.commit(transaction).await?;
        Ok(MemberChanged::Done)
    }

    async fn role_in(&self, transaction: &Transaction, org: OrgId, user: UserId) -> Result<Option<Role>> {
        let sql = "SELECT role FROM memberships WHERE org_id = $1 AND user_id = $2";
        let values = [uuid(org.as_u128()).into(), uuid(user.as_u128()).into()];
        let row = transaction.query_one_raw(self.statement(sql, values)).await?;
        row.map(|row| parse("memberships", "role", &get::<String>(&row, "role")?)).transpose()
    }

    /// Makes somebody a member. Returns false when they are one already.
    pub(crate) async fn insert_member_in(
        &self,
        transaction: &Transaction,
        (org, user, role): (OrgId, UserId, Role),
        now: Timestamp,
    ) -> Result<bool> {
        let sql = "INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (org_id, user_id) DO NOTHING";
        let values =
            [uuid(org.as_u128()).into(), uuid(user.as_u128()).into(), role.as_str().into(), now.as_micros().into()];
        Ok(transaction.execute_raw(self.statement(sql, values)).await?.rows_affected() > 0)
    }
}

fn member(row: &QueryResult) -> Result<Member> {
    Ok(Member {
        user_id: UserId::from_u128(get::<Uuid>(row, "id")?.as_u128()),
        name: get(row, "name")?,
        email: get(row, "email")?,
        role: parse("memberships", "role", &get::<String>(row, "role")?)?,
        joined_at: at(get(row, "created_at")?),
    })
}
