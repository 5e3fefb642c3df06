//! How mail is sent: a URL of an SMTP server, and the address that letters come from.
//!
//! `smtp://user:password@mail.example.com:587?tls=required`, or `smtps://…` where the connection is encrypted from its
//! first byte on.

use std::{fmt, time::Duration};

use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use url::Url;

pub(super) type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// A server to hand letters to. It is not asked before the first letter.
#[derive(Clone)]
pub struct Settings {
    pub(super) transport: Transport,
    pub(super) from: Mailbox,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    #[error(
        "HOOKSTREAM_SMTP_URL must be a URL such as smtp://user:password@mail.example.com:587 or smtps://mail.example.com: {0}"
    )]
    Url(&'static str),
    #[error("HOOKSTREAM_SMTP_URL: the parameter tls must be required, opportunistic or none")]
    Tls,
    #[error("HOOKSTREAM_SMTP_URL takes one parameter, tls")]
    Parameter,
    #[error("HOOKSTREAM_SMTP_URL: TLS cannot be used: {0}")]
    Certificates(String),
    #[error("HOOKSTREAM_MAIL_FROM must be an address such as hooks@example.com or hookstream <hooks@example.com>")]
    From,
}

/// How long the server may take to answer a command.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
const SUBMISSION: u16 = 587;
const SUBMISSION_ENCRYPTED: u16 = 465;

/// Whether a connection that begins in the clear is encrypted.
#[derive(Clone, Copy)]
enum StartTls {
    Required,
    IfOffered,
    Never,
}

impl Settings {
    /// Reads both settings.
    ///
    /// # Errors
    /// Names the setting. What the URL holds is not repeated, since a password stands there.
    pub fn parse(url: &str, from: &str) -> Result<Self, BadSettings> {
        let url = Url::parse(url.trim()).map_err(|_| BadSettings::Url("it cannot be read"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(BadSettings::Url("it names no host"))?;
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(BadSettings::Url("nothing comes after the host but ?tls="));
        }
        let start_tls = start_tls(&url)?;
        let parameters = || TlsParameters::new(host.clone()).map_err(|e| BadSettings::Certificates(e.to_string()));
        let (tls, port) = match (url.scheme(), start_tls) {
            ("smtps", None | Some(StartTls::Required)) => (Tls::Wrapper(parameters()?), SUBMISSION_ENCRYPTED),
            ("smtps", Some(_)) => return Err(BadSettings::Url("smtps:// is always encrypted")),
            ("smtp", None | Some(StartTls::Required)) => (Tls::Required(parameters()?), SUBMISSION),
            ("smtp", Some(StartTls::IfOffered)) => (Tls::Opportunistic(parameters()?), SUBMISSION),
            ("smtp", Some(StartTls::Never)) => (Tls::None, SUBMISSION),
            _ => return Err(BadSettings::Url("it begins with smtp:// or smtps://")),
        };
        let mut transport = Transport::builder_dangerous(host.clone())
            .port(url.port().unwrap_or(port))
            .timeout(Some(COMMAND_LIMIT))
            .tls(tls);
        if !url.username().is_empty() {
            let decode = |text: &str| {
                let pairs = format!("t={}", text.replace('+', "%2B").replace('&', "%26"));
                url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, text)| text.into_owned())
            };
            let user = decode(url.username()).unwrap_or_default();
            let password = decode(url.password().unwrap_or_default()).unwrap_or_default();
            transport = transport.credentials(Credentials::new(user, password));
        }
        let from = from.trim().parse::<Mailbox>().map_err(|_| BadSettings::From)?;
        if from.name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err(BadSettings::From);
        }
        Ok(Self { transport: transport.build(), from })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("from", &self.from).finish_non_exhaustive()
    }
}

fn start_tls(url: &Url) -> Result<Option<StartTls>, BadSettings> {
    let mut found = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" || found.is_some() {
            return Err(BadSettings::Parameter);
        }
        found = Some(match value.as_ref() {
            "required" => StartTls::Required,
            "opportunistic" => StartTls::IfOffered,
            "none" => StartTls::Never,
            _ => return Err(BadSettings::Tls),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "hookstream <hooks@example.com>";

    #[test]
    fn settings_are_read() {
        for good in [
            "smtp://mail.example.com",
            "smtp://mail.example.com:25/?tls=none",
            "smtp://ana%40example.com:p%2Bss+w@mail.example.com:587?tls=opportunistic",
            "smtps://user:password@[::1]:4650",
        ] {
            assert!(Settings::parse(good, FROM).is_ok(), "{good}");
        }
        assert!(Settings::parse("smtp://mail.example.com", "hooks@example.com").is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (url, from, names) in [
            ("", FROM, "HOOKSTREAM_SMTP_URL"),
            ("mail.example.com", FROM, "HOOKSTREAM_SMTP_URL"),
            ("http://u:pass-word@mail.example.com", FROM, "smtp://"),
            ("smtp://u:pass-word@mail.example.com?tls=maybe", FROM, "tls"),
            ("smtp://u:pass-word@mail.example.com?tls=none&tls=none", FROM, "tls"),
            ("smtp://u:pass-word@mail.example.com?starttls=1", FROM, "tls"),
            ("smtps://u:pass-word@mail.example.com?tls=none", FROM, "encrypted"),
            ("smtp://u:pass-word@mail.example.com/path", FROM, "after the host"),
            ("smtp://mail.example.com", "", "HOOKSTREAM_MAIL_FROM"),
            ("smtp://mail.example.com", "nobody", "HOOKSTREAM_MAIL_FROM"),
            ("smtp://mail.example.com", "a@example.com\r\nBcc: b@example.com", "HOOKSTREAM_MAIL_FROM"),
        ] {
            let error = Settings::parse(url, from).expect_err(url).to_string();
            assert!(error.contains(names), "{url} {from}: {error}");
            assert!(!error.contains("pass-word"), "{error}");
        }
        let settings = Settings::parse("smtp://u:pass-word@mail.example.com", FROM).expect("it is good");
        assert!(!format!("{settings:?}").contains("pass-word"));
    }
}
