//! The dashboard's form of a destination as a browser without JavaScript has it: drawn from what the type asks for, posted,
//! led on, and drawn again.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, On, Reply, Server, Sink, World};

on_both_databases!(a_form_is_drawn_for_each_type, a_secret_left_empty_is_kept, a_test_event_shows_its_answer);

/// A person who has signed in, with a browser that runs no scripts.
struct Visitor {
    server: Server,
    cookie: String,
    project: String,
    env: String,
}

impl Visitor {
    async fn new(on: On) -> (World, Self) {
        let world = World::new(on).await;
        let server = world.serve().await;
        let env = world.account.env_id.clone();
        let password = world.account.password.clone().expect("one was generated");
        let mut visitor = Self { server, cookie: String::new(), project: format!("/p/{env}"), env };
        let answer = visitor
            .post("account/sign_in", "/sign-in", &[("email", "owner@example.com"), ("password", &password)])
            .await;
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
        cookie.split(';').next().expect("a cookie").clone_into(&mut visitor.cookie);
        (world, visitor)
    }

    async fn page(&self, path: &str) -> String {
        let client = self.server.client_with("");
        let request = client.request(Method::GET, &format!("{}{path}", self.project)).header("cookie", &self.cookie);
        let answer = Answer::of(request.header("accept", "text/html")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// Posts a form, which stands on a page.
    async fn post(&self, endpoint: &str, page: &str, fields: &[(&str, &str)]) -> Answer {
        let client = self.server.client_with("");
        let request = client.form(&format!("/api/{endpoint}"), fields).header("cookie", &self.cookie);
        let request = request.header("accept", "text/html").header("sec-fetch-site", "same-origin");
        Answer::of(request.header("referer", format!("http://{}{page}", self.server.address()))).await
    }

    /// Where a form that was taken leads.
    async fn posts(&self, endpoint: &str, page: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(endpoint, page, fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let location = answer.header("location").expect("it leads on").to_owned();
        assert!(!location.contains("__err"), "{}", url_decoded(&location));
        location
    }
}

/// What stands in an address about what was wrong.
fn url_decoded(location: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE};
    let url = url::Url::parse(&format!("http://x{location}")).expect("an address");
    let values = url.query_pairs().map(|(_, value)| BASE64_URL_SAFE.decode(value.as_bytes()).unwrap_or_default());
    values.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect::<Vec<_>>().join("\n")
}

fn borrowed<'a>(fields: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn a_form_is_drawn_for_each_type(on: On) {
    use domain::destination::DestinationType;
    let (_world, visitor) = Visitor::new(on).await;
    let gallery = visitor.page("/destinations/new").await;
    for kind in DestinationType::ALL {
        assert!(gallery.contains(&format!("/destinations/new?type={}", kind.as_str())), "{kind:?}");
        let form = visitor.page(&format!("/destinations/new?type={}", kind.as_str())).await;
        for setting in kind.settings() {
            assert!(form.contains(&format!("name=\"config.{}\"", setting.name)), "{kind:?} {}", setting.name);
        }
        assert_eq!(form.contains("name=\"auth.type\""), kind == DestinationType::Http, "{kind:?}");
    }
}

async fn a_secret_left_empty_is_kept(on: On) {
    let (world, visitor) = Visitor::new(on).await;
    let env = visitor.env.clone();
    let fields = |key: &'static str, secret: &'static str| {
        vec![
            ("env", env.clone()),
            ("type", "rabbitmq".into()),
            ("name", "Broker".into()),
            ("config.management_url", "https://rabbit.test/".into()),
            ("config.vhost", "/".into()),
            ("config.exchange", "webhooks".into()),
            ("config.routing_key", key.into()),
            ("config.username", "hook".into()),
            ("config.password", secret.into()),
            ("headers", String::new()),
        ]
    };
    let page = format!("/p/{}/destinations/new?type=rabbitmq", visitor.env);
    let wrong = fields("{{ a + }}", "correct-horse-battery");
    let refused = visitor.post("destinations/create", &page, &borrowed(&wrong)).await;
    let back = refused.header("location").expect("back to the form").to_owned();
    assert!(back.starts_with(&page) && url_decoded(&back).contains("config.routing_key"), "{back}");
    assert!(!url_decoded(&back).contains("correct-horse-battery"), "a secret does not stand in an address");
    let again = visitor.page(back.strip_prefix(&visitor.project).expect("a page of the project")).await;
    assert!(again.contains("value=\"webhooks\""), "what was typed stays");

    let right = fields("{{ type }}", "correct-horse-battery");
    let path = visitor.posts("destinations/create", &page, &borrowed(&right)).await;
    let id = path.rsplit('/').next().expect("an id").to_owned();
    let shown = visitor.page(&format!("/destinations/{id}")).await;
    assert!(shown.contains("••••••••tery") && !shown.contains("correct-horse-battery"));
    assert!(shown.contains("RabbitMQ") && shown.contains("{{ type }}"));

    let edit = format!("{path}/edit");
    let mut change = fields("other", "");
    change.push(("destination", id.clone()));
    visitor.posts("destinations/update", &edit, &borrowed(&change)).await;
    let read = visitor.server.api().get(&format!("/v1/destinations/{id}")).await.expect(200);
    assert_eq!(
        (&read["config"]["routing_key"], &read["config"]["password"]),
        (&json!("other"), &json!("••••••••tery"))
    );
    drop(world);
}

async fn a_test_event_shows_its_answer(on: On) {
    let (_world, visitor) = Visitor::new(on).await;
    let busy = Reply::Full { status: 503, headers: vec![], body: b"come back later".to_vec() };
    let sink = Sink::in_turn([busy, Reply::Status(200)]).await;
    let id = visitor.server.api().destination("shop", &sink.url(), json!({})).await;
    let page = format!("/p/{}/destinations/{id}", visitor.env);
    for (title, answer) in
        [("The test event was not delivered", "come back later"), ("The test event was delivered", "200")]
    {
        let sent = visitor.post("destinations/test", &page, &[("env", &visitor.env), ("destination", &id)]).await;
        assert_eq!((sent.status, sent.header("location")), (303, Some(page.as_str())), "{}", sent.text());
        let kept = sent.header("set-cookie").expect("the answer").split(';').next().expect("a cookie").to_owned();
        let client = visitor.server.client_with("");
        let request = client.request(Method::GET, &page).header("cookie", format!("{}; {kept}", visitor.cookie));
        let drawn = Answer::of(request.header("accept", "text/html")).await;
        assert!(drawn.text().contains(title) && drawn.text().contains(answer), "{}", drawn.text());
    }
    assert_eq!(sink.count(), 2);
}
