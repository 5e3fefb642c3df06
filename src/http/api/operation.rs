//! An operation of the API: where it stands, its handler, and what the types of the handler do not say of it.
//!
//! The router and the OpenAPI document are made of the same list of these ([`super::operations`]), so that neither has what
//! the other has not. What a handler takes and gives is read off its types: each argument is an [`Argument`], its answer an
//! [`Outcome`].

use axum::{
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};
use domain::permission::Scope;
use schemars::JsonSchema;
use serde_json::Value;

use super::schemas::{Schemas, without_null};
use crate::http::{AppState, error::Problem};

pub struct Operation {
    pub method: Method,
    /// Below `/v1`.
    pub path: &'static str,
    /// What generated clients call it.
    pub id: &'static str,
    /// A sentence.
    pub summary: &'static str,
    /// What else there is to know.
    pub description: &'static str,
    /// What a key needs; `None` where no key is asked for.
    pub scope: Option<Scope>,
    pub is_paged: bool,
    queries: Vec<fn(&mut Sketch)>,
    /// Statuses of refusals beside those that follow from the types.
    pub refusals: &'static [u16],
    pub example: Option<Value>,
    sketch: fn(&mut Sketch),
    /// `None` where the route is made elsewhere.
    pub handler: Option<MethodRouter<AppState>>,
}

/// What is known of an operation from its types.
pub struct Sketch<'a> {
    pub schemas: &'a mut Schemas,
    /// Names of the path's parameters that no argument has taken yet.
    names: Vec<&'static str>,
    pub parameters: Vec<Value>,
    pub body: Option<Body>,
    pub answers: Vec<Answered>,
    pub refusals: Vec<u16>,
}

pub struct Body {
    pub content_type: &'static str,
    pub schema: Value,
    pub is_required: bool,
}

pub struct Answered {
    pub status: u16,
    pub says: &'static str,
    /// `None` where there is no body.
    pub schema: Option<Value>,
    pub has_etag: bool,
    /// Whether a setting may put another answer of success in its place, of any content type.
    pub may_differ: bool,
}

/// What a handler takes out of a request.
pub trait Argument {
    fn sketch(sketch: &mut Sketch);
}

/// What a handler answers.
pub trait Outcome {
    fn sketch(sketch: &mut Sketch);
}

/// A handler whose arguments and answer are known.
pub trait Sketched<Arguments> {
    fn sketch(sketch: &mut Sketch);
}

macro_rules! sketched {
    ($($argument:ident)*) => {
        impl<F, Answer, O, $($argument,)*> Sketched<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Answer,
            Answer: Future<Output = O>,
            O: Outcome,
            $($argument: Argument,)*
        {
            fn sketch(sketch: &mut Sketch) {
                $($argument::sketch(sketch);)*
                O::sketch(sketch);
            }
        }
    };
}

sketched!();
sketched!(A);
sketched!(A B);
sketched!(A B C);
sketched!(A B C D);

impl<O: Outcome> Outcome for Result<O, Problem> {
    fn sketch(sketch: &mut Sketch) {
        O::sketch(sketch);
    }
}

macro_rules! methods {
    ($($function:ident $method:ident;)*) => {$(
        pub fn $function<H, T, A>(path: &'static str, handler: H) -> Operation
        where
            H: Handler<T, AppState> + Sketched<A>,
            T: 'static,
        {
            Operation::new(Method::$method, path, H::sketch, Some(on(MethodFilter::$method, handler)))
        }
    )*};
}

methods! {
    get GET;
    post POST;
    patch PATCH;
    delete DELETE;
}

impl Operation {
    fn new(
        method: Method,
        path: &'static str,
        sketch: fn(&mut Sketch),
        handler: Option<MethodRouter<AppState>>,
    ) -> Self {
        Self {
            method,
            path,
            id: "",
            summary: "",
            description: "",
            scope: None,
            is_paged: false,
            queries: Vec::new(),
            refusals: &[],
            example: None,
            sketch,
            handler,
        }
    }

    /// One whose route is made elsewhere, or whose handler has no types that say it.
    pub fn described(
        method: Method,
        path: &'static str,
        handler: Option<MethodRouter<AppState>>,
        sketch: fn(&mut Sketch),
    ) -> Self {
        Self::new(method, path, sketch, handler)
    }

    pub fn named(mut self, id: &'static str, summary: &'static str) -> Self {
        (self.id, self.summary) = (id, summary);
        self
    }

    pub fn says(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub fn needs(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Its answer is a page of a list.
    pub fn paged(mut self) -> Self {
        self.is_paged = true;
        self
    }

    /// Takes the fields of `T` as parameters of the query.
    pub fn filtered_by<T: JsonSchema>(mut self) -> Self {
        self.queries.push(|sketch| {
            let schema = sketch.schemas.whole::<T>();
            let Some(fields) = schema["properties"].as_object() else { return };
            for (name, schema) in fields {
                sketch.query(name, without_null(schema.clone()));
            }
        });
        self
    }

    /// Takes more parameters in the query.
    pub fn query(mut self, declare: fn(&mut Sketch)) -> Self {
        self.queries.push(declare);
        self
    }

    pub fn refuses(mut self, statuses: &'static [u16]) -> Self {
        self.refusals = statuses;
        self
    }

    pub fn example(mut self, example: Value) -> Self {
        self.example = Some(example);
        self
    }

    /// All that its types say.
    pub fn sketch<'a>(&self, schemas: &'a mut Schemas) -> Sketch<'a> {
        let mut names: Vec<&'static str> =
            self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        names.reverse();
        let (parameters, answers, refusals) = (Vec::new(), Vec::new(), self.refusals.to_vec());
        let mut sketch = Sketch { schemas, names, parameters, body: None, answers, refusals };
        (self.sketch)(&mut sketch);
        for declare in &self.queries {
            declare(&mut sketch);
        }
        sketch
    }
}

impl Sketch<'_> {
    /// The next parameter in the path.
    pub fn path_parameter<T: JsonSchema>(&mut self) {
        let Some(name) = self.names.pop() else { return };
        let schema = self.schemas.sent::<T>();
        self.parameters.push(serde_json::json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        self.refusals.push(404);
    }

    /// A parameter in the query, described by what its schema says of itself.
    pub fn query(&mut self, name: &str, mut schema: Value) {
        let description = schema.as_object_mut().and_then(|schema| schema.shift_remove("description"));
        let mut parameter = serde_json::json!({
            "name": name, "in": "query", "required": false, "allowEmptyValue": true, "schema": schema,
        });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        self.parameters.push(parameter);
        self.refusals.push(422);
    }

    /// The same with a type of the domain.
    pub fn query_of<T: JsonSchema>(&mut self, name: &str, description: &str) {
        let mut schema = self.schemas.sent::<T>();
        schema["description"] = description.into();
        self.query(name, schema);
    }

    pub fn takes(&mut self, content_type: &'static str, schema: Value, is_required: bool) {
        self.body = Some(Body { content_type, schema, is_required });
    }

    pub fn answers(&mut self, status: u16, says: &'static str, schema: Option<Value>) {
        self.answers.push(Answered { status, says, schema, has_etag: false, may_differ: false });
    }
}
