//! A person at the dashboard, as our own code in their browser speaks for them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::Value;

use super::{Answer, Client, Server, World};

/// Somebody with a session, or without one where the cookie is empty.
pub struct Person {
    client: Client,
    cookie: String,
    pub email: String,
}

/// What everybody signs up with.
pub const PASSWORD: &str = "a long password 1";

impl Person {
    pub fn nobody(server: &Server) -> Self {
        Self { client: server.client_with(""), cookie: String::new(), email: String::new() }
    }

    /// Somebody with an account and an organization of their own.
    pub async fn sign_up(server: &Server, email: &str) -> Self {
        let name = email.split('@').next().unwrap_or_default();
        let form = [("name", name), ("email", email), ("organization", &format!("{name}'s")), ("password", PASSWORD)];
        Self::nobody(server).becomes(email, "account/sign_up", &form).await
    }

    pub async fn sign_in(server: &Server, email: &str, password: &str) -> Self {
        let form = [("email", email), ("password", password)];
        Self::nobody(server).becomes(email, "account/sign_in", &form).await
    }

    /// The owner of the world's account.
    pub async fn owner(server: &Server, world: &World) -> Self {
        let password = world.account.password.clone().expect("one was generated");
        Self::sign_in(server, "owner@example.com", &password).await
    }

    /// Whoever a call that gives a session makes of them.
    pub async fn becomes(self, email: &str, endpoint: &str, form: &[(&str, &str)]) -> Self {
        let answer = self.call(endpoint, form).await;
        let cookie = cookie(&answer, "hookstream").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
        Self { cookie, email: email.to_owned(), ..self }
    }

    /// The same session at another node.
    pub fn at(&self, server: &Server) -> Self {
        Self { client: server.client_with(""), cookie: self.cookie.clone(), email: self.email.clone() }
    }

    /// Of the session.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    pub async fn call(&self, endpoint: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.client.form(&format!("/api/{endpoint}"), form);
        let request = request.header("accept", "application/json").header("cookie", &self.cookie);
        Answer::of(request.header("sec-fetch-site", "same-origin")).await
    }

    /// The answer of a call that is done.
    #[track_caller]
    pub fn done(answer: &Answer) -> Value {
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A page, or a file.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.client.request(Method::GET, path).header("cookie", &self.cookie);
        Answer::of(request.header("accept", "text/html")).await
    }

    /// What is in the audit log of an organization, newest first.
    pub async fn audit_log(&self, org: &str) -> Vec<Value> {
        let answer = self.call("audit/list", &[("org", org), ("query[range]", "")]).await;
        Self::done(&answer)["data"].as_array().expect("a list").clone()
    }

    /// The first organization of the person, and its first project.
    pub async fn home(&self) -> (String, String) {
        let viewer = Self::done(&self.call("account/viewer", &[]).await);
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        (text(&viewer["memberships"][0]["org_id"]), text(&viewer["projects"][0]["id"]))
    }

    /// The id of the person.
    pub async fn id(&self) -> String {
        let viewer = Self::done(&self.call("account/viewer", &[]).await);
        viewer["user"]["id"].as_str().expect("an id").to_owned()
    }

    /// Invites somebody. Says the invitation's id and the token of its link.
    pub async fn invites(&self, (org, env): (&str, &str), email: &str, role: &str) -> (String, String) {
        let form = [("org", org), ("env", env), ("email", email), ("role", role)];
        let answer = self.call("team/invite", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        shown_once(&answer)
    }
}

/// The id that something was shown once for, and the last part of the link.
pub fn shown_once(answer: &Answer) -> (String, String) {
    let cookie = cookie(answer, "hs_once").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
    let (id, encoded) =
        cookie.strip_prefix("hs_once=").and_then(|value| value.split_once('.')).unwrap_or_else(|| panic!("{cookie}"));
    let link = BASE64_URL_SAFE_NO_PAD.decode(encoded).expect("base64");
    let link = String::from_utf8(link).expect("a text");
    (id.to_owned(), link.rsplit('/').next().expect("a token").to_owned())
}

/// The cookie of this name that an answer sets, as a browser sends it back.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = set.filter_map(|cookie| cookie.split(';').next());
    pairs.find(|pair| pair.split_once('=').is_some_and(|(given, _)| given == name)).map(str::to_owned)
}
