//! Letters to people, by way of the operator's SMTP server.
//!
//! [`Settings`] say where that is; without them [`Mailer::is_configured`] says no, and whoever wants to write to somebody
//! has to offer another way. A request never waits for the server: [`Mailer::send_later`] tries a few times behind it.

mod settings;

use std::{sync::Arc, time::Duration};

use domain::org::Email;
use lettre::{
    Address, AsyncTransport, Message,
    message::{
        Mailbox,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::settings::{BadSettings, Settings};
use crate::clock;

/// A letter to one person, as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: Email,
    /// One line; what would begin another becomes a space.
    pub subject: String,
    pub text: String,
}

/// Sends letters. Clones share what is under way.
#[derive(Clone)]
pub struct Mailer {
    settings: Option<Settings>,
    room: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("no SMTP server is configured (HOOKSTREAM_SMTP_URL)")]
    NotConfigured,
    #[error("the letter cannot be written: {0}")]
    Letter(String),
    #[error("the SMTP server took longer than {SEND_LIMIT:?}")]
    TooSlow,
    #[error("the SMTP server did not take the letter: {0}")]
    Refused(#[source] lettre::transport::smtp::Error),
}

/// How long one try may take.
const SEND_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait before each further try.
const WAITS: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(10), Duration::from_mins(1), Duration::from_mins(5)];
/// Letters that may be under way or wait for another try at once; further ones are not sent.
const ROOM: usize = 256;
/// Characters of a subject; more is cut off.
const MAX_SUBJECT: usize = 200;

impl Mailer {
    #[must_use]
    pub fn new(settings: Option<Settings>, stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { settings, room: Arc::new(Semaphore::new(ROOM)), stop, tasks }
    }

    /// Whether letters can be sent at all.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.settings.is_some()
    }

    /// Hands a letter to the server, once.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let settings = self.settings.as_ref().ok_or(MailError::NotConfigured)?;
        let message = message(settings, letter)?;
        match tokio::time::timeout(SEND_LIMIT, settings.transport.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(MailError::Refused),
            Err(_) => Err(MailError::TooSlow),
        }
    }

    /// Sends a letter behind whoever asks for it, and tries again when that fails for the moment. What becomes of it stands
    /// in the log, without the letter.
    pub fn send_later(&self, letter: Letter) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::error!(limit = ROOM, "too many letters wait for the SMTP server; one was not sent");
            return;
        };
        let mailer = self.clone();
        self.tasks.spawn(async move {
            mailer.send_patiently(letter).await;
            drop(place);
        });
    }

    async fn send_patiently(&self, letter: Letter) {
        let mut waits = WAITS.iter();
        loop {
            let error = match self.send(&letter).await {
                Ok(()) => return tracing::info!(subject = letter.subject, "a letter was sent"),
                Err(error) => error,
            };
            let Some(wait) = waits.next().filter(|_| error.is_passing()) else {
                return tracing::error!(%error, subject = letter.subject, "a letter could not be sent");
            };
            tracing::warn!(%error, wait_seconds = wait.as_secs(), "a letter could not be sent yet");
            tokio::select! {
                () = tokio::time::sleep(*wait) => {}
                () = self.stop.cancelled() => {
                    return tracing::error!(subject = letter.subject, "a letter was not sent before the server stopped");
                }
            }
        }
    }
}

impl MailError {
    /// Whether another try may succeed.
    fn is_passing(&self) -> bool {
        match self {
            Self::NotConfigured | Self::Letter(_) => false,
            Self::TooSlow => true,
            Self::Refused(error) => !error.is_permanent(),
        }
    }
}

/// The letter with its headers. Nothing in it can become a header of its own: the address is one, and the subject one line.
fn message(settings: &Settings, letter: &Letter) -> Result<Message, MailError> {
    let subject: String = letter.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let subject: String = subject.trim().chars().take(MAX_SUBJECT).collect();
    let wrong = |error: &dyn std::fmt::Display| MailError::Letter(error.to_string());
    let to: Address = letter.to.as_str().parse().map_err(|error| wrong(&error))?;
    let id = format!("<{}@{}>", hex::encode(clock::secret_bytes::<16>()), settings.from.email.domain());
    Message::builder()
        .from(settings.from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject)
        .message_id(Some(id))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.replace("\r\n", "\n").replace('\n', "\r\n"))
        .map_err(|error| wrong(&error))
}

/// Says that no person wrote it, so that no machine answers that its owner is away (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_subject_makes_a_header() {
        let settings =
            Settings::parse("smtp://127.0.0.1?tls=none", "hookstream <hooks@example.com>").expect("settings");
        let to = "ana@example.com".parse().expect("an address");
        let subject = "Ana\r\nBcc: eve@example.com\r\n\r\nHello".to_owned();
        let message = message(&settings, &Letter { to, subject, text: "One\nTwo ü".to_owned() }).expect("a message");
        let text = String::from_utf8(message.formatted()).expect("text");
        let (head, _) = text.split_once("\r\n\r\n").expect("a head and a body");
        let names: Vec<_> =
            head.lines().filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next()).collect();
        assert!(names.iter().all(|name| *name != Some("Bcc")), "{head}");
        assert_eq!(names.iter().filter(|name| **name == Some("Subject")).count(), 1, "{head}");
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
        assert_eq!(message.envelope().to().len(), 1);
    }
}
