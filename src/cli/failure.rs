//! How commands end that did not do what was asked, for scripts to tell apart.

use std::process::ExitCode;

/// Why a command did not do what was asked, with the code that it exits with.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The server refused it, or the file is wrong.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// The same, where each line of the message names a place of a file.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::refused(message)
    }

    /// A dry run has found something to change.
    pub const fn would_change() -> Self {
        Self { code: 3, message: String::new() }
    }

    /// Nobody said yes.
    pub fn unconfirmed(message: impl Into<String>) -> Self {
        Self { code: 4, message: message.into() }
    }

    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { code: 5, message: message.into() }
    }

    pub const fn is_unreachable(&self) -> bool {
        self.code == 5
    }

    /// There is no API key, or not the right one.
    pub fn key(message: impl Into<String>) -> Self {
        Self { code: 6, message: message.into() }
    }

    /// Says what there is to say, and returns the code.
    pub fn tell(&self) -> ExitCode {
        for line in self.message.lines() {
            eprintln!("hookstream: {line}");
        }
        ExitCode::from(self.code)
    }
}
