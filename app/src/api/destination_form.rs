//! From the texts of the destination's form to what the domain wants. On the server only.

use std::collections::BTreeMap;

use domain::{
    circuit::CircuitBreakerInput,
    destination::{
        AuthType, Destination, DestinationInput, DestinationType, Setting, SettingKind, SigningInput, SigningScheme,
    },
    field::FieldErrors,
    ordering::{OrderingInput, OrderingMode},
    rate_limit::RateLimitInput,
    retry::{RetryInput, RetryStrategy, parse_waits},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{ApiError, destinations::DestinationForm, form::read};

impl DestinationForm {
    /// A new destination.
    pub(super) fn input(&self) -> Result<DestinationInput, ApiError> {
        let mut errors = FieldErrors::default();
        let kind = read::word(&mut errors, "type", &self.kind).unwrap_or(DestinationType::Http);
        let auth_kind = self.auth_kind(&mut errors);
        let mut auth = self.settings_of("auth", auth_kind.settings(), &Value::Null);
        auth["type"] = json!(auth_kind);
        let input = DestinationInput {
            name: self.name.clone(),
            slug: None,
            kind,
            config: self.settings_of("config", kind.settings(), &Value::Null),
            auth: Some(auth),
            headers: Some(header_lines(&mut errors, &self.headers)),
            timeout_ms: read::number(&mut errors, "timeout_ms", &self.timeout_ms),
            retry: Some(self.retry(&mut errors)),
            circuit_breaker: Some(self.circuit_breaker(&mut errors)),
            rate_limit: self.rate_limit(&mut errors),
            ordering: Some(self.ordering(&mut errors)),
            signing: Some(self.signing(&mut errors)),
            status: None,
        };
        errors.into_result()?;
        Ok(input)
    }

    /// The change from `former`, which has its secrets masked.
    pub(super) fn patch(&self, former: &Destination) -> Result<Value, ApiError> {
        let mut errors = FieldErrors::default();
        let headers = header_lines(&mut errors, &self.headers);
        let gone = former.headers.keys().filter(|name| !headers.contains_key(*name)).cloned();
        let mut header_patch: BTreeMap<String, Option<String>> = gone.map(|name| (name, None)).collect();
        header_patch.extend(headers.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
        let patch = json!({
            "name": self.name,
            "config": self.settings_of("config", former.config.kind().settings(), &former.config.settings()),
            "auth": self.auth_patch(&mut errors, former),
            "headers": header_patch,
            "timeout_ms": read::number::<u32>(&mut errors, "timeout_ms", &self.timeout_ms),
            "retry": without_absent(&self.retry(&mut errors)),
            "circuit_breaker": self.circuit_breaker(&mut errors),
            "rate_limit": self.rate_limit(&mut errors),
            "ordering": self.ordering(&mut errors),
            "signing": self.signing(&mut errors),
        });
        errors.into_result()?;
        Ok(patch)
    }

    fn auth_kind(&self, errors: &mut FieldErrors) -> AuthType {
        read::word(errors, "auth.type", &self.auth).unwrap_or(AuthType::None)
    }

    /// What was typed into the fields of these settings. A secret that was left empty is the former one, masked as it came.
    fn settings_of(&self, path: &str, settings: &[Setting], former: &Value) -> Value {
        let typed = |setting: &Setting| {
            let text = self.settings.get(&format!("{path}.{}", setting.name)).map(String::as_str).unwrap_or_default();
            match setting.kind {
                SettingKind::Bool => json!(text == "true"),
                SettingKind::Secret | SettingKind::SecretText if text.trim().is_empty() => former[setting.name].clone(),
                _ if text.trim().is_empty() => Value::Null,
                _ => json!(text),
            }
        };
        settings.iter().map(|setting| (setting.name.to_owned(), typed(setting))).collect::<Map<_, _>>().into()
    }

    fn auth_patch(&self, errors: &mut FieldErrors, former: &Destination) -> Value {
        let kind = self.auth_kind(errors);
        let known = if kind == former.auth.kind() { json!(former.auth) } else { Value::Null };
        let mut patch = self.settings_of("auth", kind.settings(), &known);
        patch["type"] = json!(kind);
        patch
    }

    fn retry(&self, errors: &mut FieldErrors) -> RetryInput {
        let strategy: Option<RetryStrategy> = listed(errors, "retry.strategy", &self.strategy);
        // The field of the other kind of strategy is hidden, and what stands in it has no meaning.
        let by_schedule = strategy.is_none_or(|strategy| strategy == RetryStrategy::Schedule);
        let intervals = read::optional(&self.intervals).filter(|_| by_schedule);
        let base = Some(self.base_seconds.as_str()).filter(|_| !by_schedule).unwrap_or_default();
        let give_up_on: Result<Vec<u16>, _> =
            self.give_up_on.split([',', ' ']).filter(|text| !text.is_empty()).map(str::parse).collect();
        RetryInput {
            strategy,
            intervals_seconds: intervals.and_then(|text| errors.check("retry.intervals_seconds", parse_waits(&text))),
            base_seconds: read::number(errors, "retry.base_seconds", base),
            max_attempts: read::number(errors, "retry.max_attempts", &self.max_attempts),
            jitter: None,
            give_up_on: errors.check("retry.give_up_on", give_up_on.map_err(|_| "must be statuses such as 410, 422")),
        }
    }

    fn circuit_breaker(&self, errors: &mut FieldErrors) -> CircuitBreakerInput {
        let enabled = match self.breaker.as_str() {
            "" => None,
            "on" => Some(true),
            "off" => Some(false),
            _ => {
                errors.push("circuit_breaker.enabled", "must be one of those listed");
                None
            }
        };
        // Fields that are hidden keep what stands in them.
        CircuitBreakerInput {
            enabled,
            failure_threshold: read::number(errors, "circuit_breaker.failure_threshold", &self.failure_threshold),
            reset_seconds: read::number(errors, "circuit_breaker.reset_seconds", &self.reset_seconds),
        }
    }

    /// None where neither of the two limits was typed.
    fn rate_limit(&self, errors: &mut FieldErrors) -> Option<RateLimitInput> {
        let typed = [&self.limit, &self.max_in_flight].into_iter().any(|text| read::optional(text).is_some());
        let limit = read::number(errors, "rate_limit.limit", &self.limit);
        // The unit is always chosen, and has a meaning beside a number alone.
        let per = read::word(errors, "rate_limit.per", &self.per).filter(|_| limit.is_some());
        let max_in_flight = read::number(errors, "rate_limit.max_in_flight", &self.max_in_flight);
        typed.then_some(RateLimitInput { limit, per, max_in_flight })
    }

    fn ordering(&self, errors: &mut FieldErrors) -> OrderingInput {
        let mode = read::word(errors, "ordering.mode", &self.ordering);
        let key = read::optional(&self.order_key).filter(|_| mode == Some(OrderingMode::Ordered));
        OrderingInput { mode, key }
    }

    fn signing(&self, errors: &mut FieldErrors) -> SigningInput {
        let scheme = listed(errors, "signing.scheme", &self.signing);
        let secrets = self.keep.iter().cloned().chain(read::optional(&self.secret));
        let hmac = |text: &str| read::optional(text).filter(|_| scheme == Some(SigningScheme::Hmac));
        SigningInput {
            scheme,
            secrets: secrets.filter(|_| scheme != Some(SigningScheme::None)).collect(),
            header: hmac(&self.signing_header),
            // A space at its end may be meant.
            prefix: hmac(&self.signing_prefix).map(|_| self.signing_prefix.clone()),
            algorithm: hmac(&self.signing_algorithm).and_then(|word| listed(errors, "signing.algorithm", &word)),
        }
    }
}

/// A word that serde knows, unless nothing was chosen.
fn listed<T: DeserializeOwned>(errors: &mut FieldErrors, field: &str, word: &str) -> Option<T> {
    let word = read::optional(word)?;
    errors.check(field, serde_json::from_value(word.into()).map_err(|_| "must be one of those listed"))
}

fn header_lines(errors: &mut FieldErrors, text: &str) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(':') {
            Some((name, value)) => {
                headers.insert(name.trim().to_owned(), value.trim().to_owned());
            }
            None => errors.push("headers", format!("must have a colon after the name in `{line}`")),
        }
    }
    headers
}

/// What the form has no field for stays as it is.
fn without_absent(retry: &RetryInput) -> Value {
    let mut patch = json!(retry);
    if retry.jitter.is_none()
        && let Some(patch) = patch.as_object_mut()
    {
        patch.remove("jitter");
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_left_empty_stays() {
        let typed = |fields: &[(&str, &str)]| DestinationForm {
            settings: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..DestinationForm::default()
        };
        let former = json!({ "token": "••••••••abcd" });
        let settings = AuthType::Bearer.settings();
        assert_eq!(typed(&[]).settings_of("auth", settings, &former), former);
        assert_eq!(typed(&[("auth.token", "new")]).settings_of("auth", settings, &former)["token"], "new");
        let sqs = DestinationType::AwsSqs.settings();
        let form = typed(&[("config.queue_url", "https://x.test/q"), ("config.endpoint", " ")]);
        let config = form.settings_of("config", sqs, &json!({ "secret_access_key": "••••" }));
        assert_eq!((&config["queue_url"], &config["endpoint"]), (&json!("https://x.test/q"), &Value::Null));
        assert_eq!((&config["secret_access_key"], &config["session_token"]), (&json!("••••"), &Value::Null));
    }

    #[test]
    fn limits_left_empty_are_none() {
        let mut errors = FieldErrors::default();
        let mut form = DestinationForm { per: "minute".into(), ..DestinationForm::default() };
        assert_eq!(form.rate_limit(&mut errors), None);
        form.max_in_flight = "3".into();
        let limit = form.rate_limit(&mut errors).expect("one was typed");
        assert_eq!((limit.limit, limit.per, limit.max_in_flight), (None, None, Some(3)));
        form.limit = "many".into();
        assert!(form.rate_limit(&mut errors).is_some());
        assert!(errors.at("rate_limit.limit").is_some());
    }

    #[test]
    fn a_key_that_is_hidden_is_not_sent() {
        let mut errors = FieldErrors::default();
        let mut form = DestinationForm { order_key: "payload.a".into(), ..DestinationForm::default() };
        form.ordering = "parallel".into();
        assert_eq!(form.ordering(&mut errors).key, None);
        form.ordering = "ordered".into();
        assert_eq!(form.ordering(&mut errors).key.as_deref(), Some("payload.a"));
        assert!(errors.is_empty());
    }

    #[test]
    fn header_lines_name_and_value() {
        let mut errors = FieldErrors::default();
        let headers = header_lines(&mut errors, "X-Team: billing\n\n X-Url : http://a:1 \r\nbroken");
        assert_eq!(headers.get("X-Url").map(String::as_str), Some("http://a:1"));
        assert_eq!(headers.len(), 2);
        assert!(errors.at("headers").is_some());
    }
}
