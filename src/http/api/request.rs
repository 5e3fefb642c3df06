//! What handlers take out of a request: who calls, ids, queries and JSON, each with errors that name what is wrong.

use std::{collections::BTreeMap, marker::PhantomData, str::FromStr};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header, request::Parts},
};
use domain::{field::FieldErrors, page::PageRequest, time::Timestamp};
use gateway::{
    Gateway,
    manage::{Access, Caller, Error, parse_input},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    answer::version_of,
    guard::{Entered, Needed},
    operation::{Argument, Sketch},
};
use crate::http::{AppState, body, error::Problem};

/// The longest JSON that the API takes.
pub const MAX_JSON: usize = 1 << 20;

/// A program with its key, inside of the key's project.
pub struct Api {
    pub gateway: Gateway,
    pub caller: Caller,
    pub access: Access,
}

impl FromRequestParts<AppState> for Api {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // The guard has looked at the key.
        let Entered { caller, access } = parts.extensions.remove().ok_or(Error::Unauthenticated)?;
        parts.extensions.get::<Needed>().ok_or(Error::Forbidden)?.check(&access)?;
        Ok(Self { gateway: state.gateway.clone(), access, caller })
    }
}

impl Argument for Api {
    fn sketch(sketch: &mut Sketch) {
        sketch.refusals.extend([401, 403, 429, 500, 503]);
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

impl<T: JsonSchema> Argument for Id<T> {
    fn sketch(sketch: &mut Sketch) {
        sketch.path_parameter::<T>();
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

impl<A: JsonSchema, B: JsonSchema> Argument for Ids<A, B> {
    fn sketch(sketch: &mut Sketch) {
        sketch.path_parameter::<A>();
        sketch.path_parameter::<B>();
    }
}

/// The states of the thing that the caller wants to change: that of `If-Match`, where it is sent.
pub struct IfMatch(Option<Vec<Timestamp>>);

impl FromRequestParts<AppState> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(header::IF_MATCH).iter().peekable();
        if given.peek().is_none() {
            return Ok(Self(None));
        }
        let tags: Vec<&str> = given.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).collect();
        // Whatever is there.
        if tags.iter().any(|tag| tag.trim() == "*") {
            return Ok(Self(None));
        }
        Ok(Self(Some(tags.into_iter().filter_map(version_of).collect())))
    }
}

impl IfMatch {
    /// Access that changes a thing in one of these states alone.
    pub fn on(self, access: Access) -> Access {
        match self.0 {
            Some(states) => access.if_in(states),
            None => access,
        }
    }
}

impl Argument for IfMatch {
    fn sketch(sketch: &mut Sketch) {
        sketch.parameters.push(json!({ "$ref": "#/components/parameters/IfMatch" }));
        sketch.refusals.push(412);
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

impl Argument for Query {
    fn sketch(sketch: &mut Sketch) {
        sketch.refusals.push(422);
    }
}

/// A JSON body that fits `T`; else an error that names the field.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Problem> {
        let bytes = read(request).await?;
        Ok(Self(parse_input(parse_json(&bytes)?)?))
    }
}

impl<T: JsonSchema> Argument for Json<T> {
    fn sketch(sketch: &mut Sketch) {
        let schema = sketch.schemas.sent::<T>();
        sketch.takes("application/json", schema, true);
        sketch.refusals.extend([400, 413, 422]);
    }
}

/// The same where all has defaults, so that there need not be a body.
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<AppState> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Problem> {
        let bytes = read(request).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { Ok(Self(parse_input(parse_json(&bytes)?)?)) }
    }
}

impl<T: JsonSchema> Argument for OptionalJson<T> {
    fn sketch(sketch: &mut Sketch) {
        let schema = sketch.schemas.sent::<T>();
        sketch.takes("application/json", schema, false);
        sketch.refusals.extend([400, 413, 422]);
    }
}

/// A merge patch over `T`: a JSON object.
pub struct Patch<T>(pub Value, pub PhantomData<T>);

impl<T: Send> FromRequest<AppState> for Patch<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let Json(value) = Json::<Value>::from_request(request, state).await?;
        if value.is_object() {
            Ok(Self(value, PhantomData))
        } else {
            Err(FieldErrors::one("", "must be a JSON object").into())
        }
    }
}

impl<T: JsonSchema> Argument for Patch<T> {
    fn sketch(sketch: &mut Sketch) {
        let schema = sketch.schemas.patch::<T>();
        sketch.takes("application/json", schema, true);
        sketch.refusals.extend([400, 413, 422]);
    }
}

async fn read(request: Request) -> Result<bytes::Bytes, Problem> {
    body::whole(request.into_body(), MAX_JSON).await
}

fn parse_json(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::malformed(format!("The body is not JSON: {error}.")))
}
