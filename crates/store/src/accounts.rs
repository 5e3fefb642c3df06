//! People and their organizations.

use domain::{
    id::{EnvId, OrgId, UserId},
    org::{Email, Membership, User},
    permission::Role,
    project::EnvironmentSpec,
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    prelude::Uuid,
};

use crate::{
    db::Store,
    entity::{membership, org, user},
    environments,
    error::{Result, StoreError},
    row::{at, get, parse, uuid},
};

/// A person with an organization of their own and its first project.
pub struct NewAccount<'a> {
    pub user_id: UserId,
    pub email: &'a Email,
    pub name: &'a str,
    pub password_hash: &'a str,
    pub org_id: OrgId,
    pub org_name: &'a str,
    pub env_id: EnvId,
    pub project: &'a EnvironmentSpec,
}

impl Store {
    pub async fn count_users(&self) -> Result<u64> {
        Ok(user::Entity::find().count(self.reader()).await?)
    }

    /// # Errors
    /// [`StoreError::Conflict`] when the e-mail address is taken.
    pub async fn insert_account(&self, account: NewAccount<'_>, now: Timestamp) -> Result<()> {
        let at = now.as_micros();
        let transaction = self.begin().await?;
        user::ActiveModel {
            id: Set(uuid(account.user_id.as_u128())),
            email: Set(account.email.as_str().to_owned()),
            name: Set(account.name.to_owned()),
            password_hash: Set(account.password_hash.to_owned()),
            created_at: Set(at),
            updated_at: Set(at),
        }
        .insert(&transaction)
        .await?;
        org::ActiveModel {
            id: Set(uuid(account.org_id.as_u128())),
            name: Set(account.org_name.to_owned()),
            created_at: Set(at),
        }
        .insert(&transaction)
        .await?;
        membership::ActiveModel {
            org_id: Set(uuid(account.org_id.as_u128())),
            user_id: Set(uuid(account.user_id.as_u128())),
            role: Set(Role::Owner.as_str().to_owned()),
            created_at: Set(at),
        }
        .insert(&transaction)
        .await?;
        environments::new_row(account.env_id, account.org_id, account.project, now).insert(&transaction).await?;
        self.commit(transaction).await?;
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

    /// Makes a person a member of an organization, or changes what they are in it.
    pub async fn set_role(&self, user: UserId, org: OrgId, role: Role, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role";
        let values =
            [uuid(org.as_u128()).into(), uuid(user.as_u128()).into(), role.as_str().into(), now.as_micros().into()];
        self.writer().execute_raw(self.statement(sql, values)).await.map_err(StoreError::from)?;
        self.sync().await
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
