//! The delivered request as a command to paste.

use domain::delivery::SentRequest;

use crate::api::events::Body;

/// Headers that curl writes itself.
const OWN: [&str; 3] = ["host", "content-length", "connection"];

/// The command; `None` where the body is larger than what the dashboard has of it.
#[must_use]
pub fn curl(request: &SentRequest, body: &Body) -> Option<String> {
    let mut lines = vec![format!("curl -X {} {}", request.method, quoted(&request.url))];
    for (name, value) in &request.headers {
        if !OWN.contains(&name.to_ascii_lowercase().as_str()) {
            lines.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
        }
    }
    let mut before = String::new();
    match body {
        Body::Empty => {}
        Body::Text { cut: true, .. } | Body::Binary { base64: None, .. } => return None,
        Body::Text { text, .. } => lines.push(format!("--data-binary {}", quoted(text))),
        Body::Binary { base64: Some(base64), .. } => {
            before = format!("printf %s {} | base64 -d | ", quoted(base64));
            lines.push("--data-binary @-".to_owned());
        }
    }
    Some(format!("{before}{}", lines.join(" \\\n  ")))
}

/// For a POSIX shell: within single quotes nothing has a meaning but the quote itself.
fn quoted(text: &str) -> String {
    // curl reads a value that begins with @ as the name of a file, except where the shell's `$'…'` hides it.
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_the_quotes() {
        let request = SentRequest {
            method: "POST".into(),
            url: "https://example.com/a?b='c".into(),
            headers: vec![("Host".into(), "x".into()), ("webhook-id".into(), "evt_1".into())],
        };
        let body = Body::Text { text: "it's $HOME".into(), is_json: false, cut: false };
        let command = curl(&request, &body).expect("whole");
        assert_eq!(
            command,
            "curl -X POST 'https://example.com/a?b='\\''c' \\\n  -H 'webhook-id: evt_1' \\\n  --data-binary 'it'\\''s $HOME'"
        );
    }
}
