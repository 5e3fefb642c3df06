//! API keys of a project. Only the SHA-256 of a key is kept.

use domain::{
    api_key::{ApiKey, ApiKeyInput},
    id::{ApiKeyId, EnvId},
    page::{Page, PageRequest},
    permission::Scope as KeyScope,
    time::Timestamp,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Select};

use crate::{
    db::Store,
    entity::api_key::{ActiveModel, Column, Entity, Model},
    error::{Result, StoreError},
    row::{at, parse, uuid},
    scope::{Scope, page_query},
};

impl Store {
    /// The key with this hash, live or not, of a project that exists.
    pub async fn api_key_by_hash(&self, key_hash: &[u8]) -> Result<Option<ApiKey>> {
        let query = Entity::find().filter(Column::KeyHash.eq(key_hash.to_vec()));
        query.one(self.reader()).await?.map(ApiKey::try_from).transpose()
    }

    pub async fn touch_api_key(&self, id: ApiKeyId, now: Timestamp) -> Result<()> {
        let sql = "UPDATE api_keys SET last_used_at = $1 WHERE id = $2";
        let values = [now.as_micros().into(), uuid(id.as_u128()).into()];
        self.writer().execute_raw(self.statement(sql, values)).await?;
        Ok(())
    }
}

impl Scope {
    fn find_api_keys(&self) -> Select<Entity> {
        Entity::find().filter(Column::EnvId.eq(self.env_uuid()))
    }

    pub async fn api_keys(&self, page: PageRequest) -> Result<Page<ApiKey>> {
        let rows = page_query!(self.find_api_keys(), Column::Id, page).all(self.store.reader()).await?;
        let keys = rows.into_iter().map(ApiKey::try_from).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(keys, page.limit, |key| key.id.as_u128()))
    }

    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>> {
        let query = self.find_api_keys().filter(Column::Id.eq(uuid(id.as_u128())));
        query.one(self.store.reader()).await?.map(ApiKey::try_from).transpose()
    }

    pub async fn insert_api_key(
        &self,
        id: ApiKeyId,
        input: &ApiKeyInput,
        key_hash: Vec<u8>,
        key_prefix: &str,
        now: Timestamp,
    ) -> Result<()> {
        let scopes: Vec<_> = input.scopes.iter().map(|scope| scope.as_str()).collect();
        let row = ActiveModel {
            id: Set(uuid(id.as_u128())),
            env_id: Set(self.env_uuid()),
            name: Set(input.name.clone()),
            key_hash: Set(key_hash),
            key_prefix: Set(key_prefix.to_owned()),
            scopes: Set(scopes.join(" ")),
            created_at: Set(now.as_micros()),
            last_used_at: Set(None),
            expires_at: Set(input.expires_at.map(Timestamp::as_micros)),
            revoked_at: Set(None),
        };
        row.insert(self.store.writer()).await?;
        self.store.sync().await?;
        Ok(())
    }

    pub async fn rename_api_key(&self, id: ApiKeyId, name: &str) -> Result<()> {
        let sql = "UPDATE api_keys SET name = $1 WHERE env_id = $2 AND id = $3";
        let values = [name.into(), self.env_uuid().into(), uuid(id.as_u128()).into()];
        self.store.writer().execute_raw(self.store.statement(sql, values)).await?;
        self.store.sync().await
    }

    /// Ends a key at `at`, unless it ends earlier. Returns whether there is such a key.
    pub async fn revoke_api_key(&self, id: ApiKeyId, at: Timestamp) -> Result<bool> {
        let sql = "UPDATE api_keys SET revoked_at = CASE WHEN revoked_at < $1 THEN revoked_at ELSE $1 END \
            WHERE env_id = $2 AND id = $3";
        let values = [at.as_micros().into(), self.env_uuid().into(), uuid(id.as_u128()).into()];
        let revoked = self.store.writer().execute_raw(self.store.statement(sql, values)).await?.rows_affected() > 0;
        self.store.sync().await?;
        Ok(revoked)
    }
}

impl TryFrom<Model> for ApiKey {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self> {
        let scopes = row.scopes.split(' ').map(|word| parse::<KeyScope>("api_keys", "scopes", word));
        Ok(Self {
            id: ApiKeyId::from_u128(row.id.as_u128()),
            env_id: EnvId::from_u128(row.env_id.as_u128()),
            name: row.name,
            key_prefix: row.key_prefix,
            scopes: scopes.collect::<Result<_>>()?,
            created_at: at(row.created_at),
            last_used_at: row.last_used_at.map(at),
            expires_at: row.expires_at.map(at),
            revoked_at: row.revoked_at.map(at),
        })
    }
}
