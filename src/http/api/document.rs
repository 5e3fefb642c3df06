//! The OpenAPI document, made of the operations: `GET /v1/openapi.json`.

use std::sync::LazyLock;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    operation::{Answered, Operation, Outcome, Sketch},
    schemas::Schemas,
};
use crate::http::{
    error::{Document, REFUSALS},
    ingest,
};

/// What begins each path.
const BASE: &str = "/v1";
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document, as it is sent.
pub struct OpenApi;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
});

/// The document as text.
pub fn text() -> &'static str {
    &TEXT
}

pub async fn openapi() -> OpenApi {
    OpenApi
}

impl IntoResponse for OpenApi {
    fn into_response(self) -> Response {
        let hash = Sha256::digest(text());
        let tag = hash[..8].iter().fold(0_u64, |tag, byte| (tag << 8) | u64::from(*byte));
        let mut response = Body::from(text()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, CACHE);
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag:016x}\"")) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

impl Outcome for OpenApi {
    fn sketch(sketch: &mut Sketch) {
        sketch.answers(200, "This document.", Some(json!({ "type": "object" })));
        if let Some(answer) = sketch.answers.last_mut() {
            answer.has_etag = true;
        }
    }
}

fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for operation in super::operations().into_iter().chain(ingest::operations()) {
        let tag = tag_of(operation.path);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        let path = paths.entry(format!("{BASE}{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = described(&operation, tag, &mut schemas);
    }
    let problem = schemas.answered::<Document>();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "hookstream",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Receives webhooks, keeps them, and delivers them.",
            "description": "Keys belong to one project and are made in the dashboard under Settings. Errors are \
                `application/problem+json` (RFC 9457). Lists come in pages, newest first. Times are RFC 3339 in UTC.",
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "`hs_live_…` or `hs_test_…`" },
                "bearer": { "type": "http", "scheme": "bearer", "description": "The same key." },
            },
            "parameters": parameters(),
            "headers": headers(),
            "responses": refusals(&problem),
        },
    });
    schemas.finish(&mut document);
    document
}

fn described(operation: &Operation, tag: &str, schemas: &mut Schemas) -> Value {
    let sketch = operation.sketch(schemas);
    let has_key = operation.scope.is_some();
    let mut parameters = sketch.parameters;
    if operation.is_paged {
        parameters.extend(["limit", "cursor"].map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    }
    let mut refused = sketch.refusals;
    if has_key && operation.method == "POST" {
        parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
        refused.extend([409, 413, 422]);
    }
    let is_tagged = sketch.answers.iter().any(|answer| answer.has_etag);
    if is_tagged && operation.method == "GET" {
        parameters.push(json!({ "$ref": "#/components/parameters/IfNoneMatch" }));
    }
    refused.sort_unstable();
    refused.dedup();
    let mut responses = Map::new();
    for answer in sketch.answers {
        if answer.may_differ {
            responses.insert("2XX".to_owned(), json!({ "description": answer.says, "content": { "*/*": {} } }));
        }
        responses.insert(answer.status.to_string(), answered(answer, operation));
    }
    if is_tagged && operation.method == "GET" {
        responses.insert("304".to_owned(), json!({ "description": "It is as the caller has it." }));
    }
    for status in refused {
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{status}") }));
    }
    responses.sort_keys();
    let mut described = json!({ "operationId": operation.id, "summary": operation.summary, "tags": [tag] });
    if !operation.description.is_empty() {
        described["description"] = operation.description.into();
    }
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(body) = sketch.body {
        let mut content = json!({ "schema": body.schema });
        if let Some(example) = &operation.example {
            content["example"] = example.clone();
        }
        described["requestBody"] = json!({ "required": body.is_required, "content": { body.content_type: content } });
    }
    described["responses"] = responses.into();
    match operation.scope {
        Some(scope) => {
            described["security"] = json!([{ "apiKey": [] }, { "bearer": [] }]);
            described["x-required-scope"] = scope.as_str().into();
        }
        None => described["security"] = json!([]),
    }
    described
}

fn answered(answer: Answered, operation: &Operation) -> Value {
    let mut described = json!({ "description": answer.says });
    let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } });
    if operation.scope.is_some() {
        for name in RATE_HEADERS {
            headers[name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
    }
    if answer.has_etag {
        headers["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
    }
    described["headers"] = headers;
    if let Some(schema) = answer.schema {
        described["content"] = json!({ "application/json": { "schema": schema } });
        if answer.may_differ {
            described["content"]["*/*"] = json!({});
        }
    }
    described
}

const RATE_HEADERS: [&str; 4] = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy"];

fn headers() -> Value {
    let number =
        |description: &str| json!({ "description": description, "schema": { "type": "integer", "minimum": 0 } });
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "RequestId": text("By which the request is known in the log; in errors also `request_id`."),
        "RateLimit-Limit": number("Requests that this key may make in each window."),
        "RateLimit-Remaining": number("How many of them are left."),
        "RateLimit-Reset": number("Seconds until all of them are there again."),
        "RateLimit-Policy": text("`<requests>;w=<seconds>`"),
        "Retry-After": number("Seconds to wait before the request is made again."),
        "ETag": text("The state of the thing, to be given back as `If-Match` or `If-None-Match`."),
    })
}

fn parameters() -> Value {
    json!({
        "limit": {
            "name": "limit", "in": "query", "required": false, "allowEmptyValue": true,
            "description": "How many items a page has at most.",
            "schema": { "type": "integer", "minimum": 1, "maximum": 250, "default": 50 },
        },
        "cursor": {
            "name": "cursor", "in": "query", "required": false, "allowEmptyValue": true,
            "description": "The `next_cursor` of the page before.",
            "schema": { "type": "string", "pattern": "^c[0-9a-f]{32}$" },
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes sure that a request that is sent again is carried out once: the answer to the first one \
                is given again, for 24 h, with the header `Idempotent-Replayed: true`.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$" },
        },
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` of the state that is to be changed: 412 when it has been changed since.",
            "schema": { "type": "string" },
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "The `ETag` that the caller has: 304 when nothing is different.",
            "schema": { "type": "string" },
        },
    })
}

fn refusals(problem: &Value) -> Value {
    let mut responses = Map::new();
    for (status, words, says) in REFUSALS {
        let words = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/RequestId" } });
        if matches!(status, 429 | 503) {
            headers["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
        }
        let response = json!({
            "description": format!("{says} `error` is {words}."),
            "headers": headers,
            "content": { "application/problem+json": { "schema": problem } },
        });
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

/// Under which heading an operation stands.
fn tag_of(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "environments" => "Environments",
        "sources" => "Sources",
        "destinations" => "Destinations",
        "connections" => "Connections",
        "events" => "Events",
        "deliveries" => "Deliveries",
        "bulk-operations" => "Bulk operations",
        "issues" => "Issues",
        "replays" => "Replays",
        "export" | "apply" => "Configuration",
        "api-keys" => "API keys",
        "ingest" | "publish" => "Ingest",
        "ws" => "WebSocket",
        _ => "Meta",
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::Path};

    use super::*;

    /// Set, it makes the committed document what it should be.
    const WRITE: &str = "HOOKSTREAM_WRITE_DOCS";

    #[test]
    fn the_committed_document_is_that_of_the_code() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        if env::var_os(WRITE).is_some() {
            fs::write(&file, text()).expect("it can be written");
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        let differs = text().lines().zip(committed.lines()).find(|(new, old)| new != old);
        assert!(
            committed == text(),
            "docs/openapi.json is not what the code says ({differs:?}); write it anew with \
             {WRITE}=1 cargo test --bin hookstream committed_document"
        );
    }

    #[test]
    fn every_operation_is_described() {
        let mut ids = BTreeSet::new();
        for operation in super::super::operations().into_iter().chain(ingest::operations()) {
            let at = format!("{} {}", operation.method, operation.path);
            assert!(ids.insert(operation.id), "{at}: {} is the name of another", operation.id);
            assert!(
                operation.id.starts_with(char::is_lowercase) && operation.id.bytes().all(|b| b.is_ascii_alphanumeric()),
                "{at}"
            );
            assert!(operation.summary.ends_with('.'), "{at} has no sentence");
            let mut schemas = Schemas::default();
            let sketch = operation.sketch(&mut schemas);
            assert!(!sketch.answers.is_empty(), "{at}");
            let in_path = sketch.parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(
                in_path,
                operation.path.matches('{').count(),
                "{at} has parameters that its handler does not take"
            );
            let takes_json = sketch.body.as_ref().is_some_and(|body| body.content_type == "application/json");
            assert!(!takes_json || operation.example.is_some(), "{at} has no example of what it takes");
            assert_eq!(
                operation.scope.is_some(),
                sketch.refusals.contains(&403) && !matches!(operation.path, "/ingest/{source_id}" | "/ws"),
                "{at}"
            );
        }
    }

    #[test]
    fn references_lead_somewhere() {
        fn follow(document: &Value, value: &Value) {
            match value {
                Value::Object(fields) => {
                    for (key, field) in fields {
                        match field {
                            Value::String(text) if key == "$ref" => {
                                let pointer = text.strip_prefix('#').expect("within the document");
                                assert!(document.pointer(pointer).is_some(), "{text}");
                            }
                            _ => follow(document, field),
                        }
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| follow(document, item)),
                _ => {}
            }
        }
        let document = document();
        follow(&document, &document);
        assert!(!text().contains("#/sent/"));
    }

    #[test]
    fn routes_are_made_of_operations_alone() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/api");
        for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
            let name = entry.file_name();
            let source = fs::read_to_string(entry.path()).expect("is text");
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            let made = code.matches(".route(").count();
            assert_eq!(
                made,
                if name == "mod.rs" { 2 } else { 0 },
                "{name:?} makes a route that no operation describes"
            );
        }
    }
}
