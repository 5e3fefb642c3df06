//! Requests that a source refused.

use domain::{
    audit::{Action, Changes, Target},
    id::{EventId, RequestId, SourceId},
    patch::mask,
    permission::Permission,
    rejection::RejectedRequest,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use store::rejections::Rejected;

use super::{Access, Error, IngestRequest, RequestHead, Result, audit::Note, ingest::Terms, sources::refused};
use crate::{
    Gateway, clock,
    pipeline::ingest::{Origin, admit_again, inlet_of},
    providers::{self, Revealing},
};

/// Headers whose values are secrets wherever they come from.
const SECRET_HEADERS: [&str; 6] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token", "x-gitlab-token"];

impl Gateway {
    /// The last requests that a source refused, newest first.
    pub async fn rejected_requests(&self, access: &Access, source: SourceId) -> Result<Vec<RejectedRequest>> {
        access.require(Permission::Read)?;
        let of = access.rows.source(source).await?.ok_or(Error::NotFound)?;
        let kept = access.rows.rejected(source, clock::now()).await?;
        let revealing = providers::reveals(of.template, &of.verification);
        let own = of.verification.header.as_deref();
        Ok(kept.into_iter().map(|rejected| shown(rejected, own, revealing)).collect())
    }

    /// Takes a refused request in after all, if it now passes every check but the rate limit. Its signature has to have been
    /// good when it came.
    pub async fn replay_rejected(&self, access: &Access, source: SourceId, id: RequestId) -> Result<EventId> {
        access.require(Permission::Write)?;
        let rejected = access.rows.rejected_request(source, id).await?.ok_or(Error::NotFound)?;
        let name = access.rows.source(source).await?.ok_or(Error::NotFound)?.name;
        let Some(body) = rejected.body else {
            return Err(Error::Conflict("its body was not kept: it was not read, or too large".into()));
        };
        let inlet = inlet_of(&self.inner.registry.snapshot(), source)
            .map_err(|_| Error::Conflict("the source is paused; activate it first".into()))?;
        let head = RequestHead {
            source_id: source,
            method: rejected.method,
            path: rejected.path,
            query: rejected.query,
            headers: header_map(&rejected.headers),
            source_ip: rejected.source_ip.and_then(|ip| ip.parse().ok()),
            received_at: clock::now(),
        };
        admit_again(&inlet, &head).map_err(refused)?;
        let request = IngestRequest { head, body: body.into(), room: None };
        let terms = Terms { origin: Origin::Sender, signed_before: rejected.received_at, may_repeat: false };
        let taken = self.take_in(&inlet, request, terms).await.map_err(refused)?;
        access.rows.forget_rejected_request(source, id).await?;
        let changes = Changes::to(serde_json::json!({ "request": id, "event": taken.event_id }));
        let target = Target::new("source", source, &name);
        self.note(access, Note::new(Action::SourceReplayRejected, target, changes)).await;
        Ok(taken.event_id)
    }
}

/// `own` is the header of the source's signature, `revealing` where its requests carry a secret as it is.
fn shown(rejected: Rejected, own: Option<&str>, revealing: Option<Revealing<'_>>) -> RejectedRequest {
    let (header, parameter) = match revealing {
        Some(Revealing::Header(name)) => (Some(name), None),
        Some(Revealing::Query(name)) => (None, Some(name)),
        None => (None, None),
    };
    let is_secret = |name: &str| {
        SECRET_HEADERS.into_iter().chain(own).chain(header).any(|secret| name.eq_ignore_ascii_case(secret))
    };
    let headers = rejected.headers.into_iter();
    RejectedRequest {
        id: rejected.id,
        source_id: rejected.source_id,
        at: rejected.received_at,
        reason: rejected.reason,
        status: rejected.reason.status(),
        detail: rejected.detail,
        method: rejected.method,
        path: rejected.path,
        query: rejected
            .query
            .map(|query| parameter.map_or(query.clone(), |name| providers::without_value(&query, name))),
        source_ip: rejected.source_ip,
        headers: headers
            .map(|(name, value)| if is_secret(&name) { (name, mask(&value)) } else { (name, value) })
            .collect(),
        content_length: rejected.content_length,
        can_be_replayed: rejected.body.is_some(),
        body: rejected.body.map(|body| String::from_utf8_lossy(&body).into_owned()),
    }
}

fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name, value);
    }
    map
}
