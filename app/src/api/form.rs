//! Forms as they are typed: every field a text, named as the domain names it, so that errors find their field.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a form sends. Fields are texts, or lists of texts for check boxes.
pub trait Form: Serialize {
    /// The fields that must not be repeated in an address.
    const SECRETS: &'static [&'static str] = &[];

    /// Whether a field is one of those.
    fn is_secret(name: &str) -> bool {
        Self::SECRETS.contains(&name)
    }
}

/// Forms that hold secrets are printed without their fields.
macro_rules! debug_without_fields {
    ($($form:ident),*) => {$(
        impl std::fmt::Debug for $form {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($form)).finish_non_exhaustive()
            }
        }
    )*};
}
pub(super) use debug_without_fields;

/// What was typed into a form that was refused, for drawing it again in a browser without JavaScript.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typed(Option<Map<String, Value>>);

/// Longer texts would make an address that proxies refuse; then the form starts from its former values.
const MAX_ADDRESS: usize = 6_000;

impl Typed {
    /// Takes what may be shown again out of `form`.
    pub fn of<F: Form>(form: &F) -> Self {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(form) else { return Self(None) };
        fields.retain(|name, _| !F::is_secret(name));
        Self(Some(fields))
    }

    /// As a part of an address; `None` when it is too long for one.
    #[must_use]
    pub fn encode(&self) -> Option<String> {
        let text = serde_json::to_string(self.0.as_ref()?).ok()?;
        let encoded = URL_SAFE_NO_PAD.encode(text);
        (encoded.len() <= MAX_ADDRESS).then_some(encoded)
    }

    /// Reads it back.
    #[must_use]
    pub fn decode(text: &str) -> Self {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        Self(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// What was typed into `field`, or `former` where nothing was typed yet.
    pub fn text(&self, field: &str, former: impl Into<String>) -> String {
        match &self.0 {
            Some(fields) => fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned(),
            None => former.into(),
        }
    }

    /// Whether the box `value` of `field` was checked, or `former` where nothing was typed yet.
    #[must_use]
    pub fn checked(&self, field: &str, value: &str, former: bool) -> bool {
        match &self.0 {
            Some(fields) => match fields.get(field) {
                Some(Value::Array(values)) => values.iter().any(|item| item == value),
                Some(Value::String(text)) => text == value,
                _ => false,
            },
            None => former,
        }
    }
}

/// Reading the texts of a form.
#[cfg(feature = "ssr")]
pub mod read {
    use std::{fmt::Display, str::FromStr};

    use domain::field::FieldErrors;

    /// The text without space around it, unless nothing is left.
    pub fn optional(text: &str) -> Option<String> {
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A whole number, unless nothing was typed.
    pub fn number<N: FromStr>(errors: &mut FieldErrors, field: &str, text: &str) -> Option<N> {
        let text = optional(text)?;
        errors.check(field, text.parse().map_err(|_| "must be a whole number"))
    }

    /// One of the words of `T`, unless nothing was chosen.
    pub fn word<T: FromStr<Err: Display>>(errors: &mut FieldErrors, field: &str, text: &str) -> Option<T> {
        errors.check(field, optional(text)?.parse::<T>())
    }

    /// The same errors with those below `list` (`headers.X-Name`, `secrets.0`) moved to `list` itself, which is one
    /// field of the form.
    pub fn gathered(errors: &FieldErrors, list: &str) -> FieldErrors {
        let mut gathered = FieldErrors::default();
        for error in errors.iter() {
            match error.path.strip_prefix(list).and_then(|rest| rest.strip_prefix('.')) {
                Some(item) if item.bytes().all(|b| b.is_ascii_digit()) => gathered.push(list, error.message.clone()),
                Some(item) => gathered.push(list, format!("{item} {}", error.message)),
                None => gathered.push(error.path.clone(), error.message.clone()),
            }
        }
        gathered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct SignIn {
        email: String,
        password: String,
        boxes: Vec<String>,
    }

    impl Form for SignIn {
        const SECRETS: &'static [&'static str] = &["password"];
    }

    #[test]
    fn what_was_typed_comes_back_without_secrets() {
        let form =
            SignIn { email: "ana@example.com".into(), password: "correct horse".into(), boxes: vec!["read".into()] };
        let typed = Typed::decode(&Typed::of(&form).encode().expect("short enough"));
        assert_eq!(typed.text("email", "former"), "ana@example.com");
        assert_eq!(typed.text("password", "former"), "");
        assert!(typed.checked("boxes", "read", false) && !typed.checked("boxes", "write", true));
        assert_eq!(Typed::default().text("email", "former"), "former");
    }
}
