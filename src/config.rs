//! How the server is set up: defaults, then a TOML file, then `HOOKSTREAM_*` variables, each over the one before.

mod secret_keys;

pub use self::secret_keys::{SecretKeys, put_first};

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use gateway::{Settings, SignupPolicy, mail, oidc};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::http::ApiRate;

/// The settings as they are written; the field's names in capitals after `HOOKSTREAM_` are the variables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the server listens.
    pub addr: SocketAddr,
    /// Where providers and people reach it; `http://<addr>` when absent.
    pub public_url: Option<String>,
    /// `sqlite:<path>` or `postgres://…`; a file in the data folder when absent.
    pub database_url: Option<String>,
    /// What stands before PostgreSQL.
    pub database_pooler: DatabasePooler,
    /// PostgreSQL itself, where `database_url` leads to a pooler in transaction mode, which carries no notifications.
    pub database_listen_url: Option<String>,
    pub data_dir: PathBuf,
    /// Keys of 64 hexadecimal characters with commas between them, the first one to seal. In the place of a file.
    #[serde(skip_serializing)]
    pub secret_key: Option<String>,
    /// A file of such keys, one a line; `secret.key` in the data folder when absent, generated there with SQLite.
    pub secret_key_file: Option<PathBuf>,
    /// Networks that deliveries may reach although they are not public.
    #[serde(deserialize_with = "networks", serialize_with = "as_text")]
    pub allow_targets: Vec<IpNet>,
    /// Networks of proxies that are believed when they say whose request it is.
    #[serde(deserialize_with = "networks", serialize_with = "as_text")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say so. The other one may come from anybody.
    pub forwarded_header: ForwardedHeader,
    /// Who may make an account. When absent: anybody until the first one exists, then who is invited.
    pub signup: Option<Signup>,
    /// The SMTP server that letters go by: `smtp://user:password@host:587` or `smtps://…`; none are sent when absent.
    #[serde(skip_serializing)]
    pub smtp_url: Option<String>,
    /// The address that letters come from.
    pub mail_from: Option<String>,
    /// An OpenID provider that people can sign in with, the client that this server is there, and what the button says.
    pub oidc_issuer: Option<String>,
    pub oidc_client_id: Option<String>,
    #[serde(skip_serializing)]
    pub oidc_client_secret: Option<String>,
    pub oidc_name: Option<String>,
    /// The longest request body, in bytes, or with KiB or MiB.
    #[serde(deserialize_with = "bytes")]
    pub max_body: usize,
    /// How many requests each API key may make: `6000/minute`, `100/second`, or `off`. Of each node.
    #[serde(deserialize_with = "rate", serialize_with = "rate_text")]
    pub api_rate: Option<ApiRate>,
    /// What is logged: a level, or directives such as `info,gateway=debug`.
    pub log: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signup {
    Open,
    Invite,
    Closed,
}

/// A pooler that needs to be known of: one that gives a connection a server for one transaction at a time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabasePooler {
    #[serde(alias = "session")]
    None,
    Transaction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardedHeader {
    #[serde(rename = "x-forwarded-for")]
    XForwardedFor,
    /// That of RFC 7239.
    #[serde(rename = "forwarded")]
    Forwarded,
}

const NAMES: [&str; 21] = [
    "addr",
    "public_url",
    "database_url",
    "database_pooler",
    "database_listen_url",
    "data_dir",
    "secret_key",
    "secret_key_file",
    "allow_targets",
    "trusted_proxies",
    "forwarded_header",
    "signup",
    "smtp_url",
    "mail_from",
    "oidc_issuer",
    "oidc_client_id",
    "oidc_client_secret",
    "oidc_name",
    "max_body",
    "api_rate",
    "log",
];
const DEFAULT_FILE: &str = "hookstream.toml";
const DEFAULT_MAX_BODY: usize = 10 << 20;
/// Connections to PostgreSQL of one process, or readers of an SQLite file.
const MAX_CONNECTIONS: u32 = 16;

impl Default for Config {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 3000)),
            public_url: None,
            database_url: None,
            database_pooler: DatabasePooler::None,
            database_listen_url: None,
            data_dir: PathBuf::from("data"),
            secret_key: None,
            secret_key_file: None,
            allow_targets: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            signup: None,
            smtp_url: None,
            mail_from: None,
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret: None,
            oidc_name: None,
            max_body: DEFAULT_MAX_BODY,
            api_rate: Some(ApiRate::default()),
            log: "info".to_owned(),
        }
    }
}

impl Config {
    /// Reads the file (`hookstream.toml` here, where there is one, unless another is named) and the environment.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        match file {
            Some(file) if !file.is_file() => bail!("the configuration file {} does not exist", file.display()),
            Some(file) => figment = figment.merge(Toml::file_exact(file)),
            None if Path::new(DEFAULT_FILE).is_file() => figment = figment.merge(Toml::file_exact(DEFAULT_FILE)),
            None => {}
        }
        let environment = Env::prefixed("HOOKSTREAM_").only(&NAMES);
        // An empty variable is an absent one.
        let set: Vec<String> = environment
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, _)| name.as_str().to_owned())
            .collect();
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let figment = figment.merge(Verbatim(&set));
        figment.extract().context("the configuration is not valid")
    }

    /// Without a slash at the end.
    pub fn public_url(&self) -> anyhow::Result<String> {
        let text = self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.addr));
        let url = text.trim_end_matches('/').to_owned();
        let is_web =
            ["http://", "https://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|r| !r.is_empty()));
        if is_web { Ok(url) } else { bail!("HOOKSTREAM_PUBLIC_URL must begin with http:// or https://, not {text:?}") }
    }

    pub fn database(&self) -> store::Options {
        let url = self
            .database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data_dir.join("hookstream.db").display()));
        let pooler = match self.database_pooler {
            DatabasePooler::None => store::Pooler::None,
            DatabasePooler::Transaction => store::Pooler::Transaction,
        };
        store::Options { url, max_connections: MAX_CONNECTIONS, pooler, listen_url: self.database_listen_url.clone() }
    }

    /// What the gateway needs to know. Generates the secret key where that is allowed.
    pub fn gateway(&self) -> anyhow::Result<Settings> {
        let secret = self.secret_keys()?;
        Ok(Settings {
            public_url: self.public_url()?,
            secret_keys: secret.keys,
            secret_key_file: secret.file,
            allow_targets: self.allow_targets.clone(),
            signup: match self.signup {
                None => SignupPolicy::FirstOnly,
                Some(Signup::Open) => SignupPolicy::Open,
                Some(Signup::Invite) => SignupPolicy::Invite,
                Some(Signup::Closed) => SignupPolicy::Closed,
            },
            mail: self.mail()?,
            oidc: self.oidc()?,
        })
    }
}

impl Config {
    fn oidc(&self) -> anyhow::Result<Option<oidc::Settings>> {
        let name = self.oidc_name.as_deref();
        match (&self.oidc_issuer, &self.oidc_client_id, &self.oidc_client_secret) {
            (None, None, None) if name.is_none() => Ok(None),
            (Some(issuer), Some(id), Some(secret)) => {
                let settings = oidc::Settings::parse(issuer, id, secret, name).map_err(anyhow::Error::msg)?;
                Ok(Some(settings))
            }
            _ => bail!(
                "HOOKSTREAM_OIDC_ISSUER, HOOKSTREAM_OIDC_CLIENT_ID and HOOKSTREAM_OIDC_CLIENT_SECRET must be set together"
            ),
        }
    }

    fn mail(&self) -> anyhow::Result<Option<mail::Settings>> {
        match (&self.smtp_url, &self.mail_from) {
            (None, None) => Ok(None),
            (Some(url), Some(from)) => Ok(Some(mail::Settings::parse(url, from)?)),
            (Some(_), None) => {
                bail!("HOOKSTREAM_SMTP_URL needs HOOKSTREAM_MAIL_FROM, the address that letters come from")
            }
            (None, Some(_)) => bail!("HOOKSTREAM_MAIL_FROM needs HOOKSTREAM_SMTP_URL, the server that letters go by"),
        }
    }
}

/// The variables as texts, whatever they look like: a key of digits alone is still a text.
struct Verbatim<'a>(&'a [&'a str]);

impl figment::Provider for Verbatim<'_> {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named("HOOKSTREAM_ environment variable(s)")
    }

    fn data(&self) -> figment::Result<figment::value::Map<figment::Profile, figment::value::Dict>> {
        let mut values = figment::value::Dict::new();
        for name in self.0 {
            let variable = format!("HOOKSTREAM_{}", name.to_uppercase());
            if let Ok(text) = std::env::var(&variable) {
                values.insert((*name).to_owned(), text.trim().to_owned().into());
            }
        }
        Ok(figment::value::Map::from([(figment::Profile::Default, values)]))
    }
}

/// A list, or a text with commas.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    let texts = match Given::deserialize(deserializer)? {
        Given::List(list) => list,
        Given::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    let network = |text: &String| {
        let text = text.trim();
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
            .map_err(|_| D::Error::custom(format!("{text:?} is no network such as 10.0.0.0/8 or address")))
    };
    texts.iter().filter(|text| !text.trim().is_empty()).map(network).collect()
}

fn as_text<S: serde::Serializer>(networks: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks.iter().map(ToString::to_string))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(usize),
        Text(String),
    }
    match Given::deserialize(deserializer)? {
        Given::Number(number) => Ok(number),
        Given::Text(text) => parse_bytes(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no size such as 65536, 64KiB or 10MiB"))),
    }
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ApiRate>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "off" { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn rate_text<S: serde::Serializer>(rate: &Option<ApiRate>, serializer: S) -> Result<S::Ok, S::Error> {
    match rate {
        Some(rate) => serializer.collect_str(rate),
        None => serializer.serialize_str("off"),
    }
}

fn parse_bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let (number, unit) = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
        .into_iter()
        .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|number| (number, unit)))
        .unwrap_or((text, 1));
    number.trim().parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_bytes("65536"), Some(65_536));
        assert_eq!(parse_bytes("10 MiB"), Some(10 << 20));
        assert_eq!(parse_bytes("1KiB"), Some(1024));
        assert_eq!(parse_bytes("ten"), None);
    }

    #[test]
    fn the_variables_are_the_fields() {
        let fields = serde_json::to_value(Config::default()).expect("serializes");
        let fields: Vec<_> = fields.as_object().expect("an object").keys().cloned().collect();
        for name in fields {
            assert!(NAMES.contains(&name.as_str()), "{name}");
        }
    }
}
