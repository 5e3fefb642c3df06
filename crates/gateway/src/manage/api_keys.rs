//! API keys of a project.

use std::time::Duration;

use domain::{
    api_key::{ApiKey, ApiKeyInput, NewApiKey},
    audit::{Action, Changes, Target},
    field::FieldErrors,
    id::ApiKeyId,
    page::{Page, PageRequest},
    permission::Permission,
};
use serde_json::json;

use super::{Access, Error, Result, audit::Note};
use crate::{Gateway, auth, clock};

/// How long the old key works beside the one that replaces it.
const ROTATION_OVERLAP: Duration = Duration::from_hours(24);

impl Gateway {
    pub async fn api_keys(&self, access: &Access, page: PageRequest) -> Result<Page<ApiKey>> {
        access.require(Permission::ManageKeys)?;
        Ok(access.rows.api_keys(page).await?)
    }

    pub async fn api_key(&self, access: &Access, id: ApiKeyId) -> Result<ApiKey> {
        access.require(Permission::ManageKeys)?;
        access.rows.api_key(id).await?.ok_or(Error::NotFound)
    }

    /// The text of the key stands in the answer, this once.
    pub async fn create_api_key(&self, access: &Access, input: ApiKeyInput) -> Result<NewApiKey> {
        let made = self.make_api_key(access, input).await?;
        let key = &made.api_key;
        let changes = Changes::to(json!({
            "name": key.name,
            "key_prefix": key.key_prefix,
            "scopes": key.scopes,
            "expires_at": key.expires_at,
        }));
        self.note(access, Note::new(Action::ApiKeyCreate, Target::new("api_key", key.id, &key.name), changes)).await;
        Ok(made)
    }

    async fn make_api_key(&self, access: &Access, input: ApiKeyInput) -> Result<NewApiKey> {
        access.require(Permission::ManageKeys)?;
        let now = clock::now();
        let input = input.parse(now)?;
        let mut errors = FieldErrors::default();
        for scope in input.scopes.iter().filter(|scope| !access.may_grant(**scope)) {
            errors.push("scopes", format!("must not hold {}, which you do not have yourself", scope.as_str()));
        }
        errors.into_result()?;
        let generated = auth::key::generate(access.environment().mode);
        let id = ApiKeyId::new(now, clock::id_bits());
        access.rows.insert_api_key(id, &input, generated.hash, &generated.prefix, now).await?;
        Ok(NewApiKey { key: generated.text, api_key: self.api_key(access, id).await? })
    }

    /// Makes a key that can do the same; the old one works for another day.
    pub async fn rotate_api_key(&self, access: &Access, id: ApiKeyId) -> Result<NewApiKey> {
        let old = self.api_key(access, id).await?;
        let now = clock::now();
        if !old.is_live(now) {
            return Err(Error::Conflict("the key is revoked or has expired; make a new one".into()));
        }
        let target = Target::new("api_key", id, &old.name);
        let input = ApiKeyInput { name: old.name, scopes: old.scopes, expires_at: old.expires_at };
        let new = self.make_api_key(access, input).await?;
        let ends = now.plus(ROTATION_OVERLAP);
        access.rows.revoke_api_key(id, ends).await?;
        let changes = Changes::to(json!({ "ends_at": ends, "replaced_by": new.api_key.id }));
        self.note(access, Note::new(Action::ApiKeyRotate, target, changes)).await;
        Ok(new)
    }

    /// Ends a key at once.
    pub async fn revoke_api_key(&self, access: &Access, id: ApiKeyId) -> Result<()> {
        access.require(Permission::ManageKeys)?;
        let key = access.rows.api_key(id).await?.ok_or(Error::NotFound)?;
        if !access.rows.revoke_api_key(id, clock::now()).await? {
            return Err(Error::NotFound);
        }
        self.note(access, Note::of(Action::ApiKeyRevoke, Target::new("api_key", id, &key.name))).await;
        Ok(())
    }
}
