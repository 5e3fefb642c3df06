//! Keys and certificates, made by `openssl`.

use std::{
    io::Write,
    process::{Command, Stdio},
};

fn openssl(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("openssl starts");
    // What reads no input may have ended already.
    let _ = child.stdin.take().expect("an input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "openssl {arguments:?}");
    String::from_utf8(output.stdout).expect("PEM")
}

/// A private key and its public one.
pub fn rsa_key() -> (String, String) {
    let private = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "");
    let public = openssl(&["pkey", "-pubout"], &private);
    (private, public)
}

/// A certificate that was signed with its own key, and that key.
pub fn certificate() -> (String, String) {
    let both = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=client", "-days", "2", "-keyout", "-"];
    let made = openssl(&both, "");
    let from = made.find("-----BEGIN CERTIFICATE").expect("a certificate");
    (made[from..].to_owned(), made[..from].to_owned())
}

/// A service account's file, with a key that signs.
pub fn service_account(token_uri: &str) -> serde_json::Value {
    serde_json::json!({
        "type": "service_account", "client_email": "hook@acme-test.iam.gserviceaccount.com", "private_key_id": "k1",
        "private_key": rsa_key().0, "token_uri": token_uri,
    })
}
