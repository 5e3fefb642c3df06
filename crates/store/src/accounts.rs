//! People and their organizations.

use domain::{
    audit::AuditEntry,
    id::{EnvId, OrgId, UserId},
    org::{Email, Membership, User},
    permission::Role,
    project::EnvironmentSpec,
    team::Organization,
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    prelude::Uuid,
};

use crate::{
    connection::Transaction,
    db::Store,
    entity::{membership, user},
    error::Result,
    identities::Identity,
    row::{at, get, parse, uuid},
};

/// A person with an organization of their own and its first project.
pub struct NewAccount<'a> {
    pub user_id: UserId,
    pub email: &'a Email,
    pub name: &'a str,
    pub password_hash: &'a str,
    pub organization: &'a Organization,
    pub env_id: EnvId,
    pub project: &'a EnvironmentSpec,
    pub entry: &'a AuditEntry,
    /// Whether letters to their address are known to reach them.
    pub is_confirmed: bool,
    /// Who they are at the provider that they came by.
    pub identity: Option<Identity<'a>>,
}

impl Store {
    pub async fn count_users(&self) -> Result<u64> {
        Ok(user::Entity::find().count(self.reader()).await?)
    }

    /// # Errors
    /// [`StoreError::Conflict`] when the e-mail address is taken, or somebody here is that one at the provider.
    pub async fn insert_account(&self, account: NewAccount<'_>, now: Timestamp) -> Result<()> {
        let transaction = self.begin().await?;
        let person = (account.name, account.password_hash);
        self.insert_user_in(&transaction, account.user_id, account.email, person, now).await?;
        if account.is_confirmed {
            transaction.execute_raw(self.email_verified(account.user_id, now)).await?;
        }
        let project = (account.env_id, account.project);
        self.insert_organization_in(&transaction, account.organization, account.user_id, project).await?;
        self.write_audit_in(&transaction, account.entry).await?;
        if let Some(identity) = account.identity {
            self.insert_identity_in(&transaction, identity, account.user_id, now).await?;
        }
        self.commit(transaction).await
    }

    /// Makes a person with a name and the hash of a password.
    pub(crate) async fn insert_user_in(
        &self,
        transaction: &Transaction,
        id: UserId,
        email: &Email,
        (name, password_hash): (&str, &str),
        now: Timestamp,
    ) -> Result<()> {
        user::ActiveModel {
            id: Set(uuid(id.as_u128())),
            email: Set(email.as_str().to_owned()),
            name: Set(name.to_owned()),
            password_hash: Set(password_hash.to_owned()),
            created_at: Set(now.as_micros()),
            updated_at: Set(now.as_micros()),
        }
        .insert(transaction)
        .await?;
        Ok(())
    }

    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        let row = user::Entity::find_by_id(uuid(id.as_u128())).one(self.reader()).await?;
        Ok(row.map(User::from))
    }

    /// A person and the hash of their password.
    pub async fn user_by_email(&self, email: &Email) -> Result<Option<(User, String)>> {
        let row = user::Entity::find().filter(user::Column::Email.eq(email.as_str())).one(self.reader()).await?;
        Ok(row.map(|row| {
            let hash = row.password_hash.clone();
            (User::from(row), hash)
        }))
    }

    /// The organizations of a person, oldest first.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>> {
        let sql = "SELECT o.id, o.name, m.role FROM memberships m JOIN orgs o ON o.id = m.org_id \
            WHERE m.user_id = $1 ORDER BY o.id";
        let rows = self.reader().query_all_raw(self.statement(sql, [uuid(user.as_u128()).into()])).await?;
        rows.iter()
            .map(|row| {
                Ok(Membership {
                    org_id: OrgId::from_u128(get::<Uuid>(row, "id")?.as_u128()),
                    org_name: get(row, "name")?,
                    role: parse("memberships", "role", &get::<String>(row, "role")?)?,
                })
            })
            .collect()
    }

    /// What a person is in an organization.
    pub async fn role(&self, user: UserId, org: OrgId) -> Result<Option<Role>> {
        let key = (uuid(org.as_u128()), uuid(user.as_u128()));
        let row = membership::Entity::find_by_id(key).one(self.reader()).await?;
        row.map(|row| parse("memberships", "role", &row.role)).transpose()
    }
}

impl From<user::Model> for User {
    fn from(row: user::Model) -> Self {
        Self {
            id: UserId::from_u128(row.id.as_u128()),
            email: row.email,
            name: row.name,
            created_at: at(row.created_at),
        }
    }
}
