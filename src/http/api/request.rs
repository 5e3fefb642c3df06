//! What handlers take out of a request: who calls, ids, queries and JSON, each with errors that name what is wrong.

use std::{collections::BTreeMap, str::FromStr};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use domain::{field::FieldErrors, page::PageRequest};
use gateway::{
    Gateway,
    manage::{Access, Caller, Error, parse_input},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{AppState, error::Problem};

/// The longest JSON that the API takes.
const MAX_JSON: usize = 1 << 20;

/// A program with its key, inside of the key's project.
pub struct Api {
    pub gateway: Gateway,
    pub caller: Caller,
    pub access: Access,
}

impl FromRequestParts<AppState> for Api {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let key = key_of(&parts.headers).ok_or(Error::Unauthenticated)?;
        let caller = state.gateway.caller_of_key(key).await?.coming_from(state.proxies.client_behind(parts));
        let env_id = caller.env_id().ok_or(Error::Unauthenticated)?;
        let access = state.gateway.access(&caller, env_id).await?;
        Ok(Self { gateway: state.gateway.clone(), access, caller })
    }
}

/// The API key that a request shows.
pub fn key_of(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let (scheme, key) = text(header::AUTHORIZATION.as_str())?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    };
    text("x-api-key").map(str::trim).or_else(bearer)
}

/// An id in the path. What is no such id does not exist.
pub struct Id<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<AppState> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// The two ids in a path.
pub struct Ids<A, B>(pub A, pub B);

impl<A: FromStr + Send, B: FromStr + Send> FromRequestParts<AppState> for Ids<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let both = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = both.map_err(|_| Problem::not_found())?;
        let (first, second) = (first.parse(), second.parse());
        first.ok().zip(second.ok()).map(|(first, second)| Self(first, second)).ok_or_else(Problem::not_found)
    }
}

/// The parameters of a query, taken one by one; what is left over is refused by name.
pub struct Query {
    given: BTreeMap<String, String>,
    errors: FieldErrors,
}

impl FromRequestParts<AppState> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let given = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { given, errors: FieldErrors::default() })
    }
}

impl Query {
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.given.remove(name).filter(|text| !text.is_empty())
    }

    pub fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name)?;
        self.errors.check(name, text.parse())
    }

    pub fn with<T, E: std::fmt::Display>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(name)?;
        self.errors.check(name, parse(&text))
    }

    /// Refuses what is left, once everything else was taken.
    pub fn end(mut self) -> Result<(), Problem> {
        for name in self.given.keys() {
            self.errors.push(name.clone(), "is not a parameter here");
        }
        Ok(self.errors.into_result()?)
    }

    /// The page that is asked for, once everything else was taken.
    pub fn page(mut self) -> Result<PageRequest, Problem> {
        let (limit, cursor) = (self.text("limit"), self.text("cursor"));
        let page = PageRequest::parse(limit.as_deref(), cursor.as_deref());
        if let Err(errors) = &page {
            errors.iter().for_each(|error| self.errors.push(error.path.clone(), error.message.clone()));
        }
        for name in self.given.keys() {
            self.errors.push(name.clone(), "is not a parameter of this list");
        }
        self.errors.into_result()?;
        Ok(page?)
    }
}

/// A JSON body that fits `T`; else an error that names the field.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Problem> {
        // Somewhat longer ones are read to their end, so that their sender sees the answer.
        let too_large = || Problem::too_large(MAX_JSON);
        let bytes = axum::body::to_bytes(request.into_body(), 8 * MAX_JSON).await.map_err(|_| too_large())?;
        if bytes.len() > MAX_JSON {
            return Err(too_large());
        }
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::malformed(format!("The body is not JSON: {error}.")))?;
        Ok(Self(parse_input(value)?))
    }
}

/// A merge patch: a JSON object.
pub struct Patch(pub Value);

impl FromRequest<AppState> for Patch {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let Json(value) = Json::<Value>::from_request(request, state).await?;
        if value.is_object() { Ok(Self(value)) } else { Err(FieldErrors::one("", "must be a JSON object").into()) }
    }
}
