//! What a type of destination asks for, as data: the form is drawn from it, what is sent is read by it, and it says
//! what is secret.

use serde_json::{Map, Value};
use url::Url;

use crate::{
    field::FieldErrors,
    patch::{mask, unmask_secrets},
};

/// One setting of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The wire name: `queue_url`.
    pub name: &'static str,
    pub label: &'static str,
    pub help: &'static str,
    pub kind: SettingKind,
    pub required: bool,
    pub placeholder: &'static str,
    /// Whether it may hold `{{ JSONata }}` parts that are filled from the event.
    pub template: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    Text,
    /// A line that is sealed and masked.
    Secret,
    /// A secret of several lines: a key file.
    SecretText,
    /// One of these: word, label. The first is what holds when none is chosen.
    Select(&'static [(&'static str, &'static str)]),
    /// Yes or no.
    Bool,
}

/// Longest value of one line, in bytes.
const MAX_LINE: usize = 4_000;
/// Longest value of several lines, in bytes.
const MAX_TEXT: usize = 32_000;
const MAX_URL: usize = 2_000;

impl Setting {
    pub(super) const fn new(name: &'static str, label: &'static str, kind: SettingKind) -> Self {
        Self { name, label, help: "", kind, required: false, placeholder: "", template: false }
    }

    pub(super) const fn text(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, SettingKind::Text)
    }

    pub(super) const fn secret(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, SettingKind::Secret)
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    pub(super) const fn placeholder(mut self, placeholder: &'static str) -> Self {
        self.placeholder = placeholder;
        self
    }

    pub(super) const fn template(mut self) -> Self {
        self.template = true;
        self
    }

    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, SettingKind::Secret | SettingKind::SecretText)
    }

    /// The longest value of a text, in bytes.
    #[must_use]
    pub const fn longest(&self) -> usize {
        if matches!(self.kind, SettingKind::SecretText) { MAX_TEXT } else { MAX_LINE }
    }

    /// What there is to keep of a value, `None` when it stands for nothing.
    fn read(&self, value: &Value) -> Result<Option<Value>, String> {
        match (self.kind, value) {
            (_, Value::Null) => Ok(None),
            (SettingKind::Bool, Value::Bool(_)) => Ok(Some(value.clone())),
            (SettingKind::Bool, _) => Err("must be true or false".to_owned()),
            (SettingKind::Select(options), Value::String(word)) if options.iter().all(|(it, _)| it != word) => {
                Err(format!("must be {}", one_of(options.iter().map(|(word, _)| *word))))
            }
            (SettingKind::Select(_), Value::String(_)) => Ok(Some(value.clone())),
            (kind, Value::String(text)) => Ok(read_text(kind, text)?.map(Value::String)),
            _ => Err("must be a text".to_owned()),
        }
    }
}

fn read_text(kind: SettingKind, text: &str) -> Result<Option<String>, String> {
    // A space at the end of a password may be meant.
    let text = if kind == SettingKind::Secret { text } else { text.trim() };
    let is_long = kind == SettingKind::SecretText;
    let limit = if is_long { MAX_TEXT } else { MAX_LINE };
    if text.is_empty() {
        return Ok(None);
    }
    if matches!(kind, SettingKind::Secret | SettingKind::SecretText) && text.contains('•') {
        return Err("is masked and is not the secret kept".to_owned());
    }
    if text.len() > limit || text.chars().any(|c| c.is_control() && !(is_long && c.is_ascii_whitespace())) {
        return Err(format!("must be at most {limit} bytes without control characters"));
    }
    Ok(Some(text.to_owned()))
}

/// `a, b or c`
pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => (*last).to_owned(),
        None => String::new(),
    }
}

/// Reads the settings below `path`, or says of each what is wrong with it.
pub(super) fn read(
    errors: &mut FieldErrors,
    path: &str,
    settings: &[Setting],
    given: &Value,
) -> Option<Map<String, Value>> {
    let Value::Object(given) = given else {
        errors.push(path, "must be an object");
        return None;
    };
    let mut is_right = true;
    let mut wrong = |name: &str, message: String| {
        is_right = false;
        errors.push(format!("{path}.{name}"), message);
    };
    for name in given.keys().filter(|name| settings.iter().all(|setting| setting.name != *name)) {
        wrong(name, "is an unknown field here".to_owned());
    }
    let mut read = Map::new();
    for setting in settings {
        match setting.read(given.get(setting.name).unwrap_or(&Value::Null)) {
            Ok(Some(value)) => {
                read.insert(setting.name.to_owned(), value);
            }
            Ok(None) if setting.required => wrong(setting.name, "must not be empty".to_owned()),
            Ok(None) => {}
            Err(message) => wrong(setting.name, message),
        }
    }
    is_right.then_some(read)
}

/// Puts the secrets that are kept into the places of `given` that hold them masked.
pub(super) fn unmask(settings: &[Setting], given: &mut Value, known: &Value) {
    for setting in settings.iter().filter(|setting| setting.is_secret()) {
        let (Some(Value::String(text)), Some(secret)) = (given.get_mut(setting.name), known[setting.name].as_str())
        else {
            continue;
        };
        if *text == mask(secret) {
            *text = unmask_secrets(vec![std::mem::take(text)], &[secret.to_owned()]).concat();
        }
    }
}

/// The address of a web server, normalized.
pub(super) fn parse_url(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.len() > MAX_URL {
        return Err("must be at most 2000 characters");
    }
    let url = Url::parse(text).map_err(|_| "must be a URL such as https://example.com/webhooks")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password: set them under authentication");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("must name a host");
    }
    Ok(url.into())
}

/// Checks a URL where one is given.
pub(super) fn check_url(errors: &mut FieldErrors, path: &str, url: &mut Option<String>) {
    if let Some(text) = url {
        *url = errors.check(path, parse_url(text));
    }
}
