//! What lies between the two ends of a connection: filters, transforms, schemas and delays; trying them out; and what is
//! said of events that did not go over them.

mod filters;
mod hostile;
mod preview;
mod routes;
mod schemas;
mod test;
mod transforms;

use serde_json::{Value, json};

use crate::world::{Server, Sink};

/// A source with a destination, whose connection has these rules: the ids of source and connection.
async fn connected(server: &Server, sink: &Sink, rules: Value) -> (String, String) {
    let source = server.api().source("source").await;
    let connection = connect(server, &source, "destination", sink, rules).await;
    (source, connection)
}

/// Another connection of a source, to a destination of its own.
async fn connect(server: &Server, source: &str, name: &str, sink: &Sink, rules: Value) -> String {
    let destination = server.api().destination(name, &sink.url(), json!({})).await;
    let mut input = rules;
    input["source_id"] = json!(source);
    input["destination_id"] = json!(destination);
    input["name"] = json!(name);
    server.api().make("connections", input).await
}

fn rule(field: &str, op: &str, value: Value) -> Value {
    let mut rule = json!({ "field": field, "op": op });
    rule["value"] = value;
    rule
}

/// What came to a receiver, as JSON, in the order in which it did.
fn bodies(sink: &Sink) -> Vec<Value> {
    sink.received().iter().map(|request| serde_json::from_slice(&request.body).expect("JSON")).collect()
}
