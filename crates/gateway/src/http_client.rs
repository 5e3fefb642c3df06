//! The one way out: an HTTP client that does not reach private addresses, follows no redirects, uses no proxies, and
//! reads no more of an answer than it was told to.
//!
//! The check is made on the addresses that a name resolved to, and the connection goes to those very addresses, so
//! that a name cannot say one thing to the check and another to the connection.

mod guard;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use domain::delivery::ErrorClass;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;
use url::{Host, Url};

use self::guard::Guard;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends requests to destinations.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    guard: Arc<Guard>,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    pub class: ErrorClass,
    pub message: String,
}

impl SendError {
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl HttpClient {
    pub fn new(allowed: Vec<IpNet>) -> Result<Self, reqwest::Error> {
        let guard = Arc::new(Guard::new(allowed));
        Ok(Self { client: builder(&guard).build()?, guard })
    }

    /// The same with a certificate of its own, from a key and certificates in PEM. Its connections are no others'.
    pub fn with_certificate(&self, pem: &[u8]) -> Result<Self, reqwest::Error> {
        let identity = reqwest::Identity::from_pem(pem)?;
        let client = builder(&self.guard).identity(identity).build()?;
        Ok(Self { client, guard: Arc::clone(&self.guard) })
    }

    /// Begins a request, unless its URL names an address that may not be reached.
    pub fn request(&self, method: reqwest::Method, url: &Url) -> Result<reqwest::RequestBuilder, SendError> {
        self.check(url)?;
        Ok(self.client.request(method, url.clone()))
    }

    /// Sends a request, unless its URL names an address that may not be reached.
    pub fn execute(
        &self,
        request: reqwest::Request,
    ) -> Result<impl Future<Output = reqwest::Result<reqwest::Response>> + Send + use<>, SendError> {
        self.check(request.url())?;
        Ok(self.client.execute(request))
    }

    /// What the URL itself says of its address: a literal one never asks the resolver.
    fn check(&self, url: &Url) -> Result<(), SendError> {
        match url.host() {
            Some(Host::Ipv4(ip)) => self.guard.check(None, IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => self.guard.check(None, IpAddr::V6(ip)),
            Some(Host::Domain(_)) => Ok(()),
            None => Err(SendError::new(ErrorClass::Config, "the URL names no host")),
        }
    }
}

fn builder(guard: &Arc<Guard>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .dns_resolver(Arc::new(GuardedResolver(Arc::clone(guard))))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .referer(false)
        .user_agent(concat!("hookstream/", env!("CARGO_PKG_VERSION")))
}

/// Reads up to `limit` bytes of an answer, and no more, until `deadline`. What has come when it breaks off is kept.
pub async fn read_capped(response: &mut reqwest::Response, limit: usize, deadline: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < limit {
        let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(deadline, response.chunk()).await else { break };
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    body
}

/// Says in words what went wrong with a request.
#[must_use]
pub fn explain(error: &reqwest::Error) -> SendError {
    let mut source = std::error::Error::source(error);
    let mut deepest = error.to_string();
    let mut is_tls = false;
    while let Some(cause) = source {
        let innermost = innermost(cause);
        if let Some(refusal) = innermost.downcast_ref::<SendError>() {
            return refusal.clone();
        }
        if innermost.is::<rustls::Error>() {
            is_tls = true;
            deepest = innermost.to_string();
            break;
        }
        deepest = cause.to_string();
        source = cause.source();
    }
    let class = if error.is_timeout() {
        ErrorClass::Timeout
    } else if is_tls {
        ErrorClass::Tls
    } else if error.is_connect() {
        ErrorClass::Connect
    } else if error.is_builder() {
        ErrorClass::Config
    } else {
        ErrorClass::Protocol
    };
    let message = match class {
        ErrorClass::Timeout if error.is_connect() => "no connection within the time allowed".to_owned(),
        ErrorClass::Timeout => "no answer within the time allowed".to_owned(),
        ErrorClass::Tls => format!("the TLS connection failed: {deepest}"),
        ErrorClass::Connect => format!("the connection failed: {deepest}"),
        ErrorClass::Config => format!("the request could not be made: {deepest}"),
        _ => format!("the exchange broke off: {deepest}"),
    };
    SendError { class, message }
}

/// What an I/O error was made of: as a source it passes over that, and one may be made of another.
fn innermost<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        error = inner;
    }
    error
}

struct GuardedResolver(Arc<Guard>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|error| {
                SendError::new(ErrorClass::Dns, format!("the name {name} could not be resolved: {error}"))
            })?;
            // What is left is what is connected to; nobody asks for the name again.
            let mut refused = None;
            let mut allowed: Vec<SocketAddr> = Vec::new();
            for address in found {
                match guard.check(Some(&name), address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(refusal) => refused = refused.or(Some(refusal)),
                }
            }
            match (allowed.is_empty(), refused) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
                (true, Some(refusal)) => Err(refusal.into()),
                (true, None) => Err(SendError::new(ErrorClass::Dns, format!("the name {name} has no address")).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
