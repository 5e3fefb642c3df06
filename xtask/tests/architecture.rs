//! Holds the arrows between the packages: who may know whom. ARCHITECTURE.md draws them.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

/// What the browser's half must not carry: the server's runtime, its protocols, its database.
const SERVER_ONLY: [&str; 9] =
    ["axum", "gateway", "hyper", "leptos_axum", "migrations", "sea-orm", "sqlx", "store", "tokio"];

const DATABASE: [&str; 4] = ["sea-orm", "sea-orm-migration", "sqlx", "sqlx-core"];

#[test]
fn the_browsers_half_knows_nothing_of_the_server() {
    let tree = cargo(&[
        "tree",
        "--package",
        "frontend",
        "--target",
        "wasm32-unknown-unknown",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let packages: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(packages.contains("leptos"), "the tree should name what the browser's half does use");
    let found: Vec<_> = SERVER_ONLY.iter().filter(|name| packages.contains(*name)).collect();
    assert!(found.is_empty(), "the browser's half depends on {found:?}");
}

#[test]
fn only_store_and_migrations_know_the_database() {
    assert_eq!(dependents_on(&DATABASE), ["migrations", "store"]);
}

#[test]
fn only_the_server_and_the_app_know_axum() {
    assert_eq!(dependents_on(&["axum"]), ["app", "hookstream"]);
    let axum = dependency("app", "axum");
    assert_eq!(axum["optional"], true, "app must have axum behind its feature `ssr`");
}

#[test]
fn only_the_app_and_its_two_ends_know_leptos() {
    assert_eq!(dependents_on(&["leptos"]), ["app", "frontend", "hookstream"]);
}

#[test]
fn the_domain_stands_alone() {
    const MEMBERS: [&str; 7] = ["app", "frontend", "gateway", "hookstream", "migrations", "store", "tokio"];
    let known = dependencies("domain");
    let found: Vec<_> = MEMBERS.iter().chain(&DATABASE).filter(|name| known.contains(**name)).collect();
    assert!(found.is_empty(), "domain depends on {found:?}");
}

#[test]
fn the_layers_point_downwards() {
    for (lower, uppers) in [
        ("migrations", ["app", "gateway", "hookstream", "store"].as_slice()),
        ("store", &["app", "gateway", "hookstream"]),
        ("gateway", &["app", "hookstream"]),
        ("app", &["hookstream", "store", "migrations"]),
    ] {
        let known = dependencies(lower);
        let found: Vec<_> = uppers.iter().filter(|name| known.contains(**name)).collect();
        assert!(found.is_empty(), "{lower} depends on {found:?}");
    }
}

/// The members of the workspace that directly depend on one of these, other than for their tests.
fn dependents_on(names: &[&str]) -> Vec<String> {
    let members = members();
    let members = members.iter().filter(|member| {
        let known = dependencies_of(member);
        names.iter().any(|name| known.contains(*name))
    });
    let mut names: Vec<_> = members.map(|member| text(&member["name"])).collect();
    names.sort();
    names
}

fn dependencies(member: &str) -> BTreeSet<String> {
    dependencies_of(&named(members(), member))
}

fn dependencies_of(member: &Value) -> BTreeSet<String> {
    let listed = member["dependencies"].as_array().expect("cargo lists dependencies").iter();
    listed.filter(|one| one["kind"] != "dev").map(|one| text(&one["name"])).collect()
}

fn dependency(member: &str, name: &str) -> Value {
    let member = named(members(), member);
    named(member["dependencies"].as_array().expect("cargo lists dependencies").clone(), name)
}

fn named(list: Vec<Value>, name: &str) -> Value {
    let found = list.into_iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

fn members() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("cargo lists packages").clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("names are strings").to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO")).args(arguments).arg("--locked").current_dir(root).output();
    let output = output.expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}
