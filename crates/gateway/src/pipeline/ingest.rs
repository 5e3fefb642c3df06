//! The first stage: is this request one of the provider's, and what event does it make?
//!
//! [`admit`] looks at what is known before the body is read; [`check`] at everything else. The cheapest check comes first.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use domain::{
    checks::SchemaAction,
    dedup::nonce_key,
    event::{SchemaError, VerificationStatus},
    event_path::EventParts,
    id::{EnvId, EventId, SourceId},
    ip_rules::{IpRange, IpVerdict},
    patch::mask,
    rejection::{RejectionDetail, RejectionReason},
    time::Timestamp,
    verification::VerificationKind,
};
use http::HeaderMap;
use store::{
    quota::{Quota, Share},
    writer::{NewEvent, OnceKey, Repeated},
};

use crate::{
    content,
    event_view::Payload,
    providers::{self, Check, Mismatch, Reply, RequestUrl, Revealing},
    registry::{Inlet, Snapshot, SourceState},
};

/// What is known of a request before its body is read.
#[derive(Debug, Clone)]
pub struct RequestHead {
    pub source_id: SourceId,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub source_ip: Option<IpAddr>,
    pub received_at: Timestamp,
}

/// A request as it came in.
pub struct IngestRequest {
    pub head: RequestHead,
    pub body: Bytes,
    /// The memory that was set aside for the body, until it is stored.
    pub room: Option<BodyRoom>,
}

/// Memory for a body that is being received and stored.
pub struct BodyRoom(Share);

/// Memory is counted in pieces of this many bytes.
const ROOM_UNIT: usize = 1024;
/// Bodies that are received and stored at once may take so many bytes together.
const ALL_ROOM: usize = 256 << 20;

impl BodyRoom {
    pub(crate) fn quota() -> Arc<Quota> {
        Quota::new(ALL_ROOM / ROOM_UNIT)
    }

    pub(crate) fn in_quota(quota: &Arc<Quota>, project: EnvId, bytes: usize) -> Option<Self> {
        quota.try_acquire(project, units(bytes)).map(Self)
    }

    /// Makes room for a body of so many bytes. Returns whether there is.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        self.0.grow_to(units(bytes))
    }
}

/// Bodies come in pieces; not each of them needs to ask.
const fn units(bytes: usize) -> usize {
    (bytes / ROOM_UNIT + 1).next_power_of_two()
}

/// Why a request makes no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such source")]
    NotFound,
    #[error("the source was deleted")]
    Gone,
    #[error("the body has more than the {limit} bytes that are taken")]
    TooLarge { limit: usize },
    #[error("the source takes no more than {limit} requests in this time")]
    RateLimited { limit: u32, retry_after: Duration },
    #[error("{address} stands in the deny list, as {range}")]
    IpDenied { address: IpAddr, range: IpRange },
    #[error("{address} does not stand in the allow list")]
    IpNotAllowed { address: IpAddr },
    #[error("{0}")]
    Unverified(#[from] Mismatch),
    /// The provider sends such a request once only.
    #[error("the same signed request was received before")]
    Repeated,
    #[error("the body is not what the source's schema allows")]
    SchemaInvalid(Vec<SchemaError>),
    /// The database is down, full or too slow; or the secrets cannot be opened.
    #[error("the event could not be stored")]
    Unavailable,
}

impl Refusal {
    /// What the owner of the source is told, where it is for the owner to do something.
    #[must_use]
    pub fn rejection(&self) -> Option<(RejectionReason, RejectionDetail)> {
        let reason = match self {
            Self::NotFound | Self::Gone | Self::Unavailable => return None,
            Self::TooLarge { .. } => RejectionReason::TooLarge,
            Self::RateLimited { .. } => RejectionReason::RateLimited,
            Self::IpDenied { .. } => RejectionReason::IpDenied,
            Self::IpNotAllowed { .. } => RejectionReason::IpNotAllowed,
            Self::Unverified(_) => RejectionReason::Unverified,
            Self::Repeated => RejectionReason::Repeated,
            Self::SchemaInvalid(_) => RejectionReason::SchemaInvalid,
        };
        let mut detail = RejectionDetail { message: self.to_string(), ..RejectionDetail::default() };
        match self {
            Self::SchemaInvalid(errors) => detail.schema_errors.clone_from(errors),
            Self::Unverified(why) => (detail.expected, detail.seen) = (Some(why.expected()), Some(why.seen())),
            _ => {}
        }
        Some((reason, detail))
    }
}

/// The source of a request.
pub fn inlet_of(snapshot: &Snapshot, source: SourceId) -> Result<Arc<Inlet>, Refusal> {
    match snapshot.source(source) {
        Some(SourceState::Active(inlet)) => Ok(Arc::clone(inlet)),
        Some(SourceState::Deleted) => Err(Refusal::Gone),
        Some(SourceState::Paused) | None => Err(Refusal::NotFound),
    }
}

/// Whether a source lets a request in, as far as can be said before its body is read. `nodes` share its limit.
pub fn admit(inlet: &Inlet, head: &RequestHead, nodes: u32) -> Result<(), Refusal> {
    keep_pace(inlet, head.received_at, nodes)?;
    check_address(inlet, head.source_ip)
}

/// The same for a request that was refused before; it has had its part of the limit.
pub fn admit_again(inlet: &Inlet, head: &RequestHead) -> Result<(), Refusal> {
    check_address(inlet, head.source_ip)
}

fn keep_pace(inlet: &Inlet, now: Timestamp, nodes: u32) -> Result<(), Refusal> {
    let Some(rate) = inlet.checks.rate_limit else { return Ok(()) };
    let (pace, now) = (rate.pace_of_one(nodes), now.as_micros());
    let took = inlet.tat.try_update(Ordering::AcqRel, Ordering::Acquire, |tat| {
        (pace.allowed(tat, now) > 0).then(|| pace.after(tat, now, 1))
    });
    let refused = |tat| Refusal::RateLimited { limit: rate.limit, retry_after: pace.until_next(tat, now) };
    took.map(|_| ()).map_err(refused)
}

/// Those who have no address come from within.
fn check_address(inlet: &Inlet, address: Option<IpAddr>) -> Result<(), Refusal> {
    let Some(address) = address else { return Ok(()) };
    match inlet.checks.ip.judge(address) {
        IpVerdict::Allowed => Ok(()),
        IpVerdict::Denied(range) => Err(Refusal::IpDenied { address, range }),
        IpVerdict::NotListed => Err(Refusal::IpNotAllowed { address }),
    }
}

/// What a request that passed every check has shown of itself.
pub struct Passed {
    verification_status: VerificationStatus,
    /// By what it is known, where the provider sends it once only.
    nonce: Option<String>,
    payload: Payload,
    schema_errors: Option<String>,
    /// Its type, where whoever made it says so.
    event_type: Option<String>,
}

/// An event that is to be stored.
pub struct Checked {
    pub event: NewEvent,
    /// The body, decompressed.
    pub payload: Payload,
    /// By what repetitions of it are known.
    pub once: Vec<OnceKey>,
}

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Somebody who has to prove that they are the provider.
    Sender,
    /// The owner of the source, with a test event that only the provider could sign.
    Owner,
}

/// Checks a request that was let in. Its signature has to be good at `signed_before`, for this server's `public_url`.
pub fn check(
    inlet: &Inlet,
    request: &IngestRequest,
    public_url: &str,
    origin: Origin,
    signed_before: Timestamp,
) -> Result<Passed, Refusal> {
    let (verification_status, nonce) = match origin {
        Origin::Sender => verify(inlet, request, public_url, signed_before)?,
        Origin::Owner => (VerificationStatus::NotRequired, None),
    };
    let encoding = request.head.headers.get(http::header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let payload = Payload::new(content::decoded(encoding, &request.body));
    let schema_errors = hold_against_schema(inlet, &payload)?;
    Ok(Passed { verification_status, nonce, payload, schema_errors, event_type: None })
}

impl Passed {
    /// Whether it can still be refused, since the provider sends it once only.
    #[must_use]
    pub fn is_good_once(&self) -> bool {
        self.nonce.is_some()
    }

    /// The same with the type that its maker names, if any.
    #[must_use]
    pub fn of_type(self, event_type: Option<String>) -> Self {
        Self { event_type, ..self }
    }
}

/// Makes the event of a request that is to be stored.
#[must_use]
pub fn make(inlet: &Inlet, request: IngestRequest, passed: Passed, id_bits: u128) -> Checked {
    let Passed { verification_status, nonce, payload, schema_errors, event_type } = passed;
    let IngestRequest { head, body, .. } = request;
    let content = payload.content();
    let described = providers::describe(inlet.template, &head.headers, content);
    let headers = header_list(&head.headers);
    let parts =
        EventParts { headers: &headers, query: head.query.as_deref(), body: content, json: payload.known_json() };
    let once = once_keys(inlet, &parts, &body, nonce, head.received_at);
    let (headers, query) = without_secret(inlet, headers, head.query);
    let event = NewEvent {
        env_id: inlet.env_id,
        id: EventId::new(head.received_at, id_bits),
        source_id: inlet.id,
        event_type: event_type.or(described.event_type),
        provider_event_id: described.provider_event_id,
        method: head.method,
        path: head.path,
        query,
        content_type: text(&head.headers, &http::header::CONTENT_TYPE),
        source_ip: head.source_ip.map(|ip| ip.to_string()),
        received_at: head.received_at,
        verification_status,
        headers,
        body,
        schema_errors,
    };
    Checked { event, payload, once }
}

/// The answer to a request by which the provider tries the URL out, and which is no event.
pub fn greet(inlet: &Inlet, request: &IngestRequest, public_url: &str) -> Result<Option<Reply>, Refusal> {
    let check = to_check(inlet, request, public_url, request.head.received_at)?;
    Ok(providers::handshake(inlet.template, &check)?)
}

fn verify(
    inlet: &Inlet,
    request: &IngestRequest,
    public_url: &str,
    now: Timestamp,
) -> Result<(VerificationStatus, Option<String>), Refusal> {
    let check = to_check(inlet, request, public_url, now)?;
    let proof = providers::verify(inlet.template, &check)?;
    let is_required = check.verification.kind != VerificationKind::None;
    let status = if is_required { VerificationStatus::Verified } else { VerificationStatus::NotRequired };
    Ok((status, proof.nonce))
}

fn to_check<'a>(
    inlet: &'a Inlet,
    request: &'a IngestRequest,
    public_url: &'a str,
    now: Timestamp,
) -> Result<Check<'a>, Refusal> {
    let verification = inlet.verification.as_ref().ok_or(Refusal::Unavailable)?;
    let head = &request.head;
    let url = RequestUrl { base: public_url, path: &head.path, query: head.query.as_deref() };
    Ok(Check { method: &head.method, url, headers: &head.headers, body: &request.body, now, verification })
}

/// What is wrong with a body that is taken all the same, as JSON.
fn hold_against_schema(inlet: &Inlet, payload: &Payload) -> Result<Option<String>, Refusal> {
    let Some(schema) = &inlet.schema else { return Ok(None) };
    let errors = schema.errors_of(payload);
    match (errors.is_empty(), inlet.checks.schema_action) {
        (true, _) => Ok(None),
        (false, SchemaAction::Reject) => Err(Refusal::SchemaInvalid(errors)),
        (false, SchemaAction::Warn) => Ok(serde_json::to_string(&errors).ok()),
    }
}

/// How long something that is signed once only is remembered: as long as the widest tolerance lets its time be good, which
/// may be as far ahead as behind.
const NONCE_WINDOW: Duration = Duration::from_hours(48);

fn once_keys(
    inlet: &Inlet,
    parts: &EventParts<'_>,
    raw: &[u8],
    nonce: Option<String>,
    received_at: Timestamp,
) -> Vec<OnceKey> {
    let nonce = nonce.map(|nonce| OnceKey {
        key: nonce_key(&nonce),
        expires_at: received_at.plus(NONCE_WINDOW),
        repeated: Repeated::Refused,
    });
    let dedup = inlet.checks.dedup.as_ref().and_then(|dedup| {
        // By its hash a body is known as it came, elsewhere by what it means.
        let parts = match dedup.strategy {
            domain::dedup::DedupStrategy::PayloadHash => EventParts { body: raw, ..*parts },
            _ => *parts,
        };
        Some(OnceKey {
            key: dedup.key_of(&parts)?,
            expires_at: received_at.plus(dedup.window()),
            repeated: Repeated::Duplicate,
        })
    });
    nonce.into_iter().chain(dedup).collect()
}

/// A request that shows a secret as it is has done so: what is stored, shown and sent on says only that it did.
fn without_secret(
    inlet: &Inlet,
    mut headers: Vec<(String, String)>,
    query: Option<String>,
) -> (Vec<(String, String)>, Option<String>) {
    let revealing = inlet.verification.as_ref().and_then(|it| providers::reveals(inlet.template, it));
    match revealing {
        None => (headers, query),
        Some(Revealing::Header(name)) => {
            for (_, value) in headers.iter_mut().filter(|(given, _)| given.eq_ignore_ascii_case(name)) {
                *value = mask(value);
            }
            (headers, query)
        }
        Some(Revealing::Query(name)) => (headers, query.map(|query| providers::without_value(&query, name))),
    }
}

/// Names and values in their order, repeats kept. Bytes that are no UTF-8 are read as Latin-1, as HTTP once meant them.
pub fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), header_text(value))).collect()
}

fn header_text(value: &http::HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn text(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    headers.get(name).map(header_text)
}
