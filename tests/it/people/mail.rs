//! Letters: that they come, well-formed, whatever the server does meanwhile, and that no request waits for them.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Browser, inhabited, with_mail};
use crate::{
    peers::process::{Program, free_port, python},
    world::{Manners, On, PostOffice, Server, World, eventually},
};

on_both_databases!(
    a_letter_is_well_formed,
    a_server_that_fails_for_the_moment_is_asked_again,
    a_server_that_refuses_for_good_is_not,
    a_silent_server_keeps_nobody_waiting,
    a_letter_is_not_sent_in_the_clear,
    a_server_asks_for_a_password,
    letters_go_over_tls_to_a_server_that_is_trusted,
);

const ANA: &str = "ana@example.com";

async fn forget(server: &Server) {
    let answer = Browser::new(server).call("account/forgot_password", &[("email", ANA)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

pub async fn logs(server: &Server, text: &str) {
    let what = format!("the log says {text:?}");
    eventually(Duration::from_secs(20), &what, async || server.log().contains(text).then_some(())).await;
}

/// A server that sends by this URL, and nothing more.
async fn sending_by(on: On, url: &str) -> (World, Server) {
    let (mut world, server) = inhabited(on).await;
    drop(server);
    world.set(&[("HOOKSTREAM_SMTP_URL", url), ("HOOKSTREAM_MAIL_FROM", "hooks@example.com")]);
    let server = world.serve().await;
    (world, server)
}

async fn a_letter_is_well_formed(on: On) {
    let (_world, server, office) = with_mail(on).await;
    forget(&server).await;
    let letter = office.letter(ANA, 0).await;
    assert_eq!((letter.from.as_str(), letter.to.as_str()), ("hooks@example.com", ANA));
    assert_eq!(letter.header("to"), ANA);
    assert!(letter.header("from").contains("hookstream") && letter.header("from").contains("<hooks@example.com>"));
    assert_eq!(letter.header("subject"), "Choose a new hookstream password");
    assert_eq!(letter.header("auto-submitted"), "auto-generated");
    assert!(letter.header("message-id").ends_with("@example.com>"), "{:?}", letter.headers);
    assert!(letter.header("content-type").starts_with("text/plain"));
    assert!(letter.link().starts_with("http://hooks.test/reset-password?token="), "{}", letter.text);
    let token = letter.link().split_once("token=").expect("a token").1.to_owned();
    assert_eq!(token.len(), 64);
    logs(&server, "a letter was sent").await;
    assert!(!server.log().contains(&token));
}

async fn a_server_that_fails_for_the_moment_is_asked_again(on: On) {
    let (_world, server, office) = with_mail(on).await;
    office.change(Manners::Refuses(451));
    forget(&server).await;
    logs(&server, "a letter could not be sent yet").await;
    office.change(Manners::Takes);
    office.letter(ANA, 0).await;
    assert!(office.tries() >= 2);
}

async fn a_server_that_refuses_for_good_is_not(on: On) {
    let (_world, server, office) = with_mail(on).await;
    office.change(Manners::Refuses(550));
    forget(&server).await;
    logs(&server, "a letter could not be sent\"").await;
    assert_eq!(office.tries(), 1);
    assert!(!server.log().contains("a letter could not be sent yet"));
}

async fn a_silent_server_keeps_nobody_waiting(on: On) {
    let (_world, server, office) = with_mail(on).await;
    office.change(Manners::IsSilent);
    let begun = Instant::now();
    forget(&server).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
}

async fn a_letter_is_not_sent_in_the_clear(on: On) {
    let office = PostOffice::open().await;
    let (encrypted, _) =
        office.url().split_once('?').map(|(url, rest)| (url.to_owned(), rest.to_owned())).expect("a URL");
    let (_world, server) = sending_by(on, &encrypted).await;
    forget(&server).await;
    logs(&server, "a letter could not be sent").await;
    assert_eq!(office.tries(), 0);
}

async fn a_server_asks_for_a_password(on: On) {
    let office = PostOffice::with(Manners::Asks("postman", "s3cret&word+1")).await;
    let (_world, server) = sending_by(on, &office.url_for("postman", "s3cret%26word+1")).await;
    forget(&server).await;
    office.letter(ANA, 0).await;
    assert!(!server.log().contains("s3cret"));
}

async fn letters_go_over_tls_to_a_server_that_is_trusted(on: On) {
    let (in_clear, encrypted, folder) = (free_port(), free_port(), Program::folder());
    let mut command = python("post_office.py");
    command.args([in_clear.to_string(), encrypted.to_string()]).arg(&folder);
    let office = Program::spawn(&command, folder);
    office.listens(in_clear).await;
    office.listens(encrypted).await;
    let authority = office.place().join("authority.pem");
    let letters = office.place().join("letters");
    let taken = || -> Vec<Value> {
        let lines = std::fs::read_to_string(&letters).unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let urls = [
        format!("smtp://postman:a%20password@127.0.0.1:{in_clear}"),
        format!("smtps://postman:a%20password@127.0.0.1:{encrypted}"),
    ];
    for (place, url) in urls.iter().enumerate() {
        // By an authority that nobody has named, nothing is sent.
        let (mut world, server) = sending_by(on, url).await;
        forget(&server).await;
        logs(&server, "a letter could not be sent").await;
        assert_eq!(taken().len(), place, "{url}");
        drop(server);
        world.set(&[("SSL_CERT_FILE", authority.to_str().expect("a path"))]);
        let server = world.serve().await;
        forget(&server).await;
        let letter =
            eventually(Duration::from_secs(20), "the letter comes", async || taken().get(place).cloned()).await;
        assert_eq!(letter["to"], serde_json::json!([ANA]), "{url}");
        assert_eq!((&letter["encrypted"], &letter["user"]), (&true.into(), &"postman".into()), "{url}");
    }
}
