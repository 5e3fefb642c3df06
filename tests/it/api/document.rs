//! The OpenAPI document that the server gives is whole and true.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::world::{Answer, On, World};

on_both_databases!(the_document_is_public_and_cacheable, routes_and_document_are_the_same, what_is_declared_is_taken);

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every operation: its method, its path and what the document says of it.
pub fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let method = method.to_uppercase().parse().expect("a method");
            found.push((method, path.clone(), operation.clone()));
        }
    }
    assert!(found.len() > 60, "{}", found.len());
    found
}

async fn the_document_is_public_and_cacheable(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let nobody = server.client_with("");
    let answer = nobody.get("/v1/openapi.json").await;
    let document = answer.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let tag = answer.header("etag").expect("a tag").to_owned();
    assert!(answer.header("cache-control").expect("it may be kept").starts_with("public"));
    let again = nobody.request(Method::GET, "/v1/openapi.json").header("if-none-match", &tag);
    let again = Answer::of(again).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let ids: BTreeSet<String> =
        operations(&document).iter().map(|(.., it)| it["operationId"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(ids.len(), operations(&document).len(), "names of operations are their own");
    for (method, path, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|it| it.ends_with('.')), "{method} {path}");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{method} {path}");
    }
}

async fn routes_and_document_are_the_same(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let document = api.get("/v1/openapi.json").await.expect(200);
    for (path, item) in document["paths"].as_object().expect("paths") {
        let there =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        for method in METHODS {
            let is_described = item.get(method).is_some();
            let request = api.request(method.to_uppercase().parse().expect("a method"), &there);
            let status = Answer::of(request).await.status;
            assert_eq!(is_described, status != 405, "{method} {path}: {status}");
        }
    }
    api.get("/v1/nothing").await.problem(404, "not_found");
}

/// Every parameter of a list is known to its handler, and no other is.
async fn what_is_declared_is_taken(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let document = api.get("/v1/openapi.json").await.expect(200);
    let mut declared = 0;
    for (method, path, operation) in operations(&document) {
        if method != Method::GET || path.contains('{') {
            continue;
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = match parameter["$ref"].as_str() {
                Some(place) => document.pointer(place.trim_start_matches('#')).expect("it is there"),
                None => parameter,
            };
            if parameter["in"] != "query" {
                continue;
            }
            declared += 1;
            let name = parameter["name"].as_str().expect("a name");
            let text = api.get(&format!("{path}?{name}=%21")).await.text();
            assert!(!text.contains("is not a parameter"), "{path}: {name}: {text}");
        }
        if operation["parameters"]
            .as_array()
            .is_some_and(|them| them.iter().any(|it| it["$ref"] == "#/components/parameters/limit"))
        {
            api.get(&format!("{path}?nonsense=1")).await.field_error("nonsense");
        }
    }
    assert!(declared > 30, "{declared}");
}
