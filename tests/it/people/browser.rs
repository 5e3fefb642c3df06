//! Somebody's browser: it keeps cookies, and says where it is by the header that the servers of these tests believe.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use crate::world::{Answer, Client, Server};

use super::PASSWORD;

pub struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
    address: String,
    agent: &'static str,
}

pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SESSION: &str = "hookstream";

impl Browser {
    pub fn new(server: &Server) -> Self {
        Self::at(server, "198.51.100.7")
    }

    pub fn at(server: &Server, address: &str) -> Self {
        let client = server.client_with("");
        Self { client, cookies: BTreeMap::new(), address: address.to_owned(), agent: FIREFOX }
    }

    /// The same cookies at another server.
    pub fn moved_to(mut self, server: &Server) -> Self {
        self.client = server.client_with("");
        self
    }

    /// The cookie of the session, if there is one.
    pub fn session(&self) -> Option<&str> {
        self.cookies.get(SESSION).map(String::as_str)
    }

    pub fn set_session(&mut self, id: &str) {
        self.cookies.insert(SESSION.to_owned(), id.to_owned());
    }

    /// Calls a server function as our own code does.
    pub async fn call(&mut self, endpoint: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.client.form(&format!("/api/{endpoint}"), fields).header("accept", "application/json");
        self.send(request).await
    }

    /// Posts a form as a browser without JavaScript does, from `page`.
    pub async fn post_from(&mut self, page: &str, endpoint: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.client.form(&format!("/api/{endpoint}"), fields);
        let request = request.header("accept", "text/html").header("referer", format!("http://hooks.test{page}"));
        self.send(request).await
    }

    pub async fn page(&mut self, path: &str) -> Answer {
        let request = self.client.request(Method::GET, path).header("accept", "text/html");
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request
            .header("cookie", cookies.join("; "))
            .header("x-forwarded-for", &self.address)
            .header("user-agent", self.agent)
            .header("sec-fetch-site", "same-origin");
        let answer = Answer::of(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text").split(';').next().expect("a part");
            let (name, value) = cookie.split_once('=').expect("a name and a value");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn sign_up(&mut self, email: &str) {
        let fields = [("name", "Somebody"), ("email", email), ("organization", "Theirs"), ("password", PASSWORD)];
        let answer = self.call("account/sign_up", &fields).await;
        assert!(self.session().is_some(), "{} {}", answer.status, answer.text());
    }

    pub async fn try_sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.call("account/sign_in", &[("email", email), ("password", password), ("next", "")]).await
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) {
        let answer = self.try_sign_in(email, password).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(self.is_in().await, "{}", answer.text());
    }

    /// Whether it is signed in.
    pub async fn is_in(&mut self) -> bool {
        let answer = self.call("account/viewer", &[]).await;
        assert!(matches!(answer.status, 200 | 401), "{} {}", answer.status, answer.text());
        answer.status == 200
    }

    /// The sessions that the account page lists.
    pub async fn sessions(&mut self) -> Vec<Value> {
        self.call("account/sessions", &[]).await.expect(200).as_array().expect("a list").clone()
    }

    pub async fn account(&mut self) -> Value {
        self.call("account/get", &[]).await.expect(200)
    }
}
