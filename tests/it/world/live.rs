//! A page that is open: the stream by which it hears that something of its project has changed.

use std::time::Duration;

use reqwest::Method;

use super::{Account, Answer, Server, within};

pub struct Live {
    stream: reqwest::Response,
    /// What came and was not yet looked at.
    buffer: Vec<u8>,
}

const CHANGE: &[u8] = b"event: change\n";

impl Live {
    /// Signs in as the account's owner and opens the stream. What every stream begins with has come.
    pub async fn open(server: &Server, account: &Account) -> Self {
        let nobody = server.client_with("");
        let cookie = sign_in(server, account).await;
        let request = nobody.request(Method::GET, &format!("/live/{}", account.env_id)).header("cookie", cookie);
        let stream = request.send().await.expect("an answer");
        assert_eq!(stream.status(), 200);
        let mut live = Self { stream, buffer: Vec::new() };
        live.hears(Duration::from_secs(5)).await;
        live
    }

    /// Waits for the next change.
    pub async fn hears(&mut self, limit: Duration) {
        within(limit, "a change is heard of", async {
            loop {
                if let Some(at) = self.buffer.windows(CHANGE.len()).position(|window| window == CHANGE) {
                    self.buffer.drain(..at + CHANGE.len());
                    return;
                }
                let piece = self.stream.chunk().await.expect("the stream goes on");
                self.buffer.extend(piece.expect("the stream has no end"));
            }
        })
        .await;
    }

    /// Forgets what came until nothing more does for `quiet`.
    pub async fn settles(&mut self, quiet: Duration) {
        while let Ok(piece) = tokio::time::timeout(quiet, self.stream.chunk()).await {
            assert!(piece.expect("the stream goes on").is_some(), "the stream has no end");
        }
        self.buffer.clear();
    }
}

/// Signs in as the account's owner. Returns the cookie of the session.
pub async fn sign_in(server: &Server, account: &Account) -> String {
    let nobody = server.client_with("");
    let password = account.password.as_deref().expect("it was generated");
    let form = [("email", "owner@example.com"), ("password", password), ("next", "")];
    let signed_in = nobody.form("/api/account/sign_in", &form).header("accept", "application/json");
    let signed_in = Answer::of(signed_in.header("sec-fetch-site", "same-origin")).await;
    let cookie = signed_in.header("set-cookie").unwrap_or_else(|| panic!("no session: {}", signed_in.text()));
    cookie.split(';').next().expect("a cookie").to_owned()
}
