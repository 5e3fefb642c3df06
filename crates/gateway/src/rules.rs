//! What lies between the two ends of a connection, ready to be used: compiled once for each version of the connection.

use domain::{
    checks::SchemaAction,
    connection,
    delivery::ErrorClass,
    event::SchemaError,
    field::FieldErrors,
    filter::Filter as WrittenFilter,
};

use crate::{
    event_view::{EventView, Payload},
    filter::{Decision, Filter},
    http_client::SendError,
    schema::Schema,
    transform::Expression,
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
        let Some((schema, action)) = &self.schema else { return Verdict::Through(Vec::new()) };
        let errors = schema.errors_of(payload);
        if errors.is_empty() || *action == SchemaAction::Warn {
            Verdict::Through(errors)
        } else {
            Verdict::Rejected(errors)
        }
    }
}
