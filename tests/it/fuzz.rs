//! Schemathesis, which knows of the API what the document says: it sends what fits and what does not, and holds every
//! answer against the document. Installed by `cargo xtask peers`.

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Command},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    peers::process::installed,
    world::{On, Sink, World, eventually},
};

on_both_databases!(nothing_is_answered_that_is_not_in_the_document);

/// The same requests each time.
const SEED: &str = "20260131";
/// Of an operation, in each phase.
const EXAMPLES: &str = "12";
/// It takes two minutes where other tests run beside it.
const LIMIT: Duration = Duration::from_mins(10);
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    negative_data_rejection,ignored_auth";
/// What would end the run: its own project, and its own key.
const LEFT_OUT: [&str; 4] = ["deleteEnvironment", "revokeApiKey", "rotateApiKey", "openWebSocket"];

async fn nothing_is_answered_that_is_not_in_the_document(on: On) {
    let world = World::new(on).await;
    let server = world.serve().await;
    let api = server.api();
    let sink = Sink::start().await;
    let (source, destination) = api.route("there", &sink.url(), json!({})).await;
    let event = server.event(&source, "{\"amount\": 1}").await;
    let delivery = api.delivery_becomes(&event, "succeeded").await;
    let range = json!({ "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z" });
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    let there = BTreeMap::from([
        ("sources", source),
        ("destinations", destination),
        ("connections", id(&api.all("/v1/connections").await[0])),
        ("events", event),
        ("deliveries", id(&delivery)),
        ("replays", api.make("replays", range).await),
        ("environments", world.account.env_id.clone()),
    ]);
    // What is systematic is of the API alone and takes long, so that it goes to one database: the stricter one.
    let phases = if on == On::Sqlite { "examples,fuzzing" } else { "examples,coverage,fuzzing" };
    let folder = world.folder().join("fuzz");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("schemathesis.toml"), settings(&there)).expect("the settings can be written");
    let mut command = Command::new(installed().join("python/bin/schemathesis"));
    command
        .current_dir(&folder)
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("http://{}/v1/openapi.json", server.address()))
        .args(["--phases", phases, "--max-examples", EXAMPLES, "--seed", SEED])
        .args(["--checks", CHECKS, "--workers", "1", "--continue-on-failure", "--no-color", "--warnings", "off"])
        .args(["--generation-database", "none", "--suppress-health-check", "all", "--no-shrink"])
        .args(["--request-timeout", "30"])
        .arg("--header")
        .arg(format!("X-API-Key: {}", world.account.api_key));
    for operation in LEFT_OUT {
        command.args(["--exclude-operation-id", operation]);
    }
    let output = folder.join("output");
    command.stdout(fs::File::create(&output).expect("a file"));
    let mut running = Running(command.spawn().expect("it starts"));
    let status = eventually(LIMIT, "it ends", async || running.0.try_wait().expect("it can be waited for")).await;
    let said = fs::read_to_string(&output).expect("it says something");
    // Its counts are the end of what it says.
    println!("{}", said.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
    assert!(status.success(), "{said}");
    api.get("/v1/sources").await.expect(200);
}

/// It ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself most of the time.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ids that exist for half of the requests; what is made up for the rest.
fn settings(there: &BTreeMap<&str, String>) -> String {
    there.iter().fold(String::new(), |settings, (resource, id)| {
        settings
            + &format!(
                "[[operations]]\ninclude-path-regex = \"^/v1/{resource}/\\\\{{id\\\\}}\"\nparameters = {{ \"path.id\" = \"{id}\" }}\n\n"
            )
    })
}
