//! Every provider against requests that its own SDK signed or verified, and against the same list of refusals.
//!
//! The requests are in `tests/fixtures/providers`, made by the script there.

mod accepts;
mod custom;
mod describes;
mod handshakes;
mod properties;
mod refuses;

use std::{collections::BTreeMap, path::Path};

use domain::{
    source::SourceInput,
    verification::{VerificationInput, without_armour},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;

/// What one file of fixtures holds.
#[derive(Deserialize)]
struct Fixture {
    template: String,
    /// The template, where the file is named otherwise.
    file_of: Option<String>,
    how: How,
    made_with: Vec<String>,
    #[serde(default)]
    agreed: Vec<String>,
    verification: VerificationInput,
    /// A secret of the same form that signed nothing.
    other_secret: Option<String>,
    cases: Vec<Case>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Signed,
    Verified,
    Documented,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    method: String,
    base: String,
    path: String,
    query: Option<String>,
    body: String,
    timestamp: i64,
    headers: BTreeMap<String, String>,
}

/// A request that can be changed, and what it is held against.
#[derive(Debug, Clone)]
struct Request {
    template: Option<TemplateId>,
    verification: Verification,
    method: String,
    base: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Vec<u8>,
    now: Timestamp,
}

impl Fixture {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/providers");
        let mut files: Vec<_> = std::fs::read_dir(folder).expect("the folder is there").flatten().collect();
        files.sort_by_key(std::fs::DirEntry::file_name);
        let is_fixture = |name: &str| {
            let is_npms = name.starts_with("package") || name.starts_with("node_modules");
            Path::new(name).extension().is_some_and(|end| end == "json") && !is_npms
        };
        files
            .into_iter()
            .filter(|file| is_fixture(&file.file_name().to_string_lossy()))
            .map(|file| {
                let text = std::fs::read_to_string(file.path()).expect("the file reads");
                serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.path().display()))
            })
            .collect()
    }

    fn id(&self) -> TemplateId {
        self.file_of.as_ref().unwrap_or(&self.template).parse().expect("a template")
    }

    fn verification(&self) -> Verification {
        verification(Some(self.id()), self.verification.clone())
    }

    fn requests(&self) -> impl Iterator<Item = (String, Request)> {
        self.cases.iter().map(|case| (format!("{} {}", self.template, case.name), self.request(case)))
    }

    fn request(&self, case: &Case) -> Request {
        Request {
            template: Some(self.id()),
            verification: self.verification(),
            method: case.method.clone(),
            base: case.base.clone(),
            path: case.path.clone(),
            query: case.query.clone(),
            headers: header_map(case.headers.clone()),
            body: case.body.clone().into_bytes(),
            now: Timestamp::from_micros(case.timestamp * 1_000_000),
        }
    }
}

impl Request {
    /// One that would be signed, for a source of these settings.
    fn unsigned(template: Option<TemplateId>, verification: Verification, body: &str) -> Self {
        Self {
            template,
            verification,
            method: "POST".to_owned(),
            base: "https://hooks.example.com".to_owned(),
            path: "/v1/ingest/src_1".to_owned(),
            query: None,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
            now: Timestamp::from_micros(1_760_000_000_000_000),
        }
    }

    fn url(&self) -> RequestUrl<'_> {
        RequestUrl { base: &self.base, path: &self.path, query: self.query.as_deref() }
    }

    fn check(&self) -> Check<'_> {
        Check {
            method: &self.method,
            url: self.url(),
            headers: &self.headers,
            body: &self.body,
            now: self.now,
            verification: &self.verification,
        }
    }

    fn verify(&self) -> Result<Proof, Mismatch> {
        verify(self.template, &self.check())
    }

    fn handshake(&self) -> Result<Option<Reply>, Mismatch> {
        handshake(self.template, &self.check())
    }

    /// The same, signed as the provider would.
    fn signed(mut self, content_type: &str, event_type: &str) -> Result<Self, CannotSign> {
        let unsigned = Unsigned {
            method: &self.method,
            url: self.url(),
            content_type,
            body: &self.body,
            event_type,
            now: self.now,
        };
        let made = sign(self.template, &self.verification, &unsigned)?;
        self.headers = header_map(made.headers);
        self.body = made.body;
        self.query = made.query;
        Ok(self)
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a value"));
        self
    }

    fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn with_body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    fn with_query(mut self, query: &str) -> Self {
        self.query = Some(query.to_owned());
        self
    }

    fn with_secrets(mut self, secrets: &[&str]) -> Self {
        self.verification.secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self
    }

    fn with_method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    fn later(mut self, seconds: i64) -> Self {
        self.now = Timestamp::from_micros(self.now.as_micros() + seconds * 1_000_000);
        self
    }
}

fn verification(template: Option<TemplateId>, input: VerificationInput) -> Verification {
    let input = SourceInput { name: "s".into(), template, verification: Some(input), ..SourceInput::default() };
    input.parse().unwrap_or_else(|why| panic!("{template:?}: {why}")).verification
}

fn header_map(headers: impl IntoIterator<Item = (String, String)>) -> HeaderMap {
    headers
        .into_iter()
        .map(|(name, value)| {
            (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
        })
        .collect()
}

/// A secret of the form that a template wants, and another.
fn secrets_of(id: TemplateId) -> [String; 2] {
    use domain::template::scheme::SecretForm;
    let scheme = id.template().schemes.first().expect("every template has a scheme");
    match scheme.secret_form() {
        SecretForm::Text => ["one secret".into(), "another secret".into()],
        SecretForm::Whsec | SecretForm::WhsecOrWhpk => {
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into()]
        }
        SecretForm::Hex => ["ab".repeat(32), "cd".repeat(32)],
        SecretForm::Ed25519Key | SecretForm::P256Key => {
            let fixture = Fixture::all().into_iter().find(|fixture| fixture.id() == id).expect("a fixture");
            let other = fixture.other_secret.clone().expect("another key");
            [without_armour(&fixture.verification.secrets[0]), other]
        }
    }
}

/// What a source of a template needs to be saved.
fn settings(id: TemplateId) -> Verification {
    let input = VerificationInput {
        secrets: if id == TemplateId::Custom { Vec::new() } else { vec![secrets_of(id)[0].clone()] },
        username: (id == TemplateId::Postmark).then(|| "name".to_owned()),
        ..VerificationInput::default()
    };
    verification(Some(id), input)
}
