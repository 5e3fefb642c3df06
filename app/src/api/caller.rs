//! Who calls a server function, and how the answer goes back. On the server only.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use base64::{
    Engine,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use domain::{
    id::{EnvId, OrgId, UserId},
    page::PageRequest,
    session::{SignedIn, device_of},
    time::Timestamp,
};
use gateway::{
    Gateway,
    auth::token,
    manage::{Access, Caller, OrgAccess, Origin},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use leptos::{
    prelude::{expect_context, use_context},
    server_fn::error::FromServerFnError,
};
use leptos_axum::ResponseOptions;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::{ApiError, Form, Typed, account::KnownViewer};
use crate::{components::ServerNow, paths};

/// The session's entry that names the person.
pub const SESSION_USER: &str = "user";
/// The one that says when and from where they signed in: a [`SignedIn`].
pub const SESSION_SIGNED_IN: &str = "signed_in";
/// The one of a sign-in that waits for its code: a [`SecondStep`].
pub const SECOND_STEP: &str = "second_step";

/// A sign-in whose password was right, or which the provider vouches for, and that needs a code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecondStep {
    pub user: UserId,
    pub since: Timestamp,
    /// Codes that were wrong.
    pub wrong: u8,
}

/// How long a sign-in waits for its code.
const SECOND_STEP_LASTS: Duration = Duration::from_mins(10);
/// Codes after which it begins with the password again.
const WRONG_CODES: u8 = 5;

/// Who sent the request, as its session says, and from where. The server gives it by context.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visitor {
    pub user: Option<UserId>,
    pub address: Option<IpAddr>,
}

/// What a page is drawn for, asked before the drawing. The server gives it by context, to pages alone.
pub async fn known_viewer(gateway: &Gateway, visitor: Visitor) -> KnownViewer {
    KnownViewer(match visitor.user {
        Some(user) => gateway.viewer(user).await.map_err(ApiError::from),
        None => Err(ApiError::Unauthenticated),
    })
}

/// The call of a server function.
pub struct Call {
    pub gateway: Gateway,
    visitor: Visitor,
    reply: Reply,
}

/// A call within a project that the caller may see.
pub struct ProjectCall {
    pub gateway: Gateway,
    pub access: Access,
    pub reply: Reply,
}

/// A call within an organization of the caller's.
pub struct OrgCall {
    pub gateway: Gateway,
    pub access: OrgAccess,
    pub reply: Reply,
}

/// Where the answer's status, headers and cookies are set. A page asks for server functions too while it is drawn: then
/// they are those of the page.
#[derive(Clone)]
pub struct Reply {
    request: Parts,
    response: ResponseOptions,
}

/// Runs the body of a server function. Its error sets the HTTP status.
pub async fn answer<T>(work: impl AsyncFnOnce(Call) -> Result<T, ApiError>) -> Result<T, ApiError> {
    run(work, || None).await
}

/// The same within the project `env`.
pub async fn in_project<T>(
    env: &str,
    work: impl AsyncFnOnce(ProjectCall) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    answer(async |call: Call| work(call.project(env).await?).await).await
}

/// The same within the organization `org`.
pub async fn in_org<T>(org: &str, work: impl AsyncFnOnce(OrgCall) -> Result<T, ApiError>) -> Result<T, ApiError> {
    answer(async |call: Call| work(call.org(org).await?).await).await
}

/// The same for a form within the organization `org`.
pub async fn form_in_org<T>(
    org: &str,
    form: &impl Form,
    work: impl AsyncFnOnce(OrgCall) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    answer_form(form, async |call: Call| work(call.org(org).await?).await).await
}

/// The same for a form: when it is refused and there is no JavaScript, it is drawn again with what was typed.
pub async fn answer_form<T>(
    form: &impl Form,
    work: impl AsyncFnOnce(Call) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    run(work, || Some(Typed::of(form))).await
}

/// The same for a form within the project `env`.
pub async fn form_in_project<T>(
    env: &str,
    form: &impl Form,
    work: impl AsyncFnOnce(ProjectCall) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    answer_form(form, async |call: Call| work(call.project(env).await?).await).await
}

async fn run<T>(
    work: impl AsyncFnOnce(Call) -> Result<T, ApiError>,
    typed: impl FnOnce() -> Option<Typed>,
) -> Result<T, ApiError> {
    let call = Call::here();
    let reply = call.reply.clone();
    let result = work(call).await;
    match &result {
        Ok(_) => reply.done(),
        Err(error) => reply.refuse(error, typed().as_ref()),
    }
    result
}

/// An id that came as text. What is no id names nothing.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound)
}

/// The page of a list that begins at `cursor`.
pub fn page_after(cursor: Option<&str>) -> Result<PageRequest, ApiError> {
    Ok(PageRequest::parse(None, cursor)?)
}

/// The time of the request.
#[must_use]
pub fn now() -> Timestamp {
    expect_context::<ServerNow>().0
}

impl Call {
    fn here() -> Self {
        Self {
            gateway: expect_context(),
            visitor: use_context().unwrap_or_default(),
            reply: Reply { request: expect_context(), response: expect_context() },
        }
    }

    /// The person who asks.
    pub fn user(&self) -> Result<UserId, ApiError> {
        self.visitor.user.ok_or(ApiError::Unauthenticated)
    }

    /// Where the call comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        use_context()
            .unwrap_or_else(|| Origin { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), user_agent: String::new() })
    }

    /// The person, as the gateway's caller.
    pub fn caller(&self) -> Result<Caller, ApiError> {
        Ok(Caller::user(self.user()?, self.visitor.address))
    }

    /// Where the request comes from.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.visitor.address
    }

    /// How the answer goes back.
    #[must_use]
    pub const fn reply(&self) -> &Reply {
        &self.reply
    }

    async fn project(self, env: &str) -> Result<ProjectCall, ApiError> {
        let caller = self.caller()?;
        let access = self.gateway.access(&caller, id::<EnvId>(env)?).await?;
        Ok(ProjectCall { gateway: self.gateway, access, reply: self.reply })
    }

    async fn org(self, org: &str) -> Result<OrgCall, ApiError> {
        let caller = self.caller()?;
        let access = self.gateway.org_access(&caller, id::<OrgId>(org)?).await?;
        Ok(OrgCall { gateway: self.gateway, access, reply: self.reply })
    }
}

impl Reply {
    pub(super) fn here() -> Option<Self> {
        Some(Self { request: use_context()?, response: use_context()? })
    }

    /// Leads the visitor on to `path`: with JavaScript the router goes there, without it the browser.
    pub fn go_to(&self, path: &str) {
        let Ok(location) = HeaderValue::from_str(path) else { return };
        self.response.insert_header(header::LOCATION, location);
        if self.is_document() {
            self.response.set_status(StatusCode::SEE_OTHER);
        } else {
            self.response.insert_header(
                HeaderName::from_static(leptos::server_fn::redirect::REDIRECT_HEADER),
                HeaderValue::from_static(""),
            );
        }
    }

    /// Signs the visitor in.
    pub async fn sign_in(&self, user: UserId, origin: &Origin) -> Result<(), ApiError> {
        sign_in_at(&self.session()?, user, origin, now()).await
    }

    /// Keeps that the password was right, until the code is.
    pub async fn await_code(&self, user: UserId) -> Result<(), ApiError> {
        await_code_in(&self.session()?, user, now()).await
    }

    /// Who waits to give their code.
    pub async fn awaits_code(&self) -> Result<Option<UserId>, ApiError> {
        Ok(self.second_step().await?.map(|step| step.user))
    }

    /// Counts a wrong code. After a few of them the sign-in begins anew.
    pub async fn code_was_wrong(&self) -> Result<(), ApiError> {
        let Some(step) = self.second_step().await? else { return Ok(()) };
        let (session, wrong) = (self.session()?, step.wrong.saturating_add(1));
        if wrong >= WRONG_CODES {
            return session.flush().await.map_err(|error| session_failed(&error));
        }
        let step = SecondStep { wrong, ..step };
        session.insert(SECOND_STEP, step).await.map_err(|error| session_failed(&error))
    }

    async fn second_step(&self) -> Result<Option<SecondStep>, ApiError> {
        let step: Option<SecondStep> =
            self.session()?.get(SECOND_STEP).await.map_err(|error| session_failed(&error))?;
        Ok(step.filter(|step| now().since(step.since) < SECOND_STEP_LASTS))
    }

    /// Gives the session another id, as whatever changes what its owner may do or is known by demands.
    pub async fn renew(&self) -> Result<(), ApiError> {
        self.renewed().await.map(drop)
    }

    async fn renewed(&self) -> Result<Session, ApiError> {
        let session = self.session()?;
        session.cycle_id().await.map_err(|error| session_failed(&error))?;
        Ok(session)
    }

    /// What the session is kept by.
    pub fn session_hash(&self) -> Result<Option<Vec<u8>>, ApiError> {
        Ok(self.session()?.id().map(|id| token::session_hash(id.0)))
    }

    /// Ends the session.
    pub async fn sign_out(&self) -> Result<(), ApiError> {
        self.session()?.flush().await.map_err(|error| session_failed(&error))
    }

    /// Keeps `secret`, which belongs to `id`, for the next page alone.
    ///
    /// It goes to the visitor's own browser, as the page will, and not into an address, the session or the database.
    pub fn show_once(&self, id: impl std::fmt::Display, secret: &str) {
        self.set_cookie(&format!("{id}.{}", URL_SAFE_NO_PAD.encode(secret)), 120);
    }

    /// The secret that was kept for `id`. From now on it is nowhere.
    #[must_use]
    pub fn take_once(&self, id: &str) -> Option<String> {
        let cookies = self.request.headers.get_all(header::COOKIE);
        let encoded = cookies
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .find_map(|cookie| {
                let (of, secret) = cookie.trim().strip_prefix(ONCE_COOKIE)?.strip_prefix('=')?.split_once('.')?;
                (of == id).then_some(secret)
            })?;
        self.set_cookie("", 0);
        String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
    }

    fn set_cookie(&self, value: &str, max_age_seconds: u32) {
        let secure = if self.is_encrypted() { "; Secure" } else { "" };
        let cookie =
            format!("{ONCE_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_seconds}{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            self.response.append_header(header::SET_COOKIE, cookie);
        }
    }

    /// Whether the visitor's browser came over TLS, which may end in front of us.
    fn is_encrypted(&self) -> bool {
        let begins = |name| self.header(name).is_some_and(|url| url.starts_with("https://"));
        begins(header::ORIGIN) || begins(header::REFERER)
    }

    pub(super) fn refuse(&self, error: &ApiError, typed: Option<&Typed>) {
        let is_page = self.request.method == Method::GET;
        if is_page && *error == ApiError::Unauthenticated {
            let here = self.request.uri.path_and_query().map_or(paths::HOME, |path| path.as_str());
            if let Ok(location) = HeaderValue::from_str(&paths::sign_in_then(here)) {
                self.response.insert_header(header::LOCATION, location);
                self.response.set_status(StatusCode::SEE_OTHER);
            }
        } else if !is_page && self.is_document() {
            self.back_to_the_form(error, typed);
        } else if let Ok(status) = StatusCode::from_u16(error.status()) {
            self.response.set_status(status);
            if let ApiError::TooMany(seconds) = error {
                self.response.insert_header(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
        }
    }

    /// Sends a browser without JavaScript back to the page that it came from, unless the work has led it on.
    fn done(&self) {
        let led_on = self.response.0.read().is_ok_and(|parts| parts.headers.contains_key(header::LOCATION));
        if self.request.method != Method::GET && self.is_document() && !led_on {
            self.back(|_| {});
        }
    }

    /// Sends a browser without JavaScript back to the page of the form, whose address then says what was wrong.
    fn back_to_the_form(&self, error: &ApiError, typed: Option<&Typed>) {
        self.back(|query| {
            query
                .append_pair("__path", self.request.uri.path())
                .append_pair("__err", &URL_SAFE.encode(error.ser()))
                .extend_pairs(typed.and_then(Typed::encode).map(|typed| ("__typed", typed)));
        });
    }

    /// Back to the page of the form. What its address said of an earlier try is left out.
    fn back(&self, say: impl FnOnce(&mut url::form_urlencoded::Serializer<'_, String>)) {
        let Some(page) = self.header(header::REFERER).and_then(|referer| url::Url::parse(referer).ok()) else { return };
        let kept = page.query_pairs().filter(|(name, _)| !matches!(name.as_ref(), "__path" | "__err" | "__typed"));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept);
        say(&mut query);
        let query = query.finish();
        // Relative, so that nothing but our own pages can be meant.
        let location = if query.is_empty() { page.path().to_owned() } else { format!("{}?{query}", page.path()) };
        if let Ok(location) = HeaderValue::from_str(&location) {
            self.response.insert_header(header::LOCATION, location);
            self.response.set_status(StatusCode::SEE_OTHER);
        }
    }

    /// Whether the browser itself asks, rather than our code in it.
    #[must_use]
    pub fn is_document(&self) -> bool {
        self.header(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
    }

    fn session(&self) -> Result<Session, ApiError> {
        self.request.extensions.get::<Session>().cloned().ok_or_else(|| {
            tracing::error!("no session layer stands around the server functions");
            ApiError::Internal
        })
    }

    fn header(&self, name: HeaderName) -> Option<&str> {
        self.request.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Signs somebody in. The session gets a new id, so that one planted before is worth nothing.
pub async fn sign_in_at(session: &Session, user: UserId, origin: &Origin, now: Timestamp) -> Result<(), ApiError> {
    session.cycle_id().await.map_err(|error| session_failed(&error))?;
    let device = device_of(&origin.user_agent);
    let signed_in = SignedIn { at: now, seen_at: now, address: origin.address.to_string(), device };
    session.remove_value(SECOND_STEP).await.map_err(|error| session_failed(&error))?;
    session.insert(SESSION_USER, user).await.map_err(|error| session_failed(&error))?;
    session.insert(SESSION_SIGNED_IN, signed_in).await.map_err(|error| session_failed(&error))
}

/// Keeps that somebody gave all but their code. Whoever was signed in before is not any more.
pub async fn await_code_in(session: &Session, user: UserId, now: Timestamp) -> Result<(), ApiError> {
    session.cycle_id().await.map_err(|error| session_failed(&error))?;
    session.clear().await;
    let step = SecondStep { user, since: now, wrong: 0 };
    session.insert(SECOND_STEP, step).await.map_err(|error| session_failed(&error))
}

const ONCE_COOKIE: &str = "hs_once";

fn session_failed(error: &tower_sessions::session::Error) -> ApiError {
    tracing::error!(error = %error, "the session could not be kept");
    ApiError::Unavailable
}
