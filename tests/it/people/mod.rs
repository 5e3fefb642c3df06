//! People's accounts: signing in and its limits, sessions, passwords, letters, second factors, and what cookies and headers
//! promise.

mod browser;
mod headers;
mod mail;
mod oidc;
mod passwords;
mod profile;
mod second_factor;
mod sessions;
mod sign_in;

use crate::world::{On, PostOffice, Server, World};

use self::browser::Browser;

const PASSWORD: &str = "a long password 1";

/// A world whose servers believe what browsers say of their address, with somebody who has signed up: `ana@example.com`.
async fn inhabited(on: On) -> (World, Server) {
    let mut world = World::new(on).await;
    world.set(&[("HOOKSTREAM_TRUSTED_PROXIES", "127.0.0.0/8")]);
    let server = world.serve().await;
    let mut browser = Browser::new(&server);
    browser.sign_up("ana@example.com").await;
    (world, server)
}

/// The same where letters are sent.
async fn with_mail(on: On) -> (World, Server, PostOffice) {
    let office = PostOffice::open().await;
    let (mut world, server) = inhabited(on).await;
    drop(server);
    world.set(&[("HOOKSTREAM_SMTP_URL", &office.url()), ("HOOKSTREAM_MAIL_FROM", "hookstream <hooks@example.com>")]);
    let server = world.serve().await;
    (world, server, office)
}
