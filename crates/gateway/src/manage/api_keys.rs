//! API keys of a project.

use domain::{
    api_key::{ApiKey, ApiKeyInput, ApiKeyNameInput, NewApiKey, RotateInput},
    audit::{Action, Changes, Target},
    field::FieldErrors,
    id::ApiKeyId,
    page::{Page, PageRequest},
    patch,
    permission::Permission,
};
use serde_json::{Value, json};

use super::{Access, Error, Result, audit::Note, input::parse_input};
use crate::{Gateway, auth, clock};

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
        self.note_new_key(access, &made.api_key).await;
        Ok(made)
    }

    pub(super) async fn note_new_key(&self, access: &Access, key: &ApiKey) {
        let changes = Changes::to(json!({
            "name": key.name,
            "key_prefix": key.key_prefix,
            "scopes": key.scopes,
            "expires_at": key.expires_at,
        }));
        self.note(access, Note::new(Action::ApiKeyCreate, Target::new("api_key", key.id, &key.name), changes)).await;
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

    /// Lays a merge patch over what of a key can be changed: its name.
    pub async fn update_api_key(&self, access: &Access, id: ApiKeyId, patch: Value) -> Result<ApiKey> {
        let key = self.api_key(access, id).await?;
        let mut input = json!({ "name": key.name });
        patch::merge(&mut input, patch);
        let name = parse_input::<ApiKeyNameInput>(input)?.parse()?;
        access.rows.rename_api_key(id, &name).await?;
        let changes = Changes::between(&json!({ "name": key.name }), json!({ "name": name }));
        self.note(access, Note::new(Action::ApiKeyUpdate, Target::new("api_key", id, &name), changes)).await;
        self.api_key(access, id).await
    }

    /// Makes a key that can do the same; the old one works beside it for a while.
    pub async fn rotate_api_key(&self, access: &Access, id: ApiKeyId, input: RotateInput) -> Result<NewApiKey> {
        access.require(Permission::ManageKeys)?;
        let overlap = input.overlap()?;
        let old = self.api_key(access, id).await?;
        let now = clock::now();
        if !old.is_live(now) {
            return Err(Error::Conflict("the key is revoked or has expired; make a new one".into()));
        }
        let target = Target::new("api_key", id, &old.name);
        let input = ApiKeyInput { name: old.name, scopes: old.scopes, expires_at: old.expires_at };
        let new = self.make_api_key(access, input).await?;
        let ends = now.plus(overlap);
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
