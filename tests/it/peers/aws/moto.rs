//! moto, and AWS's own client to look into it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::peers::process::{Program, free_port, installed, python};

/// One for all tests; each has queues and buckets of its own.
pub struct Moto {
    _program: Program,
    url: String,
    client: Mutex<Client>,
    /// May do everything.
    pub admin: Key,
    /// May do nothing.
    pub nobody: Key,
    /// Temporary credentials of a role that may do everything.
    pub session: Key,
}

/// An access key.
#[derive(Debug, Clone, Default)]
pub struct Key {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

struct Client {
    _child: Child,
    calls: ChildStdin,
    answers: BufReader<ChildStdout>,
}

static MOTO: OnceCell<Moto> = OnceCell::const_new();

impl Moto {
    pub async fn shared() -> &'static Self {
        MOTO.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(installed().join("python/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let program = Program::start(&command, Program::folder(), &format!("{url}/moto-api/data.json")).await;
        let client = Mutex::new(Client::start());
        let mut moto = Self {
            _program: program,
            url,
            client,
            admin: Key { id: "test".into(), secret: "test".into(), token: None },
            nobody: Key::default(),
            session: Key::default(),
        };
        let everything = policy("*");
        moto.nobody = moto.make_user("nobody", None);
        let admin = moto.make_user("admin", Some(&everything));
        moto.session = moto.make_session(&everything);
        moto.admin = admin;
        let reset = reqwest::Client::builder().no_proxy().build().expect("a client");
        let reset = reset.post(format!("{}/moto-api/reset-auth", moto.url)).header("content-type", "text/plain");
        let answered = reset.body("0").send().await.expect("moto answers");
        assert!(answered.status().is_success(), "moto checks signatures from now on: {answered:?}");
        moto
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A call by AWS's own client.
    #[track_caller]
    pub fn call(&self, service: &str, operation: &str, arguments: &Value) -> Value {
        let key: Vec<_> =
            [Some(&self.admin.id), Some(&self.admin.secret), self.admin.token.as_ref()].into_iter().flatten().collect();
        let call = json!({
            "service": service, "endpoint": self.url, "operation": operation, "arguments": arguments, "key": key,
        });
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(client.calls, "{call}").expect("the client takes calls");
        let mut answer = String::new();
        client.answers.read_line(&mut answer).expect("the client answers");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert!(answer["error"].is_null(), "{service} {operation}: {answer}");
        answer["ok"].clone()
    }

    fn make_user(&self, name: &str, policy: Option<&str>) -> Key {
        self.call("iam", "create_user", &json!({ "UserName": name }));
        if let Some(policy) = policy {
            let put = json!({ "UserName": name, "PolicyName": "p", "PolicyDocument": policy });
            self.call("iam", "put_user_policy", &put);
        }
        let made = self.call("iam", "create_access_key", &json!({ "UserName": name }));
        Key::read(&made["AccessKey"])
    }

    fn make_session(&self, policy: &str) -> Key {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole" }],
        });
        self.call("iam", "create_role", &json!({ "RoleName": "r", "AssumeRolePolicyDocument": trust.to_string() }));
        self.call("iam", "put_role_policy", &json!({ "RoleName": "r", "PolicyName": "p", "PolicyDocument": policy }));
        let role = json!({ "RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session" });
        Key::read(&self.call("sts", "assume_role", &role)["Credentials"])
    }
}

impl Key {
    fn read(made: &Value) -> Self {
        let text = |name: &str| made[name].as_str().map(str::to_owned);
        Self {
            id: text("AccessKeyId").expect("an id"),
            secret: text("SecretAccessKey").expect("a secret"),
            token: text("SessionToken"),
        }
    }

    /// The settings of a destination with these credentials, and `more`.
    pub fn settings(&self, more: Value) -> Value {
        let mut settings = json!({
            "region": "eu-central-1", "access_key_id": self.id, "secret_access_key": self.secret,
            "session_token": self.token,
        });
        let (Value::Object(settings_with_key), Value::Object(more)) = (&mut settings, more) else {
            panic!("settings are an object")
        };
        settings_with_key.extend(more);
        settings
    }

    /// The same with another secret.
    pub fn with_wrong_secret(&self) -> Self {
        Self { secret: "secret-of-the-test-that-is-wrong".into(), ..self.clone() }
    }

    /// One that nobody has.
    pub fn unknown() -> Self {
        Self { id: "AKIAAAAAAAAAAAAAAAAA".into(), secret: "secret-of-the-test".into(), token: None }
    }
}

fn policy(action: &str) -> String {
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

impl Client {
    fn start() -> Self {
        // It ends when its input does.
        let mut child = python("aws.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
        let calls = child.stdin.take().expect("an input");
        let answers = BufReader::new(child.stdout.take().expect("an output"));
        Self { _child: child, calls, answers }
    }
}
