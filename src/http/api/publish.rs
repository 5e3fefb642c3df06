//! `/v1/publish`: an event straight from one's own program.

use axum::{
    Json as Answer,
    response::{IntoResponse, Response},
};
use domain::{permission::Scope, publish::PublishInput};
use gateway::manage::Acknowledged;
use serde_json::json;

use super::{
    operation::{Operation, Outcome, Sketch, post},
    request::{Api, Json},
};
use crate::http::{error::Problem, ingest::Accepted};

pub fn operations() -> Vec<Operation> {
    vec![
        post("/publish", publish)
            .named("publishEvent", "Takes an event from one's own program, as if it had been posted to the source.")
            .says(
                "The API key stands in for the signature. Everything else is as at ingest: addresses, schema, duplicates, and that \
                 the answer comes once the event is on disk.",
            )
            .example(json!({
                "source_id": "src_0198c0de5e1f7d3a9b2c4d5e6f708192",
                "type": "order.paid",
                "payload": { "order": 1042, "amount": 120 },
            }))
            .refuses(&[404, 409])
            .needs(Scope::Write),
    ]
}

struct Published(Acknowledged);

impl IntoResponse for Published {
    fn into_response(self) -> Response {
        Answer(Accepted::of(&self.0)).into_response()
    }
}

impl Outcome for Published {
    fn sketch(sketch: &mut Sketch) {
        Answer::<Accepted>::sketch(sketch);
    }
}

async fn publish(api: Api, Json(input): Json<PublishInput>) -> Result<Published, Problem> {
    Ok(Published(api.gateway.publish(&api.access, input).await??))
}
