//! The type `aws_s3`: an object by PutObject, at a key that is the same for every try of an event.

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::destination::{AwsKey, S3Config, S3Format};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::{
    aws::{self, Refusal, Style},
    exchange::{Exchange, Post, Request, give_up, retry, said, unfit},
    forwarded::is_forwarded,
};
use crate::{
    pipeline::deliver::{Answer, Outcome, Outgoing},
    transform::Template,
};

pub(crate) struct S3 {
    bucket: String,
    region: String,
    credentials: AwsKey,
    prefix: String,
    key: Option<Template>,
    format: S3Format,
    /// The bucket's own address, with a slash at the end.
    base: Url,
}

const MAX_KEY: usize = 1024;

impl S3 {
    pub fn new(config: S3Config) -> Result<Self, String> {
        let endpoint = aws::endpoint("s3", &config.region, config.endpoint.as_deref())?;
        let key = config.key.as_deref().map(Template::compile).transpose()?;
        // A certificate for *.s3.… does not cover a name with another dot in it.
        let by_path = config.path_style || config.bucket.contains('.');
        let base = bucket_address(endpoint, &config.bucket, by_path)?;
        Ok(Self {
            bucket: config.bucket,
            region: config.region,
            credentials: config.credentials,
            prefix: config.prefix.unwrap_or_default(),
            key,
            format: config.format,
            base,
        })
    }

    pub async fn send(&self, post: &Post<'_>, outgoing: &Outgoing<'_>) -> Exchange {
        let nowhere = || Request::new(Method::PUT, self.base.clone(), "").shown();
        let key = match self.key_of(outgoing).await {
            Ok(key) => key,
            Err(why) => return Exchange::unsent(nowhere(), unfit(format!("config.key: {why}"))),
        };
        let Ok(url) = Url::parse(&format!("{}{}", self.base, encoded(&key))) else {
            return Exchange::unsent(nowhere(), unfit(format!("{key:?} makes no address")));
        };
        let (body, content_type) = match self.format {
            S3Format::Raw => (outgoing.body.clone(), outgoing.content_type().unwrap_or("application/octet-stream")),
            S3Format::Envelope => (envelope(outgoing).to_string().into(), "application/json"),
        };
        let mut request = Request::new(Method::PUT, url, body);
        request.set("content-type", content_type);
        if let Err(error) = aws::sign(&mut request, &self.credentials, "s3", &self.region, Style::S3, post.now) {
            return Exchange::unsent(request.shown(), Outcome::Retry(error));
        }
        post.exchange(request, |answer| self.judge(answer)).await
    }

    async fn key_of(&self, outgoing: &Outgoing<'_>) -> Result<String, String> {
        let name = if let Some(template) = &self.key {
            template.fill(|| outgoing.input()).await?
        } else {
            let date = outgoing.received_at().to_offset();
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            format!("{year:04}/{month:02}/{day:02}/{}.json", outgoing.event_id)
        };
        let key = format!("{}{name}", self.prefix);
        if key.is_empty() || key.len() > MAX_KEY || key.chars().any(char::is_control) {
            return Err(format!("{key:?} is no key of 1 to {MAX_KEY} bytes without control characters"));
        }
        if key.starts_with('/') || key.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(format!("{key:?} begins with a slash or has a part . or .. which does not travel well"));
        }
        Ok(key)
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let status = answer.status.unwrap_or_default();
        if status == 200 {
            return Outcome::Delivered;
        }
        let refusal = Refusal::of(answer);
        let on = format!("the bucket {}", self.bucket);
        match refusal.code.as_str() {
            "NoSuchBucket" => retry(format!("{on} does not exist: check config.bucket and config.endpoint")),
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "TemporaryRedirect"
            | "IllegalLocationConstraintException" => {
                retry(format!("{on} is in another region: check config.region ({})", said(&refusal.message)))
            }
            "KeyTooLongError" => give_up(format!("the object's key is too long for {on}")),
            "" if status == 301 => retry(format!("{on} is in another region: check config.region")),
            "" if status == 413 => give_up(format!("the event is too large for {on}")),
            _ => refusal.outcome(status, "s3:PutObject", &on),
        }
    }
}

fn bucket_address(mut endpoint: Url, bucket: &str, by_path: bool) -> Result<Url, String> {
    if by_path {
        let path = format!("{}/{bucket}/", endpoint.path().trim_end_matches('/'));
        endpoint.set_path(&path);
    } else {
        let host = endpoint.host_str().map(|host| format!("{bucket}.{host}")).unwrap_or_default();
        endpoint.set_host(Some(&host)).map_err(|error| format!("the bucket's address {host} {error}"))?;
        let path = format!("{}/", endpoint.path().trim_end_matches('/'));
        endpoint.set_path(&path);
    }
    Ok(endpoint)
}

/// Percent-encoded as S3's signatures want it: all but unreserved characters and slashes.
fn encoded(key: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn envelope(outgoing: &Outgoing<'_>) -> Value {
    let payload = outgoing.payload();
    let headers: Vec<_> = outgoing.event.headers.iter().filter(|(name, _)| is_forwarded(name)).collect();
    json!({
        "event_id": outgoing.event_id,
        "source_id": outgoing.source_id,
        "delivery_id": outgoing.delivery_id,
        "received_at": outgoing.received_at(),
        "headers": headers,
        "body_base64": payload.is_none().then(|| BASE64_STANDARD.encode(&outgoing.body)),
        "payload": payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_bucket_in_the_host_or_in_the_path() {
        let endpoint = || aws::endpoint("s3", "eu-central-1", None).expect("a URL");
        let address = |by_path| bucket_address(endpoint(), "acme", by_path).expect("an address").to_string();
        assert_eq!(address(false), "https://acme.s3.eu-central-1.amazonaws.com/");
        assert_eq!(address(true), "https://s3.eu-central-1.amazonaws.com/acme/");
        assert_eq!(encoded("a b/ü+~.json"), "a%20b/%C3%BC%2B~.json");
    }
}
