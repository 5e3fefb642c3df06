//! The first stage: is this request one of the provider's, and what event does it make?

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use domain::{
    event::VerificationStatus,
    id::{EnvId, EventId, SourceId},
    source::VerificationKind,
    time::Timestamp,
};
use http::HeaderMap;
use store::{
    quota::{Quota, Share},
    writer::NewEvent,
};

use crate::{
    providers::{self, Check, Mismatch},
    registry::{Inlet, Snapshot, SourceState},
};

/// A request as it came in.
pub struct IngestRequest {
    pub source_id: SourceId,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The memory that was set aside for the body, until it is stored.
    pub room: Option<BodyRoom>,
    pub source_ip: Option<IpAddr>,
    pub received_at: Timestamp,
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
    #[error("the signature could not be verified")]
    Unverified(#[from] Mismatch),
    /// The database is down, full or too slow; or the secrets cannot be opened.
    #[error("the event could not be stored")]
    Unavailable,
}

/// Checks a request, and makes the event of it that is to be stored.
pub fn check(snapshot: &Snapshot, request: IngestRequest, id_bits: u128) -> Result<NewEvent, Refusal> {
    let inlet = match snapshot.source(request.source_id) {
        Some(SourceState::Active(inlet)) => inlet,
        Some(SourceState::Deleted) => return Err(Refusal::Gone),
        Some(SourceState::Paused) | None => return Err(Refusal::NotFound),
    };
    let verification_status = verify(inlet, &request)?;
    let described = providers::describe(inlet.template, &request.headers, &request.body);
    Ok(NewEvent {
        env_id: inlet.env_id,
        id: EventId::new(request.received_at, id_bits),
        source_id: inlet.id,
        event_type: described.event_type,
        provider_event_id: described.provider_event_id,
        method: request.method,
        path: request.path,
        query: request.query,
        content_type: text(&request.headers, &http::header::CONTENT_TYPE),
        source_ip: request.source_ip.map(|ip| ip.to_string()),
        received_at: request.received_at,
        verification_status,
        headers: header_list(&request.headers),
        body: request.body,
    })
}

fn verify(inlet: &Inlet, request: &IngestRequest) -> Result<VerificationStatus, Refusal> {
    let verification = inlet.verification.as_ref().ok_or(Refusal::Unavailable)?;
    let check = Check { headers: &request.headers, body: &request.body, now: request.received_at, verification };
    providers::verify(inlet.template, &check)?;
    let is_required = inlet.template.is_some() || verification.kind != VerificationKind::None;
    Ok(if is_required { VerificationStatus::Verified } else { VerificationStatus::NotRequired })
}

/// Names and values in their order, repeats kept. Bytes that are no UTF-8 are read as Latin-1, as HTTP once meant them.
fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
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
