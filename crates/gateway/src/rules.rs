//! What lies between the two ends of a connection, ready to be used: compiled once for each version of the connection.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    checks::SchemaAction, connection, delivery::ErrorClass, event::SchemaError, field::FieldErrors,
    filter::Filter as WrittenFilter, id::EnvId, time::Timestamp,
};

use crate::{
    event_view::{EventView, OwnedView, Payload},
    filter::{Decision, Filter},
    http_client::SendError,
    schema::Schema,
    transform::{Expression, MakeInput},
};

/// The compiled rules of one connection.
#[derive(Clone, Default)]
pub struct Rules {
    filter: Option<Filter>,
    schema: Option<(Schema, SchemaAction)>,
    transform: Option<Expression>,
    /// Why nothing may go over it until somebody mends that.
    broken: Option<SendError>,
}

/// What rules say of an event before it is sent.
pub enum Verdict<'r> {
    /// With what the schema found wrong, and lets through.
    Through(Vec<SchemaError>),
    NotMatched(Decision<'r>),
    /// What the schema found wrong, and rejects.
    Rejected(Vec<SchemaError>),
}

/// What is sent instead of what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shaped {
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Bytes,
}

impl Rules {
    /// # Errors
    /// Everything that cannot be used, as it is refused when it is saved.
    pub fn compile(rules: &connection::Rules) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let compiled = Self {
            filter: rules.filter.as_ref().and_then(|filter| {
                let filter = WrittenFilter::parse(filter).and_then(|filter| Filter::compile(&filter));
                filter.map_err(|wrong| errors.extend(wrong)).ok()
            }),
            schema: rules.schema.as_ref().and_then(|schema| {
                let schema = errors.check("schema", Schema::compile(schema))?;
                Some((schema, rules.schema_action))
            }),
            transform: rules.transform.as_ref().and_then(|text| match Expression::compile(text) {
                Ok(expression) => Some(expression),
                Err(error) => {
                    errors.push_at("transform", format!("must be JSONata that parses: {error}"), error.position);
                    None
                }
            }),
            broken: None,
        };
        errors.into_result()?;
        Ok(compiled)
    }

    /// Of a connection as it is stored. What an earlier version could read and this one cannot lets nothing out: its
    /// deliveries are made, and fail with the reason.
    #[must_use]
    pub fn of_stored(rules: &connection::Rules) -> Self {
        Self::compile(rules).unwrap_or_else(|errors| {
            let is_of_transform = errors.iter().all(|error| error.path == "transform");
            let class = if is_of_transform { ErrorClass::Transform } else { ErrorClass::Config };
            let message = format!("the connection has rules that cannot be read any more; save it anew: {errors}");
            Self { broken: Some(SendError::new(class, message)), ..Self::default() }
        })
    }

    /// Whether there is anything to be said before a delivery is made.
    #[must_use]
    pub const fn judges(&self) -> bool {
        self.filter.is_some() || self.schema.is_some()
    }

    /// Whether anything has to be done when a delivery is sent.
    #[must_use]
    pub const fn shapes(&self) -> bool {
        self.transform.is_some() || self.broken.is_some()
    }

    /// Whether the body has to be read as JSON to judge an event.
    #[must_use]
    pub fn reads_payload(&self) -> bool {
        self.schema.is_some() || self.filter.as_ref().is_some_and(Filter::reads_payload)
    }

    #[must_use]
    pub const fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    #[must_use]
    pub const fn transform(&self) -> Option<&Expression> {
        self.transform.as_ref()
    }

    #[must_use]
    pub const fn broken(&self) -> Option<&SendError> {
        self.broken.as_ref()
    }

    #[must_use]
    pub fn judge(&self, event: &EventView<'_>, payload: &Payload) -> Verdict<'_> {
        if let Some(filter) = &self.filter {
            let decision = filter.judge(event, payload);
            if !decision.matched {
                return Verdict::NotMatched(decision);
            }
        }
        self.hold_against_schema(payload)
    }

    /// What the schema alone says.
    #[must_use]
    pub fn hold_against_schema(&self, payload: &Payload) -> Verdict<'_> {
        let Some((schema, action)) = &self.schema else { return Verdict::Through(Vec::new()) };
        let errors = schema.errors_of(payload);
        if errors.is_empty() || *action == SchemaAction::Warn {
            Verdict::Through(errors)
        } else {
            Verdict::Rejected(errors)
        }
    }

    /// What is sent of an event; `None` where that is what came.
    ///
    /// # Errors
    /// Why nothing can be sent of it, now or later.
    pub async fn shape(
        &self,
        project: EnvId,
        event: &EventView<'_>,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<Option<Shaped>, SendError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let Some(transform) = &self.transform else { return Ok(None) };
        let (event_then, body) = (OwnedView::of(event), body.clone());
        let input: MakeInput = Arc::new(move || {
            let event = event_then.view();
            let payload = Payload::of_body(event.headers, &body).into_json();
            Arc::new(event.input(project, payload, now))
        });
        let failed = |message: String| SendError::new(ErrorClass::Transform, message);
        match transform.evaluate_made(project, &input).await {
            Ok(Some(output)) => {
                Ok(Some(Shaped { headers: headers_of_json(event.headers), body: output.to_string().into() }))
            }
            Ok(None) => Err(failed(NO_RESULT.to_owned())),
            Err(error) => Err(failed(format!("the transform failed: {error}"))),
        }
    }
}

/// What is said of a transform that comes to nothing.
pub(crate) const NO_RESULT: &str =
    "the transform has no result for this event, and nothing was sent; a filter says which events are not to be sent";

/// Headers that speak of the body as it came.
const OF_THE_BODY: [&str; 9] = [
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "digest",
    "repr-digest",
];

fn headers_of_json(headers: &[(String, String)]) -> Vec<(String, String)> {
    let speaks_of_body = |name: &str| OF_THE_BODY.iter().any(|of_body| name.eq_ignore_ascii_case(of_body));
    let kept = headers.iter().filter(|(name, _)| !speaks_of_body(name)).cloned();
    std::iter::once(("content-type".to_owned(), "application/json".to_owned())).chain(kept).collect()
}
