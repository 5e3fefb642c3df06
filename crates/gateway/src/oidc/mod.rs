//! Signing in with an OpenID provider that the operator names, whichever it is: it says by discovery where its endpoints and
//! keys are.
//!
//! The authorization code flow with PKCE, a state and a nonce ([`Provider::begin`], [`Provider::finish`]). What comes back is
//! believed only after [`token`] has verified it.

mod provider;
mod token;

use url::Url;

pub use self::provider::{Begun, Provider};

/// The provider, as the operator names it.
#[derive(Clone)]
pub struct Settings {
    /// As the provider writes it in its tokens.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
    /// What the button says.
    pub name: String,
}

/// Who somebody is at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub issuer: String,
    pub subject: String,
    /// Only where the provider says that it is theirs.
    pub verified_email: Option<String>,
    pub name: Option<String>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum OidcError {
    /// The provider or the person does not want it, or the answer belongs to nothing that was begun here.
    #[error("the provider answered {0}")]
    Refused(String),
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the provider does not do as OpenID Connect says: {0}")]
    Protocol(String),
    #[error("the ID token is not to be believed: {0}")]
    Token(String),
}

impl Settings {
    /// # Errors
    /// Says which setting is wrong.
    pub fn parse(issuer: &str, client_id: &str, client_secret: &str, name: Option<&str>) -> Result<Self, &'static str> {
        const WANTED: &str = "HOOKSTREAM_OIDC_ISSUER must be a URL such as https://login.example.com, with http:// on this machine alone";
        let url = Url::parse(issuer.trim()).map_err(|_| WANTED)?;
        let host = url.host_str().ok_or(WANTED)?;
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !(url.scheme() == "https" || url.scheme() == "http" && is_here) || !is_plain {
            return Err(WANTED);
        }
        if client_id.trim().is_empty() || client_secret.trim().is_empty() {
            return Err("HOOKSTREAM_OIDC_CLIENT_ID and HOOKSTREAM_OIDC_CLIENT_SECRET must not be empty");
        }
        let name = name.map_or(host, str::trim);
        if name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control) {
            return Err("HOOKSTREAM_OIDC_NAME must be 1 to 40 characters");
        }
        Ok(Self {
            issuer: issuer.trim().to_owned(),
            client_id: client_id.trim().to_owned(),
            client_secret: client_secret.trim().to_owned(),
            name: name.to_owned(),
        })
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("issuer", &self.issuer).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_reached_over_tls() {
        let parse = |issuer| Settings::parse(issuer, "id", "secret", None).map(|settings| settings.name);
        assert_eq!(parse("https://login.example.com/realms/acme"), Ok("login.example.com".to_owned()));
        assert!(parse("http://127.0.0.1:8080").is_ok());
        for bad in [
            "",
            "login.example.com",
            "http://login.example.com",
            "https://x.test?a=b",
            "https://u:p@x.test",
            "ftp://x.test",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(Settings::parse("https://x.test", " ", "secret", None).is_err());
        assert!(Settings::parse("https://x.test", "id", "secret", Some("")).is_err());
    }
}
