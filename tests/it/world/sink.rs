//! A receiver: notes every request as it came, and answers as it is told, well or badly.
//!
//! It speaks HTTP/1.1 by its own hand over a bare socket, since an HTTP library would keep it from misbehaving.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::eventually;

/// A receiver; dropping it closes its connections.
pub struct Sink {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// In their order, as they were written.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    Full {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// The other one, after a while.
    After(Duration, Box<Reply>),
    /// Nothing, ever.
    Hang,
    /// The connection is reset.
    Reset,
    /// The connection is closed in order, without an answer.
    Close,
    /// These bytes, whatever they are.
    Raw(&'static [u8]),
    /// 200 and a body of so many bytes.
    Stream(u64),
    /// 200 and a body without an end, as fast as it is taken.
    Endless,
    /// 200 and a body of which a byte comes at a time.
    Dribble(Duration),
}

type Script = Box<dyn FnMut(&Received) -> Reply + Send>;

struct State {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
    /// Whether requests are kept, or only shown to the script.
    keeps: bool,
    /// Bytes of streamed bodies that the other side has taken.
    streamed: AtomicU64,
}

static PIECE: [u8; 64 << 10] = [b'.'; 64 << 10];
const MAX_HEAD: usize = 256 << 10;
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Received {
    /// The value of a header that is there once at most.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} stands there {} times", values.len());
        values.first().copied()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The delivery that this is a try of.
    pub fn delivery_id(&self) -> String {
        self.header("x-hookstream-delivery-id").expect("x-hookstream-delivery-id").to_owned()
    }

    /// The event that was delivered.
    pub fn event_id(&self) -> String {
        self.header("x-hookstream-event-id").expect("x-hookstream-event-id").to_owned()
    }
}

impl Sink {
    /// Answers 200 to everything.
    pub async fn start() -> Self {
        Self::replying(Reply::Status(200)).await
    }

    /// Gives the same answer to everything.
    pub async fn replying(reply: Reply) -> Self {
        Self::scripted(move |_| reply.clone()).await
    }

    /// Gives these answers one after the other; the last one stays.
    pub async fn in_turn(replies: impl Into<Vec<Reply>>) -> Self {
        let mut replies = replies.into();
        replies.reverse();
        Self::scripted(move |_| if replies.len() > 1 { replies.pop() } else { replies.last().cloned() }.expect("one"))
            .await
    }

    /// Answers as the request asks for.
    pub async fn scripted(script: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        Self::listening(ANYWHERE, Box::new(script), true).await
    }

    /// Answers 200 to everything and closes the connection, at an address of its own.
    pub async fn closing_at(address: SocketAddr) -> Self {
        let headers = vec![("connection", "close".to_owned())];
        let reply = Reply::Full { status: 200, headers, body: Vec::new() };
        Self::listening(address, Box::new(move |_| reply.clone()), true).await
    }

    /// The same, but keeps nothing: for more requests than there is memory for.
    pub async fn forgetful(script: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        Self::listening(ANYWHERE, Box::new(script), false).await
    }

    async fn listening(at: SocketAddr, script: Script, keeps: bool) -> Self {
        let listener = TcpListener::bind(at).await.expect("the port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            script: Mutex::new(script),
            received: Mutex::default(),
            keeps,
            streamed: AtomicU64::new(0),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, serving }
    }

    /// From now on, gives this answer to everything.
    pub fn now_replies(&self, reply: Reply) {
        *lock(&self.state.script) = Box::new(move |_| reply.clone());
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// All requests so far, in the order in which they came.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    pub fn count(&self) -> usize {
        lock(&self.state.received).len()
    }

    pub fn streamed(&self) -> u64 {
        self.state.streamed.load(Ordering::Relaxed)
    }

    /// Waits for so many requests.
    pub async fn receives(&self, count: usize) -> Vec<Received> {
        const LIMIT: Duration = Duration::from_secs(15);
        eventually(LIMIT, &format!("the receiver gets {count} requests"), async || {
            (self.count() >= count).then_some(())
        })
        .await;
        self.received()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(converse(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

/// Answers one request after the other, until either side has had enough.
async fn converse(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Ok(Some(request)) = read_request(&mut stream).await {
        let mut reply = (lock(&state.script))(&request);
        if state.keeps {
            lock(&state.received).push(request);
        }
        while let Reply::After(wait, next) = reply {
            tokio::time::sleep(wait).await;
            reply = *next;
        }
        match answer(stream.get_mut(), reply, &state).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
    }
}

/// Returns whether the connection goes on.
async fn answer(stream: &mut TcpStream, reply: Reply, state: &State) -> io::Result<bool> {
    match reply {
        Reply::Status(status) => write_whole(stream, status, &[], b"").await?,
        Reply::Full { status, headers, body } => write_whole(stream, status, &headers, &body).await?,
        Reply::After(..) => unreachable!("it was waited for"),
        Reply::Hang => std::future::pending().await,
        Reply::Reset => {
            stream.set_zero_linger()?;
            return Ok(false);
        }
        Reply::Close => return Ok(false),
        Reply::Raw(bytes) => {
            stream.write_all(bytes).await?;
            return Ok(false);
        }
        Reply::Stream(total) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            let mut left = total;
            while left > 0 {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE.len());
                stream.write_all(&PIECE[..length]).await?;
                state.streamed.fetch_add(length as u64, Ordering::Relaxed);
                left -= length as u64;
            }
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(format!("{:x}\r\n", PIECE.len()).as_bytes()).await?;
                stream.write_all(&PIECE).await?;
                stream.write_all(b"\r\n").await?;
                state.streamed.fetch_add(PIECE.len() as u64, Ordering::Relaxed);
            }
        }
        Reply::Dribble(pause) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
            loop {
                stream.write_all(b".").await?;
                tokio::time::sleep(pause).await;
            }
        }
    }
    Ok(true)
}

async fn write_whole(stream: &mut TcpStream, status: u16, headers: &[(&str, String)], body: &[u8]) -> io::Result<()> {
    use std::fmt::Write;
    let mut head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await
}

/// `None` when the other side has closed the connection.
async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            // A method begins with a letter; the first byte of TLS is none.
            Ok(byte) if head.is_empty() && !byte.is_ascii_uppercase() => {
                stream.get_mut().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
                return Ok(None);
            }
            Ok(byte) => head.push(byte),
            Err(_) if head.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
        assert!(head.len() < MAX_HEAD, "a head without an end");
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let mut request = Received {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
        body: Vec::new(),
        at: Instant::now(),
    };
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = read_chunks(stream).await?;
    } else if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().expect("a length")];
        stream.read_exact(&mut request.body).await?;
    }
    Ok(Some(request))
}

async fn read_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await?);
        }
        let digits = String::from_utf8_lossy(&line);
        let length = usize::from_str_radix(digits.trim(), 16).expect("the length of a chunk");
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).await?;
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
