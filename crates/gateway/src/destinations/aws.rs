//! What the three AWS types share: signing a request, and reading what AWS says against one.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as sign_request,
    },
    sign::v4,
};
use domain::{delivery::ErrorClass, destination::AwsKey, time::Timestamp};
use http::{Method, header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::exchange::{Request, give_up, retry, said};
use crate::{
    http_client::SendError,
    pipeline::deliver::{Answer, Outcome},
};

/// How a service reads a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Usual,
    /// The path is taken as it stands, and the hash of the body stands in a header.
    S3,
}

/// Signs what the request is by now; nothing may be added to it later.
pub(crate) fn sign(
    request: &mut Request,
    key: &AwsKey,
    service: &str,
    region: &str,
    style: Style,
    now: Timestamp,
) -> Result<(), SendError> {
    let identity = Credentials::new(
        key.access_key_id.clone(),
        key.secret_access_key.clone(),
        key.session_token.clone(),
        None,
        "hookstream",
    )
    .into();
    let mut settings = SigningSettings::default();
    if style == Style::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let micros = u64::try_from(now.as_micros()).unwrap_or_default();
    let cannot = |error: &dyn std::fmt::Display| {
        SendError::new(ErrorClass::Config, format!("the request cannot be signed for AWS: {error}"))
    };
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .settings(settings)
        .build()
        .map_err(|error| cannot(&error))?
        .into();
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        // Nothing on the way may change what is signed.
        .filter(|(name, _)| *name != header::AUTHORIZATION)
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let signable = SignableRequest::new(
        request.method.as_str(),
        request.url.as_str(),
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(&request.body),
    )
    .map_err(|error| cannot(&error))?;
    let (instructions, _) = sign_request(signable, &parameters).map_err(|error| cannot(&error))?.into_parts();
    for (name, value) in instructions.headers() {
        if matches!(name, "authorization" | "x-amz-security-token") {
            request.set_secret(name, value);
        } else {
            request.set(name, value);
        }
    }
    Ok(())
}

/// The address of a service in a region.
pub(crate) fn endpoint(service: &str, region: &str, own: Option<&str>) -> Result<Url, String> {
    let zone = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let address = own.map_or_else(|| format!("https://{service}.{region}.{zone}/"), str::to_owned);
    Url::parse(&address).map_err(|error| error.to_string())
}

/// A call by AWS's JSON protocol.
pub(crate) fn json_call(endpoint: &Url, target: &str, version: &str, body: &Value) -> Request {
    let mut request = Request::new(Method::POST, endpoint.clone(), body.to_string());
    request.set("content-type", &format!("application/x-amz-json-{version}"));
    request.set("x-amz-target", target);
    request
}

/// What AWS said against a request.
pub(crate) struct Refusal {
    pub code: String,
    pub message: String,
}

#[derive(Deserialize, Default)]
struct JsonRefusal {
    #[serde(default, rename = "__type")]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl Refusal {
    /// From the answer of a service with JSON or XML.
    pub fn of(answer: &Answer) -> Self {
        let header =
            answer.headers.iter().find(|(name, _)| name == "x-amzn-errortype").map(|(_, value)| value.as_str());
        if answer.body.trim_start().starts_with('<') {
            let code = element(&answer.body, "Code").unwrap_or_default();
            return Self { code, message: element(&answer.body, "Message").unwrap_or_default() };
        }
        let JsonRefusal { kind, message } = serde_json::from_str(&answer.body).unwrap_or_default();
        let code = if kind.is_empty() { header.unwrap_or_default() } else { &kind };
        // `com.amazonaws.sqs#QueueDoesNotExist`, `ThrottlingException:http://…`
        let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
        Self { code: code.to_owned(), message }
    }

    /// What follows where nothing of the service's own does: the same everywhere in AWS. `action` is the permission that the
    /// key needs, `on` what it needs it for.
    pub fn outcome(&self, status: u16, action: &str, on: &str) -> Outcome {
        let Self { code, message } = self;
        let words = said(message);
        match code.as_str() {
            "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
                retry(format!("AWS does not know the access key ID: check config.access_key_id ({words})"))
            }
            "SignatureDoesNotMatch" | "InvalidSignatureException"
                if words.contains("expired") || words.contains("not yet") =>
            {
                retry(format!("AWS finds the request too old or too new: check the clock of this server ({words})"))
            }
            "RequestTimeTooSkewed" | "RequestExpired" => {
                retry(format!("AWS finds the request too old or too new: check the clock of this server ({words})"))
            }
            "SignatureDoesNotMatch" | "InvalidSignatureException" => retry(format!(
                "AWS refuses the signature: config.secret_access_key does not belong to config.access_key_id ({words})"
            )),
            "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" => {
                retry(format!("AWS refuses the session token: set new temporary credentials ({words})"))
            }
            "AccessDenied" | "AccessDeniedException" => {
                retry(format!("AWS denies the access: the key needs the permission {action} on {on} ({words})"))
            }
            "ThrottlingException" | "Throttling" | "RequestThrottled" | "SlowDown" | "TooManyRequestsException" => {
                retry(format!("AWS limits the rate of {on}: {words}"))
            }
            "RequestEntityTooLarge" | "EntityTooLarge" | "RequestTooLarge" => {
                give_up(format!("the event is too large for {on}: {words}"))
            }
            "" => retry(format!("{on} answered {status}")),
            code => retry(format!("{on} answered {status} {code}: {words}")),
        }
    }
}

/// The text of the first element of this name in a small XML document.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: Some(400), headers: vec![], body: body.to_owned(), retry_after: None }
    }

    #[test]
    fn refusals_are_read_in_json_and_xml() {
        let json = Refusal::of(&answer(r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}"#));
        assert_eq!((json.code.as_str(), json.message.as_str()), ("QueueDoesNotExist", "none"));
        let xml = Refusal::of(&answer(
            "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>a &amp; b</Message></Error>",
        ));
        assert_eq!((xml.code.as_str(), xml.message.as_str()), ("NoSuchBucket", "a & b"));
        assert_eq!(Refusal::of(&answer("what?")).code, "");
    }

    /// The case `get-vanilla` of AWS's own suite, by way of our use of it.
    #[test]
    fn a_request_is_signed_as_aws_says() {
        let url = Url::parse("https://example.amazonaws.com/").expect("a URL");
        let mut request = Request::new(Method::GET, url, "");
        let key = AwsKey {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let now = Timestamp::parse_rfc3339("2015-08-30T12:36:00Z").expect("a time");
        sign(&mut request, &key, "service", "us-east-1", Style::Usual, now).expect("it signs");
        let authorization = request.headers["authorization"].to_str().expect("text");
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert!(!format!("{:?}", request.shown()).contains("5fa00fa31553b73ebf1942676"));
    }
}
