//! What may be saved: settings that make sense together, and none that would have no effect.

use serde::{Deserialize, Serialize};

use super::{
    Encoding, MAX_SECRET_BYTES, TimestampUnit, Verification, VerificationKind, default_content,
    secret::{check_secrets, is_of_form},
};
use crate::{
    field::FieldErrors,
    signed_content,
    source::is_header_name,
    template::{
        Handshake, TemplateId,
        scheme::{Algorithm, Scheme, SecretForm},
    },
};

/// How a request is to be verified: a template mostly needs `secrets` only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerificationInput {
    #[serde(default, rename = "type")]
    pub kind: Option<VerificationKind>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxItems" = super::MAX_SECRETS)))]
    pub secrets: Vec<String>,
    #[serde(default)]
    pub header: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = 100)))]
    pub prefix: Option<String>,
    #[serde(default)]
    pub encoding: Option<Encoding>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1, "maximum" = 86400)))]
    pub tolerance_seconds: Option<u32>,
    #[serde(default)]
    pub timestamp_header: Option<String>,
    #[serde(default)]
    pub timestamp_unit: Option<TimestampUnit>,
    #[serde(default)]
    pub id_header: Option<String>,
    #[serde(default)]
    pub signed_content: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = 200)))]
    pub username: Option<String>,
    #[serde(default)]
    pub query_parameter: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("maxLength" = 500)))]
    pub verify_token: Option<String>,
    #[serde(default)]
    pub challenge_parameter: Option<String>,
}

const DEFAULT_TOLERANCE: u32 = 300;

impl VerificationInput {
    /// The input that would save what is saved. `template` is that of the source.
    #[must_use]
    pub fn of(verification: &Verification, template: Option<TemplateId>) -> Self {
        let v = verification.clone();
        // The one kind of a template goes without saying, so that another template can be laid over it.
        let chooses = template.is_none_or(|id| matches!(id.template().schemes, [Scheme::Custom] | [_, _, ..]));
        Self {
            kind: Some(v.kind).filter(|_| chooses),
            secrets: v.secrets,
            header: v.header,
            prefix: v.prefix,
            encoding: v.encoding,
            tolerance_seconds: v.tolerance_seconds,
            timestamp_header: v.timestamp_header,
            timestamp_unit: v.timestamp_unit,
            id_header: v.id_header,
            signed_content: v.signed_content,
            username: v.username,
            query_parameter: v.query_parameter,
            verify_token: v.verify_token,
            challenge_parameter: v.challenge_parameter,
        }
    }

    /// Notes what is wrong under `verification.…`.
    pub fn parse(self, errors: &mut FieldErrors, template: Option<TemplateId>) -> Verification {
        let input = self.trimmed();
        let scheme = input.scheme(errors, template);
        let may = May::of(scheme, template);
        input.refuse_what_has_no_use(errors, &may, template);
        let parsed = match scheme {
            Chosen::Template(_) => input,
            Chosen::Own(kind) => input.own_settings(errors, kind),
        };
        check_secrets(errors, scheme.kind(), scheme.secret_form(), &parsed.secrets);
        let signs_time = match scheme {
            Chosen::Template(_) => template.and_then(|id| id.template().tolerance_seconds),
            Chosen::Own(VerificationKind::StandardWebhooks) => Some(DEFAULT_TOLERANCE),
            Chosen::Own(_) => parsed.timestamp_header.as_ref().map(|_| DEFAULT_TOLERANCE),
        };
        let signs_time = signs_time.filter(|_| may.tolerance || parsed.timestamp_header.is_some());
        match (parsed.tolerance_seconds, signs_time) {
            (Some(seconds), _) if !(1..=86_400).contains(&seconds) => {
                errors.push("verification.tolerance_seconds", "must be 1 to 86400");
            }
            (Some(_), None) => errors.push("verification.tolerance_seconds", "has no use here: no time is signed"),
            _ => {}
        }
        if may.username && parsed.username.is_none() {
            errors.push("verification.username", "must be the name that the sender signs in with");
        }
        if parsed
            .prefix
            .as_ref()
            .is_some_and(|text| text.len() > 100 || text.bytes().any(|b| !(0x20..0x7f).contains(&b)))
        {
            errors.push("verification.prefix", "must be at most 100 characters of ASCII");
        }
        if parsed.username.as_ref().is_some_and(|name| name.len() > 200 || name.contains(':')) {
            errors.push("verification.username", "must be at most 200 bytes without a colon");
        }
        if parsed.verify_token.as_ref().is_some_and(|token| token.len() > MAX_SECRET_BYTES) {
            errors.push("verification.verify_token", "must be at most 500 bytes");
        }
        if parsed.verify_token.as_ref().is_some_and(|token| token.contains('•')) {
            errors.push("verification.verify_token", "is masked and does not match the one kept");
        }
        check_parameter(errors, "verification.challenge_parameter", parsed.challenge_parameter.as_deref());
        Verification {
            kind: scheme.kind(),
            secrets: parsed.secrets,
            header: parsed.header,
            prefix: parsed.prefix,
            encoding: may.encoding.then(|| parsed.encoding.unwrap_or_default()),
            tolerance_seconds: signs_time.map(|default| parsed.tolerance_seconds.unwrap_or(default)),
            timestamp_unit: parsed.timestamp_header.as_ref().map(|_| parsed.timestamp_unit.unwrap_or_default()),
            timestamp_header: parsed.timestamp_header,
            id_header: parsed.id_header,
            signed_content: parsed.signed_content,
            username: parsed.username,
            query_parameter: parsed.query_parameter,
            verify_token: parsed.verify_token,
            challenge_parameter: parsed.challenge_parameter,
        }
    }

    /// Without the white space around, and without what is empty.
    fn trimmed(mut self) -> Self {
        for text in [
            &mut self.header,
            &mut self.timestamp_header,
            &mut self.id_header,
            &mut self.username,
            &mut self.query_parameter,
            &mut self.verify_token,
            &mut self.challenge_parameter,
        ] {
            *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        // White space in these is on the wire as well.
        self.prefix = self.prefix.filter(|text| !text.is_empty());
        self.signed_content = self.signed_content.filter(|text| !text.is_empty());
        let secrets = self.secrets.iter().map(|secret| secret.trim().to_owned());
        self.secrets = secrets.filter(|secret| !secret.is_empty()).collect();
        self
    }

    fn scheme(&self, errors: &mut FieldErrors, template: Option<TemplateId>) -> Chosen {
        let Some(id) = template.filter(|id| *id != TemplateId::Custom) else {
            return Chosen::Own(self.kind.unwrap_or_default());
        };
        let schemes = id.template().schemes;
        let Some(first) = schemes.first() else { return Chosen::Own(VerificationKind::None) };
        let Some(kind) = self.kind else {
            // A provider that has an older and a newer way gives secrets of two looks.
            let by_looks = schemes.iter().find(|scheme| {
                scheme.secret_form() != SecretForm::Text
                    && !self.secrets.is_empty()
                    && self.secrets.iter().all(|secret| is_of_form(secret, scheme.secret_form()).is_ok())
            });
            return Chosen::Template(by_looks.unwrap_or(first));
        };
        if let Some(scheme) = id.template().scheme(kind) {
            return Chosen::Template(scheme);
        }
        let known: Vec<_> = schemes.iter().filter_map(Scheme::kind).map(VerificationKind::as_str).collect();
        errors.push(
            "verification.type",
            format!("is given by the template {}: {}", id.about().label, known.join(" or ")),
        );
        Chosen::Template(first)
    }

    fn refuse_what_has_no_use(&self, errors: &mut FieldErrors, may: &May, template: Option<TemplateId>) {
        let given = [
            ("header", self.header.is_some(), may.header),
            ("prefix", self.prefix.is_some(), may.prefix),
            ("encoding", self.encoding.is_some(), may.encoding),
            ("timestamp_header", self.timestamp_header.is_some(), may.content),
            ("id_header", self.id_header.is_some(), may.content),
            ("signed_content", self.signed_content.is_some(), may.content),
            ("username", self.username.is_some(), may.username),
            ("query_parameter", self.query_parameter.is_some(), may.query),
            ("verify_token", self.verify_token.is_some(), may.verify_token),
            ("challenge_parameter", self.challenge_parameter.is_some(), may.challenge),
        ];
        let why = match template {
            Some(TemplateId::Custom) | None => "has no use with this type of verification",
            Some(_) => "is given by the template",
        };
        for (field, is_given, may_be) in given {
            if is_given && !may_be {
                errors.push(format!("verification.{field}"), why);
            }
        }
        if self.timestamp_unit.is_some() && self.timestamp_header.is_none() {
            errors.push("verification.timestamp_unit", "has no use without timestamp_header");
        }
    }

    /// What a source without a provider has to say itself.
    fn own_settings(self, errors: &mut FieldErrors, kind: VerificationKind) -> Self {
        let header = self.header.as_deref();
        if Algorithm::of(kind).is_some() && header.is_none_or(|name| !is_header_name(name)) {
            errors.push("verification.header", "must name the header that carries the signature");
        }
        if kind == VerificationKind::SharedToken {
            match (header, self.query_parameter.as_deref()) {
                (Some(name), None) if !is_header_name(name) => {
                    errors.push("verification.header", "must be the name of a header");
                }
                (Some(_), None) | (None, Some(_)) => {}
                (None, None) => errors.push("verification.header", "must name the header that carries the token"),
                (Some(_), Some(_)) => {
                    errors.push("verification.query_parameter", "has no use beside a header: the token stands in one");
                }
            }
            check_parameter(errors, "verification.query_parameter", self.query_parameter.as_deref());
        }
        for (field, name) in [("timestamp_header", &self.timestamp_header), ("id_header", &self.id_header)] {
            if name.as_ref().is_some_and(|name| !is_header_name(name)) {
                errors.push(format!("verification.{field}"), "must be the name of a header");
            }
        }
        let content = self.signed_content.as_deref().unwrap_or(default_content(self.timestamp_header.is_some()));
        if Algorithm::of(kind).is_some()
            && let Some(uses) = errors.check("verification.signed_content", signed_content::check(content))
        {
            for (word, is_used, field, is_given) in [
                ("{timestamp}", uses.timestamp, "timestamp_header", self.timestamp_header.is_some()),
                ("{id}", uses.id, "id_header", self.id_header.is_some()),
            ] {
                if is_used && !is_given {
                    let why = format!("must name the header that carries {word}");
                    errors.push(format!("verification.{field}"), why);
                }
                if is_given && !is_used {
                    let why = format!("must contain {word}, or anybody could change it");
                    errors.push("verification.signed_content", why);
                }
            }
        }
        self
    }
}

/// What requests are held against.
#[derive(Clone, Copy)]
enum Chosen {
    Template(&'static Scheme),
    Own(VerificationKind),
}

impl Chosen {
    fn kind(self) -> VerificationKind {
        match self {
            Self::Template(scheme) => scheme.kind().unwrap_or_default(),
            Self::Own(kind) => kind,
        }
    }

    fn secret_form(self) -> SecretForm {
        match self {
            Self::Template(scheme) => scheme.secret_form(),
            Self::Own(kind) => kind.secret_form(),
        }
    }
}

/// Which settings have a use.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each setting")]
struct May {
    header: bool,
    prefix: bool,
    encoding: bool,
    content: bool,
    query: bool,
    username: bool,
    tolerance: bool,
    verify_token: bool,
    challenge: bool,
}

impl May {
    fn of(chosen: Chosen, template: Option<TemplateId>) -> Self {
        match chosen {
            Chosen::Template(scheme) => Self {
                username: *scheme == Scheme::Basic,
                tolerance: scheme.signs_time(),
                verify_token: template.is_some_and(|id| id.template().handshake == Some(Handshake::Meta)),
                ..Self::default()
            },
            Chosen::Own(kind) => {
                let is_signed = Algorithm::of(kind).is_some();
                let is_token = kind == VerificationKind::SharedToken;
                Self {
                    header: is_signed || is_token,
                    prefix: is_signed || is_token,
                    encoding: is_signed,
                    content: is_signed,
                    query: is_token,
                    username: kind == VerificationKind::Basic,
                    tolerance: kind == VerificationKind::StandardWebhooks,
                    verify_token: true,
                    challenge: true,
                }
            }
        }
    }
}

fn check_parameter(errors: &mut FieldErrors, path: &str, name: Option<&str>) {
    if name.is_some_and(|name| name.len() > 100 || name.chars().any(|c| c.is_control() || c.is_whitespace())) {
        errors.push(path, "must be the name of a parameter in the URL, at most 100 bytes");
    }
}
