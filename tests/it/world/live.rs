//! A page that is open: by `/v1/ws` it hears that something of its project has changed.

use std::time::Duration;

use serde_json::json;

use super::{Account, Answer, Feed, Server, within};

pub struct Live(Feed);

impl Live {
    /// Signs in as the account's owner and follows the changes of its project.
    pub async fn open(server: &Server, account: &Account) -> Self {
        let cookie = sign_in(server, account).await;
        let path = path_of(&account.env_id);
        let mut feed = Feed::try_open(server, &path, &[("cookie", &cookie)]).await.expect("it is let in");
        feed.say(json!({ "type": "subscribe", "topic": "changes" })).await;
        assert_eq!(feed.hear().await, json!({ "type": "subscribed", "topic": "changes", "cursor": null }));
        Self(feed)
    }

    /// Waits for the next change.
    pub async fn hears(&mut self, limit: Duration) {
        let change = within(limit, "a change is heard of", self.0.hear()).await;
        assert_eq!(change, json!({ "type": "change", "topic": "changes" }));
    }

    /// Forgets what came until nothing more does for `quiet`.
    pub async fn settles(&mut self, quiet: Duration) {
        while !self.0.hear_for(quiet).await.is_empty() {}
    }

    /// The page, as a client.
    pub fn feed(&mut self) -> &mut Feed {
        &mut self.0
    }
}

/// Where a page of the project connects to.
pub fn path_of(project: &str) -> String {
    format!("/v1/ws?project={project}")
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
