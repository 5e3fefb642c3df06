//! An SMTP server that keeps the letters that it is given. It is strict: what a picky server would refuse, it refuses, and
//! a test sees it as a letter that never came.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::eventually;

/// A server that takes mail; dropping it ends it.
pub struct PostOffice {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

/// A letter as it came, decoded.
#[derive(Debug, Clone)]
pub struct Letter {
    pub from: String,
    pub to: String,
    /// In their order, unfolded.
    pub headers: Vec<(String, String)>,
    pub text: String,
}

/// How letters are received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manners {
    Takes,
    /// Answers each letter with this code.
    Refuses(u16),
    /// Takes connections and says nothing.
    IsSilent,
    /// Takes letters from this user with this password alone.
    Asks(&'static str, &'static str),
}

struct State {
    letters: Mutex<Vec<Letter>>,
    manners: Mutex<Manners>,
    /// What clients did that no client may do.
    faults: Mutex<Vec<String>>,
    /// How often a letter was begun.
    tries: Mutex<usize>,
}

const LETTER_LIMIT: Duration = Duration::from_secs(20);
/// Octets of a line without its end, and of a letter.
const MAX_LINE: usize = 998;
const MAX_LETTER: usize = 1 << 20;

impl PostOffice {
    pub async fn open() -> Self {
        Self::with(Manners::Takes).await
    }

    pub async fn with(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            letters: Mutex::default(),
            manners: Mutex::new(manners),
            faults: Mutex::default(),
            tries: Mutex::default(),
        });
        let serving = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let state = Arc::clone(&state);
                    tokio::spawn(async move {
                        // A client that goes away is none of ours to judge.
                        let _ = Session { stream: BufReader::new(stream), state }.run().await;
                    });
                }
            }
        });
        Self { address, state, serving }
    }

    /// What `HOOKSTREAM_SMTP_URL` is to be.
    pub fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    /// The same for somebody who shows who they are.
    pub fn url_for(&self, user: &str, password: &str) -> String {
        format!("smtp://{user}:{password}@{}?tls=none", self.address)
    }

    pub fn change(&self, manners: Manners) {
        *lock(&self.state.manners) = manners;
    }

    pub fn letters(&self) -> Vec<Letter> {
        let faults = lock(&self.state.faults);
        assert!(faults.is_empty(), "a client did what none may do: {faults:?}");
        lock(&self.state.letters).clone()
    }

    /// The letters to an address, oldest first.
    pub fn letters_to(&self, address: &str) -> Vec<Letter> {
        self.letters().into_iter().filter(|letter| letter.to == address).collect()
    }

    /// How many letters clients have begun, taken or not.
    pub fn tries(&self) -> usize {
        *lock(&self.state.tries)
    }

    /// Waits for the letter of this place, counted from 0, to an address.
    pub async fn letter(&self, address: &str, place: usize) -> Letter {
        let what = format!("letter {place} to {address} comes");
        eventually(LETTER_LIMIT, &what, async || self.letters_to(address).get(place).cloned()).await
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Letter {
    /// The value of a header that must be there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(found.next().is_none(), "more than one {name} in {:?}", self.headers);
        value
    }

    /// The only link in it.
    #[track_caller]
    pub fn link(&self) -> String {
        let mut links = self.text.split_whitespace().filter(|word| word.starts_with("http"));
        let link = links.next().unwrap_or_else(|| panic!("no link in {}", self.text));
        assert!(links.next().is_none(), "more than one link in {}", self.text);
        link.to_owned()
    }

    fn read(from: String, to: String, data: &str) -> Result<Self, String> {
        let (head, body) = data.split_once("\r\n\r\n").ok_or("no empty line behind the headers")?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            if let Some(more) = line.strip_prefix([' ', '\t']) {
                let (_, value) = headers.last_mut().ok_or("the first header is folded")?;
                value.push(' ');
                value.push_str(more);
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is no header"))?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(format!("{name:?} is no name of a header"));
            }
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let all = |name: &str| -> Vec<&str> {
            let named = headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.as_str()).collect()
        };
        for name in ["From", "To", "Subject", "Date", "Message-ID"] {
            if all(name).len() != 1 {
                return Err(format!("{name} stands there {} times", all(name).len()));
            }
        }
        let text = match all("Content-Transfer-Encoding").first().copied().unwrap_or("7bit") {
            "7bit" if body.is_ascii() => body.to_owned(),
            "quoted-printable" => quoted_printable(body)?,
            "base64" => {
                let bytes = BASE64_STANDARD.decode(body.replace("\r\n", "")).map_err(|error| error.to_string())?;
                String::from_utf8(bytes).map_err(|error| error.to_string())?
            }
            other => return Err(format!("the body is not {other}")),
        };
        Ok(Self { from, to, headers, text: text.replace("\r\n", "\n") })
    }
}

/// One connection.
struct Session {
    stream: BufReader<TcpStream>,
    state: Arc<State>,
}

impl Session {
    async fn run(mut self) -> std::io::Result<()> {
        let manners = lock(&self.state.manners).clone();
        if manners == Manners::IsSilent {
            let _ = self.stream.read(&mut [0; 1]).await;
            return Ok(());
        }
        self.say("220 post.test ESMTP").await?;
        let (mut greeted, mut known) = (false, !matches!(manners, Manners::Asks(..)));
        let (mut from, mut to): (Option<String>, Option<String>) = (None, None);
        while let Some(line) = self.line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" if !rest.is_empty() => {
                    greeted = true;
                    self.say("250-post.test\r\n250-AUTH PLAIN\r\n250 8BITMIME").await?;
                }
                "AUTH" if greeted => {
                    known = manners_allow(&manners, rest);
                    self.say(if known { "235 welcome" } else { "535 wrong user or password" }).await?;
                }
                "MAIL" if greeted && from.is_none() => {
                    *lock(&self.state.tries) += 1;
                    match (&manners, address(rest, "FROM:")) {
                        (Manners::Refuses(code), _) => self.say(&format!("{code} not today")).await?,
                        _ if !known => self.say("530 who are you").await?,
                        (_, Some(address)) => {
                            from = Some(address);
                            self.say("250 ok").await?;
                        }
                        (_, None) => self.fault(&line).await?,
                    }
                }
                "RCPT" if from.is_some() && to.is_none() => match address(rest, "TO:") {
                    Some(address) => {
                        to = Some(address);
                        self.say("250 ok").await?;
                    }
                    None => self.fault(&line).await?,
                },
                "DATA" if rest.is_empty() => match (from.take(), to.take()) {
                    (Some(from), Some(to)) => self.take(from, to).await?,
                    _ => self.fault(&line).await?,
                },
                "RSET" => {
                    (from, to) = (None, None);
                    self.say("250 ok").await?;
                }
                "NOOP" => self.say("250 ok").await?,
                "QUIT" => return self.say("221 bye").await,
                _ => self.fault(&line).await?,
            }
        }
        Ok(())
    }

    async fn take(&mut self, from: String, to: String) -> std::io::Result<()> {
        self.say("354 go on").await?;
        let mut data = String::new();
        loop {
            let Some(line) = self.line().await? else { return Ok(()) };
            if line == "." {
                break;
            }
            // A line that begins with a dot has another before it.
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push_str("\r\n");
            if line.len() > MAX_LINE || data.len() > MAX_LETTER {
                return self.fault("too long").await;
            }
        }
        match Letter::read(from, to, &data) {
            Ok(letter) => {
                lock(&self.state.letters).push(letter);
                self.say("250 taken").await
            }
            Err(fault) => self.fault(&fault).await,
        }
    }

    /// A line, which must end as lines of the protocol do.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some(text) = line.strip_suffix("\r\n").filter(|text| !text.contains(['\r', '\n'])) else {
            lock(&self.state.faults).push(format!("{line:?} does not end with CRLF"));
            return Ok(None);
        };
        Ok(Some(text.to_owned()))
    }

    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await
    }

    async fn fault(&mut self, what: &str) -> std::io::Result<()> {
        lock(&self.state.faults).push(what.to_owned());
        self.say("503 that is not how it is done").await
    }
}

fn manners_allow(manners: &Manners, rest: &str) -> bool {
    let Manners::Asks(user, password) = manners else { return true };
    rest.strip_prefix("PLAIN ").is_some_and(|given| given == BASE64_STANDARD.encode(format!("\0{user}\0{password}")))
}

/// `FROM:<a@b>` with parameters behind it.
fn address(text: &str, keyword: &str) -> Option<String> {
    let head = text.get(..keyword.len())?;
    let path = text[keyword.len()..].split(' ').next()?;
    let address = path.strip_prefix('<')?.strip_suffix('>')?;
    (head.eq_ignore_ascii_case(keyword) && address.contains('@')).then(|| address.to_owned())
}

fn quoted_printable(body: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let joined = body.replace("=\r\n", "");
    let mut rest = joined.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().unwrap_or(b'?'), rest.next().unwrap_or(b'?')];
        let digits = std::str::from_utf8(&digits).map_err(|error| error.to_string())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| format!("={digits} is not quoted-printable"))?);
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
