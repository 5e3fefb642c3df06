//! `aws_s3` against `SeaweedFS`, which refuses what moto lets pass: a request of another time, a body that is not the one
//! that was signed, an address that is written in another way than it was signed.

use std::{fs, process::Command};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    harness::clock::{self, Clock},
    peers::{
        process::{Program, free_port, installed},
        trip::Trip,
    },
    world::unique_name,
};

on_sqlite!(
    s3_keys_of_every_kind_travel,
    s3_bodies_of_every_kind_travel,
    s3_refuses_another_time,
    s3_refuses_a_wrong_secret,
    http_signs_paths_and_queries_of_every_kind,
);

struct Seaweed {
    _program: Program,
    s3: String,
    filer: String,
}

static SEAWEED: OnceCell<Seaweed> = OnceCell::const_new();
const KEY: (&str, &str) = ("AKIASTRICTADMIN00001", "secret-of-the-test-strict");

impl Seaweed {
    async fn shared() -> &'static Self {
        SEAWEED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let folder = Program::folder();
        let identities = json!({ "identities": [{
            "name": "admin",
            "credentials": [{ "accessKey": KEY.0, "secretKey": KEY.1 }],
            "actions": ["Admin", "Read", "Write", "List"],
        }] });
        let file = folder.join("s3.json");
        fs::write(&file, identities.to_string()).expect("a file can be written");
        let mut command = Command::new(installed().join("python/bin/weed"));
        command.args(["server", "-dir"]).arg(&folder).args(["-ip", "127.0.0.1", "-ip.bind", "127.0.0.1"]);
        command
            .args([
                "-filer",
                "-s3",
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=200",
                "-s3.config",
            ])
            .arg(&file);
        let ports: [u16; 8] = std::array::from_fn(|_| free_port());
        let names = [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "s3.port",
            "s3.port.grpc",
        ];
        for (name, port) in names.iter().zip(ports) {
            command.arg(format!("-{name}={port}"));
        }
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        let (filer, s3) = (format!("http://127.0.0.1:{}", ports[4]), format!("http://127.0.0.1:{}", ports[6]));
        let program = Program::start(&command, folder, &s3).await;
        Self { _program: program, s3, filer }
    }

    /// Past S3, where no key is encoded for anybody else.
    async fn file(&self, method: Method, path: &str) -> reqwest::Response {
        let http = Client::builder().no_proxy().build().expect("a client");
        let mut url = url::Url::parse(&self.filer).expect("a URL");
        url.path_segments_mut().expect("a path").extend(path.split('/'));
        http.request(method, url).header("accept", "application/json").send().await.expect("an answer")
    }

    async fn bucket(&self) -> String {
        let name = unique_name().replace('_', "-");
        // A slash at the end makes a folder, and folders there are buckets.
        let made = self.file(Method::POST, &format!("buckets/{name}/")).await;
        assert!(made.status().is_success(), "{made:?}");
        name
    }

    async fn object(&self, bucket: &str, key: &str) -> Vec<u8> {
        let got = self.file(Method::GET, &format!("buckets/{bucket}/{key}")).await;
        assert!(got.status().is_success(), "{key} is not there: {got:?}");
        got.bytes().await.expect("a body").to_vec()
    }

    fn settings(&self, bucket: &str) -> Value {
        json!({
            "bucket": bucket, "region": "eu-central-1", "access_key_id": KEY.0, "secret_access_key": KEY.1,
            "endpoint": self.s3, "path_style": true,
        })
    }
}

/// Parts of keys that are easily written in two ways.
const PARTS: [&str; 12] = [
    "a b",
    "a+b",
    "a=b",
    "a%20b",
    "100%",
    "a&b?c#d",
    "ünïcode",
    "日本語",
    "🦀",
    "~tilde_-.",
    "it's(a)*!;:@$,",
    "e\u{301}",
];

async fn s3_keys_of_every_kind_travel() {
    let (peer, trip) = (Seaweed::shared().await, Trip::new().await);
    let bucket = peer.bucket().await;
    let mut config = peer.settings(&bucket);
    config["prefix"] = json!("of ünïcode + more=/");
    config["key"] = json!("{{ part }}/{{ $event.id }} +=.json");
    config["format"] = json!("raw");
    let (source, _) = trip.route("aws_s3", config, json!({})).await;
    for part in PARTS {
        let body = json!({ "part": part }).to_string();
        let seen = trip.post(&source, body.clone()).await;
        seen.is_delivered();
        let key = format!("of ünïcode + more=/{part}/{} +=.json", seen.event);
        assert_eq!(peer.object(&bucket, &key).await, body.as_bytes(), "{part}");
    }
}

async fn s3_bodies_of_every_kind_travel() {
    let (peer, trip) = (Seaweed::shared().await, Trip::new().await);
    let bucket = peer.bucket().await;
    let mut config = peer.settings(&bucket);
    config["format"] = json!("raw");
    config["key"] = json!("{{ $event.id }}");
    let (source, _) = trip.route("aws_s3", config, json!({})).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    for body in [every_byte, vec![b'x'; 1 << 20], "{\"ü\":1}\r\n".into()] {
        let seen = trip.post(&source, body.clone()).await;
        seen.is_delivered();
        assert_eq!(peer.object(&bucket, &seen.event).await, body);
    }
}

async fn s3_refuses_another_time() {
    let library = match clock::library() {
        Ok(library) => library,
        Err(why) => return println!("skipped: {why}"),
    };
    let peer = Seaweed::shared().await;
    let bucket = peer.bucket().await;
    let folder = Program::folder();
    for minutes in [-30, 30] {
        let clock = Clock::new(&library, &folder, 0);
        clock.step(minutes * 60);
        let settings = clock.settings();
        let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let trip = Trip::with(&settings).await;
        let seen = trip.deliver("aws_s3", peer.settings(&bucket), "x").await;
        seen.waits("status", &["check the clock of this server"]);
        Clock::forget(trip.server.pid());
    }
    fs::remove_dir_all(folder).expect("the folder is there");
}

async fn s3_refuses_a_wrong_secret() {
    let (peer, trip) = (Seaweed::shared().await, Trip::new().await);
    let bucket = peer.bucket().await;
    let mut config = peer.settings(&bucket);
    config["secret_access_key"] = json!("secret-of-the-test-that-is-wrong");
    trip.deliver("aws_s3", config.clone(), "x").await.waits("status", &["config.secret_access_key"]);
    config["access_key_id"] = json!("AKIANOBODYKNOWS00001");
    trip.deliver("aws_s3", config, "x").await.waits("status", &["config.access_key_id"]);
}

async fn http_signs_paths_and_queries_of_every_kind() {
    let (peer, trip) = (Seaweed::shared().await, Trip::new().await);
    let bucket = peer.bucket().await;
    let auth = json!({
        "type": "aws_sigv4", "service": "s3", "region": "eu-central-1", "access_key_id": KEY.0,
        "secret_access_key": KEY.1,
    });
    for (path, key) in [
        ("plain.json", "plain.json"),
        ("a%20b%2Bc%3D.json", "a b+c=.json"),
        ("%C3%BC/%E6%97%A5.json", "ü/日.json"),
        ("with?x-id=PutObject", "with"),
    ] {
        let config = json!({ "url": format!("{}/{bucket}/{path}", peer.s3), "method": "PUT" });
        trip.deliver_with("http", config, json!({ "auth": auth }), path).await.is_delivered();
        assert_eq!(peer.object(&bucket, key).await, path.as_bytes(), "{path}");
    }
}
