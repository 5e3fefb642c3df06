//! Settings of the type `http`.

use serde::{Deserialize, Serialize};

use super::setting::{Setting, SettingKind, parse_url};
use crate::field::FieldErrors;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpConfig {
    pub url: String,
    #[serde(default)]
    pub method: Method,
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting::text("url", "URL")
        .required()
        .placeholder("https://example.com/webhooks")
        .help("Private and loopback addresses are refused unless whoever runs this server allows them."),
    Setting::new(
        "method",
        "Method",
        SettingKind::Select(&[
            ("POST", "POST"),
            ("PUT", "PUT"),
            ("PATCH", "PATCH"),
            ("GET", "GET"),
            ("DELETE", "DELETE"),
        ]),
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
    Get,
    Delete,
}

impl Method {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Get => "GET",
            Self::Delete => "DELETE",
        }
    }
}

impl HttpConfig {
    pub(super) fn check(&mut self, errors: &mut FieldErrors) {
        if let Some(url) = errors.check("config.url", parse_url(&self.url)) {
            self.url = url;
        }
    }
}
