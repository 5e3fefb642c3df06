//! Signing a machine in by a code that a person confirms.

use std::{collections::HashMap, sync::Mutex, sync::PoisonError};

use domain::{
    api_key::{ApiKeyInput, NewApiKey},
    device::{
        CODE_LIFETIME, DeviceCode, DeviceCodeInput, DeviceRequest, DeviceToken, POLL_INTERVAL, UserCode, scopes_up_to,
    },
    id::{ApiKeyId, EnvId, UserId},
    permission::{Permission, Scope},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use store::devices::{Device, NewDevice};

use super::{Access, Caller, Error, Result};
use crate::{Gateway, auth, clock};

/// Where a person confirms it.
const PAGE: &str = "/device";
/// Wrong codes that a person may type within the time that one is good for.
const MAX_WRONG: u32 = 10;
/// People whose wrong codes are counted.
const MAX_COUNTED: usize = 10_000;

/// Why a machine has no key yet.
#[derive(Debug)]
pub enum NoToken {
    /// Nobody has answered.
    Pending,
    /// The same, and it asks too often.
    SlowDown,
    Expired,
    Denied,
    Failed(Error),
}

/// How often people have typed a wrong code since a time.
#[derive(Default)]
pub(crate) struct WrongCodes(Mutex<HashMap<UserId, (Timestamp, u32)>>);

impl Gateway {
    /// Gives a machine its codes.
    pub async fn ask_for_device(&self, input: &DeviceCodeInput, ip: Option<&str>) -> Result<DeviceCode> {
        let name = input.parse()?;
        let now = clock::now();
        let device_code = text_of(clock::secret_bytes::<32>());
        let user_code = UserCode::new(clock::secret_bytes());
        let device = NewDevice {
            device_hash: hash(&device_code),
            user_hash: hash(&user_code.letters()),
            name: &name,
            ip,
            expires_at: now.plus(CODE_LIFETIME),
        };
        if !self.inner.store.insert_device(&device, now).await? {
            return Err(Error::Conflict("too many machines wait to be let in; try again in ten minutes".into()));
        }
        let page = format!("{}{PAGE}", self.public_url());
        Ok(DeviceCode {
            device_code,
            verification_uri_complete: format!("{page}?code={user_code}"),
            verification_uri: page,
            user_code: user_code.to_string(),
            expires_in: CODE_LIFETIME.as_secs(),
            interval: POLL_INTERVAL.as_secs(),
        })
    }

    /// The machine that shows a code.
    pub async fn device(&self, user: UserId, code: &str) -> Result<DeviceRequest> {
        let now = clock::now();
        self.inner.wrong_codes.check(user, now)?;
        let found = match code.parse::<UserCode>() {
            Ok(code) => self.inner.store.waiting_device(&hash(&code.letters()), now).await?,
            Err(wanted) => return Err(Error::invalid("code", wanted)),
        };
        found.ok_or_else(|| {
            self.inner.wrong_codes.count(user, now);
            Error::invalid(
                "code",
                "is not known, or has expired; the terminal shows a new one when you run the command again",
            )
        })
    }

    /// Lets the machine into a project: it gets a key that may do as much as `scope` says. Nobody lets it do more than they may
    /// themselves.
    pub async fn approve_device(&self, user: UserId, code: &str, env: EnvId, scope: Scope) -> Result<()> {
        let access = self.access(&Caller::user(user, None), env).await?;
        let scopes = scopes_up_to(scope);
        check_scopes(&access, &scopes)?;
        self.answer_device(user, code, Some((env, &scopes))).await
    }

    pub async fn deny_device(&self, user: UserId, code: &str) -> Result<()> {
        self.answer_device(user, code, None).await
    }

    async fn answer_device(&self, user: UserId, code: &str, into: Option<(EnvId, &[Scope])>) -> Result<()> {
        self.device(user, code).await?;
        let code: UserCode = code.parse().map_err(|wanted| Error::invalid("code", wanted))?;
        if self.inner.store.answer_device(&hash(&code.letters()), user, into, clock::now()).await? {
            Ok(())
        } else {
            Err(Error::invalid("code", "was answered already"))
        }
    }

    /// The key of a machine that was let in. It is made now, and given once.
    pub async fn device_token(&self, device_code: &str) -> std::result::Result<DeviceToken, NoToken> {
        let (hash, now) = (hash(device_code), clock::now());
        let found = self.inner.store.poll_device(&hash, now).await.map_err(|error| NoToken::Failed(error.into()))?;
        let (name, by, env_id, scopes) = match found {
            None | Some(Device::Expired) => return Err(NoToken::Expired),
            Some(Device::Denied) => return Err(NoToken::Denied),
            // The way of a question may be shorter than that of the one before.
            Some(Device::Waiting { polled_at }) if now.since(polled_at) < POLL_INTERVAL * 4 / 5 => {
                return Err(NoToken::SlowDown);
            }
            Some(Device::Waiting { .. }) => return Err(NoToken::Pending),
            Some(Device::Approved { name, by, env_id, scopes }) => (name, by, env_id, scopes),
        };
        // Whoever said yes may have lost their role since.
        let access = self.access(&Caller::user(by, None), env_id).await.map_err(|_| NoToken::Denied)?;
        check_scopes(&access, &scopes).map_err(|_| NoToken::Denied)?;
        if !self.inner.store.remove_device(&hash).await.map_err(|error| NoToken::Failed(error.into()))? {
            return Err(NoToken::Expired);
        }
        let api_key = self.key_for_device(&access, name, scopes).await.map_err(NoToken::Failed)?;
        Ok(DeviceToken { api_key, environment: access.environment().clone() })
    }

    async fn key_for_device(&self, access: &Access, name: String, scopes: Vec<Scope>) -> Result<NewApiKey> {
        let now = clock::now();
        let input = ApiKeyInput { name, scopes, expires_at: None }.parse(now)?;
        let generated = auth::key::generate(access.environment().mode);
        let id = ApiKeyId::new(now, clock::id_bits());
        access.rows.insert_api_key(id, &input, generated.hash, &generated.prefix, now).await?;
        let api_key = access.rows.api_key(id).await?.ok_or(Error::Internal)?;
        self.note_new_key(access, &api_key).await;
        Ok(NewApiKey { key: generated.text, api_key })
    }
}

/// Whoever may only look lets a machine look, and no more.
fn check_scopes(access: &Access, scopes: &[Scope]) -> Result<()> {
    access.require(Permission::Read)?;
    let may_give = |scope: &Scope| *scope == Scope::Read || access.may_grant(*scope);
    if scopes.iter().all(may_give) {
        Ok(())
    } else {
        Err(Error::invalid("scope", "must be no more than your role in this project allows: read"))
    }
}

fn hash(code: &str) -> Vec<u8> {
    Sha256::digest(code.as_bytes()).to_vec()
}

fn text_of(bytes: [u8; 32]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl WrongCodes {
    fn check(&self, user: UserId, now: Timestamp) -> Result<()> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over =
            counts.get(&user).is_some_and(|(since, count)| *count >= MAX_WRONG && now.since(*since) < CODE_LIFETIME);
        if is_over {
            return Err(Error::Conflict("Too many codes were wrong. Wait ten minutes, and try again.".into()));
        }
        Ok(())
    }

    fn count(&self, user: UserId, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_COUNTED {
            counts.retain(|_, (since, _)| now.since(*since) < CODE_LIFETIME);
        }
        let (since, count) = counts.entry(user).or_insert((now, 0));
        if now.since(*since) >= CODE_LIFETIME {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}
