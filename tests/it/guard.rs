//! Nothing goes to addresses that are not of the open internet: whichever setting names them, however they are written,
//! whatever a name server says from one moment to the next, and wherever a receiver would send us.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use crate::world::{Names, On, Reply, Server, Sink, World, destination, pem};

on_both_databases!(an_address_is_refused_however_it_is_written);

mod alone {
    macro_rules! once {
        ($($name:ident),* $(,)?) => {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name().await;
                }
            )*
        };
    }
    once!(
        every_setting_that_names_an_address_is_guarded,
        no_setting_takes_a_user_name_in_its_address,
        the_connection_goes_to_the_address_that_was_checked,
        of_several_addresses_only_those_that_may_be_reached_are,
        a_name_is_refused_for_where_it_leads,
        a_redirect_leads_nowhere,
        proxies_of_the_environment_are_not_used,
    );
}

const NOTHING_ALLOWED: &[(&str, &str)] = &[("HOOKSTREAM_ALLOW_TARGETS", "")];
/// One that may be reached, beside one that may not.
const ONE_ALLOWED: &[(&str, &str)] = &[("HOOKSTREAM_ALLOW_TARGETS", "127.0.0.2/32")];

/// Sends a test event to a new destination, and says what came of it.
async fn trial(server: &Server, input: Value) -> Value {
    let api = server.api();
    let id = api.make("destinations", input).await;
    api.post(&format!("/v1/destinations/{id}/test"), json!({})).await.expect(200)
}

async fn http_trial(server: &Server, url: &str, more: Value) -> Value {
    trial(server, destination(&crate::world::unique_name(), url, more)).await
}

#[track_caller]
fn is_blocked(trial: &Value, what: &str) {
    assert_eq!(trial["error_class"], "blocked", "{what}: {trial}");
    let error = trial["error"].as_str().expect("words");
    assert!(error.contains("HOOKSTREAM_ALLOW_TARGETS="), "{what}: it says what an operator can do: {error}");
}

async fn an_address_is_refused_however_it_is_written(on: On) {
    let world = World::new(on).await;
    let server = world.serve_with(NOTHING_ALLOWED).await;
    let sink = Sink::start().await;
    let port = sink.port();
    for (host, named) in [
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("１２７.０.０.１", "127.0.0.1"),
        ("[::1]", "::1 is a loopback address"),
        ("[::ffff:7f00:1]", "127.0.0.1"),
        ("[::127.0.0.1]", "::7f00:1"),
        ("[64:ff9b::127.0.0.1]", "the way to 127.0.0.1, a loopback address"),
        ("[64:ff9b:1::127.0.0.1]", "64:ff9b:1::7f00:1"),
        ("[2002:7f00:1::]", "2002:7f00:1::"),
        ("[fe80::1]", "a link-local address"),
        ("[fd00:ec2::254]", "an address of cloud metadata"),
        ("169.254.169.254", "169.254.169.254 is an address of cloud metadata"),
        ("0.0.0.0", "0.0.0.0"),
        ("localhost", "localhost resolves to"),
        ("ＬＯＣＡＬＨＯＳＴ", "localhost resolves to"),
    ] {
        let url = format!("http://{host}:{port}/latest/meta-data/");
        let trial = http_trial(&server, &url, json!({})).await;
        is_blocked(&trial, host);
        let error = trial["error"].as_str().expect("words");
        assert!(error.contains(named), "{host}: {error}");
    }
    server
        .api()
        .post("/v1/destinations", destination("zone", "http://[fe80::1%25eth0]/", json!({})))
        .await
        .field_error("config.url");
    // An attempt says the same as a trial.
    let (source, _) = server.api().route("inside", &sink.url(), json!({})).await;
    let event = server.event(&source, "x").await;
    let attempt = server.api().attempts_become(&event, 1).await.remove(0);
    is_blocked(&attempt, "an attempt");
    assert_eq!(sink.count(), 0);
}

async fn every_setting_that_names_an_address_is_guarded() {
    let world = World::new(On::Sqlite).await;
    let server = world.serve_with(NOTHING_ALLOWED).await;
    let sink = Sink::start().await;
    let inside = format!("http://127.0.0.1:{}", sink.port());
    // What would be asked after the token; nothing comes that far.
    let outside = "https://example.com/";
    let aws = |more: Value| {
        let mut config =
            json!({ "region": "eu-central-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s" });
        config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        config
    };
    let pubsub = |token_uri: &str, endpoint: &str| {
        json!({
            "project_id": "acme-test", "topic_id": "orders", "endpoint": endpoint,
            "service_account_json": pem::service_account(token_uri).to_string(),
        })
    };
    let (certificate, private_key) = pem::certificate();
    let types = [
        ("aws_sqs", aws(json!({ "queue_url": format!("{inside}/1/queue") }))),
        ("aws_sqs", aws(json!({ "queue_url": "https://sqs.eu-central-1.amazonaws.com/1/queue", "endpoint": inside }))),
        ("aws_s3", aws(json!({ "bucket": "bucket", "endpoint": inside, "path_style": true }))),
        (
            "aws_s3",
            aws(
                json!({ "bucket": "bucket", "endpoint": inside.replace("127.0.0.1", "localhost"), "path_style": true }),
            ),
        ),
        ("aws_eventbridge", aws(json!({ "bus": "bus", "source": "s", "detail_type": "t", "endpoint": inside }))),
        ("gcp_pubsub", pubsub(&format!("{inside}/token"), outside)),
        ("kafka", json!({ "rest_url": inside, "cluster_id": "c", "topic": "t" })),
        (
            "rabbitmq",
            json!({
                "management_url": inside, "vhost": "/", "exchange": "e", "routing_key": "k", "username": "u",
                "password": "p",
            }),
        ),
    ];
    for (kind, config) in types {
        let trial =
            trial(&server, json!({ "name": crate::world::unique_name(), "type": kind, "config": config })).await;
        is_blocked(&trial, kind);
    }
    for (name, url, auth) in [
        (
            "a token's issuer",
            outside,
            json!({
                "type": "oauth2_client_credentials", "token_url": format!("{inside}/token"), "client_id": "c",
                "client_secret": "s",
            }),
        ),
        ("mtls", inside.as_str(), json!({ "type": "mtls", "certificate": certificate, "private_key": private_key })),
        (
            "sigv4",
            inside.as_str(),
            json!({
                "type": "aws_sigv4", "service": "execute-api", "region": "eu-central-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE",
                "secret_access_key": "s",
            }),
        ),
    ] {
        is_blocked(&http_trial(&server, url, json!({ "auth": auth })).await, name);
    }
    assert_eq!(sink.count(), 0);
    drop(server);
    // The second request of Pub/Sub, once there is a token.
    let tokens = Sink::closing_at(SocketAddr::from(([127, 0, 0, 2], 0))).await;
    tokens.now_replies(Reply::Full {
        status: 200,
        headers: vec![],
        body: br#"{"access_token":"t","expires_in":3600}"#.to_vec(),
    });
    let server = world.serve_with(ONE_ALLOWED).await;
    let config = pubsub(&tokens.url(), &inside);
    let trial = trial(&server, json!({ "name": "pubsub", "type": "gcp_pubsub", "config": config })).await;
    is_blocked(&trial, "pubsub");
    assert_eq!((tokens.count(), sink.count()), (1, 0));
}

async fn no_setting_takes_a_user_name_in_its_address() {
    let world = World::new(On::Sqlite).await;
    let server = world.serve().await;
    let api = server.api();
    let with_user = "http://user:secret@127.0.0.1/";
    let keys = json!({ "region": "eu-central-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s" });
    let aws = |name: &str, more: Value| {
        let mut config = keys.clone();
        config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        config[name] = json!(with_user);
        config
    };
    let account = pem::service_account(with_user).to_string();
    for (kind, config, field) in [
        ("http", json!({ "url": with_user }), "config.url"),
        ("aws_sqs", aws("queue_url", json!({})), "config.queue_url"),
        ("aws_sqs", aws("endpoint", json!({ "queue_url": "https://sqs.test/1/q" })), "config.endpoint"),
        ("aws_s3", aws("endpoint", json!({ "bucket": "bucket" })), "config.endpoint"),
        (
            "aws_eventbridge",
            aws("endpoint", json!({ "bus": "b", "source": "s", "detail_type": "t" })),
            "config.endpoint",
        ),
        (
            "gcp_pubsub",
            json!({ "project_id": "acme-test", "topic_id": "orders", "service_account_json": account }),
            "config.service_account_json",
        ),
        ("kafka", json!({ "rest_url": with_user, "cluster_id": "c", "topic": "t" }), "config.rest_url"),
        (
            "rabbitmq",
            json!({
                "management_url": with_user, "vhost": "/", "exchange": "e", "routing_key": "k", "username": "u",
                "password": "p",
            }),
            "config.management_url",
        ),
    ] {
        let made = api.post("/v1/destinations", json!({ "name": "d", "type": kind, "config": config })).await;
        made.field_error(field);
    }
    let auth = json!({
        "type": "oauth2_client_credentials", "token_url": with_user, "client_id": "c", "client_secret": "s",
    });
    let input = destination("d", "https://example.com/", json!({ "auth": auth }));
    api.post("/v1/destinations", input).await.field_error("auth.token_url");
}

/// A receiver that may be reached, and one beside it at the same port that may not.
async fn two_sinks() -> (Sink, Sink) {
    let allowed = Sink::closing_at(SocketAddr::from(([127, 0, 0, 2], 0))).await;
    let forbidden = Sink::closing_at(SocketAddr::from(([127, 0, 0, 1], allowed.port()))).await;
    (allowed, forbidden)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

async fn the_connection_goes_to_the_address_that_was_checked() {
    // Who checks one answer and connects by the next one is lead astray.
    let zone = |_: &str, nth: usize| Some(vec![ip(if nth.is_multiple_of(2) { "127.0.0.2" } else { "127.0.0.1" })]);
    let Some(names) = Names::start(zone).await else { return };
    let world = World::new(On::Sqlite).await;
    let (allowed, forbidden) = two_sinks().await;
    let Some(server) = world.serve_asking(&names, ONE_ALLOWED).await else { return };
    let url = format!("http://rebinding.test:{}/", allowed.port());
    for round in 0..3 {
        let good = http_trial(&server, &url, json!({})).await;
        assert_eq!(good["succeeded"], true, "{round}: {good}");
        let bad = http_trial(&server, &url, json!({})).await;
        is_blocked(&bad, "after the name has changed");
        assert!(bad["error"].as_str().expect("words").starts_with("rebinding.test resolves to 127.0.0.1"), "{bad}");
    }
    assert_eq!(forbidden.count(), 0);
    assert_eq!(allowed.count(), 3);
    assert_eq!(names.count("rebinding.test"), 6, "a name is asked for once for each connection");
}

async fn of_several_addresses_only_those_that_may_be_reached_are() {
    let zone = |name: &str, _: usize| {
        Some(match name {
            "first.test" => vec![ip("127.0.0.1"), ip("127.0.0.2")],
            "last.test" => vec![ip("127.0.0.2"), ip("10.1.2.3"), ip("::1"), ip("127.0.0.1")],
            "mapped.test" => vec![ip("::ffff:127.0.0.1"), ip("::ffff:127.0.0.2")],
            _ => return None,
        })
    };
    let Some(names) = Names::start(zone).await else { return };
    let world = World::new(On::Sqlite).await;
    let (allowed, forbidden) = two_sinks().await;
    let Some(server) = world.serve_asking(&names, ONE_ALLOWED).await else { return };
    for name in ["first.test", "last.test", "mapped.test"] {
        for _ in 0..3 {
            let trial = http_trial(&server, &format!("http://{name}:{}/", allowed.port()), json!({})).await;
            assert_eq!(trial["succeeded"], true, "{name}: {trial}");
        }
    }
    assert_eq!(forbidden.count(), 0);
    assert_eq!(allowed.count(), 9);
}

async fn a_name_is_refused_for_where_it_leads() {
    let zone = |name: &str, _: usize| {
        Some(vec![ip(match name {
            "ten.test" => "10.1.2.3",
            "metadata.test" => "169.254.169.254",
            "six.test" => "fd00:ec2::254",
            "mapped.test" => "::ffff:127.0.0.1",
            "nat.test" => "64:ff9b::127.0.0.1",
            "teredo.test" => "2001:0:4136:e378:8000:63bf:80ff:fffe",
            "zero.test" => "0.0.0.0",
            "broadcast.test" => "255.255.255.255",
            _ => return None,
        })])
    };
    let Some(names) = Names::start(zone).await else { return };
    let world = World::new(On::Sqlite).await;
    let sink = Sink::start().await;
    let Some(server) = world.serve_asking(&names, NOTHING_ALLOWED).await else { return };
    for (name, leads_to) in [
        ("ten.test", "10.1.2.3, a private address"),
        ("ten.test.", "10.1.2.3"),
        ("TEN.Test", "10.1.2.3"),
        ("metadata.test", "169.254.169.254, an address of cloud metadata"),
        ("six.test", "fd00:ec2::254, an address of cloud metadata"),
        ("mapped.test", "127.0.0.1, a loopback address"),
        ("nat.test", "the way to 127.0.0.1, a loopback address"),
        ("teredo.test", "an address of a tunnel"),
        ("zero.test", "0.0.0.0"),
        ("broadcast.test", "255.255.255.255, the broadcast address"),
    ] {
        for scheme in ["http", "https"] {
            let trial = http_trial(&server, &format!("{scheme}://{name}:{}/", sink.port()), json!({})).await;
            is_blocked(&trial, name);
            assert!(trial["error"].as_str().expect("words").contains(leads_to), "{name}: {trial}");
        }
    }
    let nobody = http_trial(&server, "http://nobody.test/", json!({})).await;
    assert_eq!(nobody["error_class"], "dns", "{nobody}");
    assert_eq!(sink.count(), 0);
}

async fn a_redirect_leads_nowhere() {
    let world = World::new(On::Sqlite).await;
    let server = world.serve_with(ONE_ALLOWED).await;
    let (allowed, forbidden) = two_sinks().await;
    for status in [301, 302, 303, 307, 308] {
        for target in ["127.0.0.1", "127.0.0.2", "localhost"] {
            let location = format!("http://{target}:{}/elsewhere", allowed.port());
            let headers = vec![("location", location), ("connection", "close".to_owned())];
            allowed.now_replies(Reply::Full { status, headers, body: Vec::new() });
            let trial = http_trial(&server, &format!("http://127.0.0.2:{}/", allowed.port()), json!({})).await;
            assert_eq!(
                (&trial["error_class"], &trial["response_status"]),
                (&json!("status"), &json!(status)),
                "{trial}"
            );
        }
    }
    assert_eq!(forbidden.count(), 0);
    assert!(allowed.received().iter().all(|request| request.target == "/"), "none was followed");
}

async fn proxies_of_the_environment_are_not_used() {
    let world = World::new(On::Sqlite).await;
    let (proxy, sink) = (Sink::start().await, Sink::start().await);
    let url = format!("http://127.0.0.1:{}", proxy.port());
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut settings: Vec<(&str, &str)> = names.iter().map(|name| (*name, url.as_str())).collect();
    settings.push(("NO_PROXY", ""));
    settings.push(("no_proxy", ""));
    let server = world.serve_with(&settings).await;
    let trial_of = async |url: &str| http_trial(&server, url, json!({})).await;
    assert_eq!(trial_of(&sink.url()).await["succeeded"], true);
    // Nobody speaks TLS there; it is asked itself all the same.
    let tls = trial_of(&format!("https://127.0.0.1:{}/", sink.port())).await;
    assert!(matches!(tls["error_class"].as_str(), Some("tls" | "connect")), "{tls}");
    // A proxy would have to be asked for what this machine does not find.
    assert_eq!(trial_of("http://nowhere.invalid/").await["error_class"], "dns");
    let (certificate, private_key) = pem::certificate();
    let auth = json!({ "type": "mtls", "certificate": certificate, "private_key": private_key });
    assert_eq!(http_trial(&server, &sink.url(), json!({ "auth": auth })).await["succeeded"], true);
    assert_eq!(proxy.count(), 0, "{:?}", proxy.received());
    assert_eq!(sink.count(), 2);
}
