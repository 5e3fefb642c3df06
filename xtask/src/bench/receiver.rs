//! A receiver that costs as little as one can, and notes what arrives and when: one thread for all its connections.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};

use super::connection::id_in;

const LISTENER: Token = Token(0);
const STOP: Token = Token(1);
const FIRST_CONNECTION: usize = 2;
const READ_BYTES: usize = 64 * 1024;

/// How deliveries are answered.
#[derive(Clone, Copy)]
pub enum Manner {
    Status(u16),
    /// Never.
    Hang,
}

/// A delivery that has arrived whole.
#[derive(Clone, Copy)]
pub struct Arrival {
    pub event: u128,
    pub delivery: u128,
    pub at: Instant,
}

pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// 0 stands for no answer.
    status: AtomicU32,
    delay_ms: AtomicU32,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Receiver {
    /// Answers each delivery with 200 as soon as it is there.
    pub fn start() -> Result<Self> {
        let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).context("no port is free")?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), STOP)?;
        let shared =
            Arc::new(Shared { status: AtomicU32::new(200), delay_ms: AtomicU32::new(0), arrivals: Mutex::default() });
        let server = Server {
            poll,
            listener,
            shared: Arc::clone(&shared),
            connections: HashMap::new(),
            next: FIRST_CONNECTION,
            later: VecDeque::new(),
        };
        let thread = thread::spawn(move || {
            if let Err(error) = server.run() {
                eprintln!("the receiver has failed: {error}");
            }
        });
        Ok(Self { address, shared, waker, thread: Some(thread) })
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn answers(&self, manner: Manner) {
        let status = match manner {
            Manner::Status(status) => u32::from(status),
            Manner::Hang => 0,
        };
        self.shared.status.store(status, Ordering::Relaxed);
    }

    /// From now on every answer comes so much later.
    pub fn answers_after(&self, delay: Duration) {
        self.shared.delay_ms.store(u32::try_from(delay.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    pub fn count(&self) -> usize {
        self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// All that has arrived since the last time this was asked.
    pub fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            // It has told why, if it failed.
            let _ = thread.join();
        }
    }
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: HashMap<usize, (TcpStream, Vec<u8>)>,
    next: usize,
    /// Answers whose time is yet to come, in their order.
    later: VecDeque<(Instant, usize, u16)>,
}

impl Server {
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let wait = self.later.front().map(|(due, ..)| due.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                match event.token() {
                    STOP => return Ok(()),
                    LISTENER => self.accept()?,
                    Token(id) => {
                        if !self.serve(id, &mut buffer) {
                            self.connections.remove(&id);
                        }
                    }
                }
            }
            self.answer_what_is_due();
        }
    }

    fn answer_what_is_due(&mut self) {
        while let Some((due, id, status)) = self.later.front().copied()
            && due <= Instant::now()
        {
            self.later.pop_front();
            if let Some((stream, _)) = self.connections.get_mut(&id)
                && stream.write_all(&answer(status)).is_err()
            {
                self.connections.remove(&id);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            self.poll.registry().register(&mut stream, Token(self.next), Interest::READABLE)?;
            self.connections.insert(self.next, (stream, Vec::new()));
            self.next += 1;
        }
    }

    /// Reads what is there, and answers what is whole. Returns whether the connection stays.
    fn serve(&mut self, id: usize, buffer: &mut [u8]) -> bool {
        let Some((stream, pending)) = self.connections.get_mut(&id) else { return true };
        loop {
            match stream.read(buffer) {
                Ok(0) => return false,
                Ok(read) => pending.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        let at = Instant::now();
        let mut done = 0;
        while let Some(request) = whole_request(&pending[done..]) {
            done += request.length;
            // Before the answer: whoever has that must find it here.
            let arrival = Arrival { event: request.event, delivery: request.delivery, at };
            self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
            let delay = u64::from(self.shared.delay_ms.load(Ordering::Relaxed));
            match u16::try_from(self.shared.status.load(Ordering::Relaxed)) {
                Err(_) | Ok(0) => {}
                Ok(status) if delay > 0 => self.later.push_back((at + Duration::from_millis(delay), id, status)),
                // An answer always fits into the socket's buffer: a client that reads none is not ours.
                Ok(status) if stream.write_all(&answer(status)).is_err() => return false,
                Ok(_) => {}
            }
        }
        pending.drain(..done);
        true
    }
}

struct Whole {
    length: usize,
    event: u128,
    delivery: u128,
}

/// The first request, when all of it is there. What bears no ids, such as a warm-up, counts as 0.
fn whole_request(bytes: &[u8]) -> Option<Whole> {
    let (mut at, mut body, mut event, mut delivery) = (0, 0, 0, 0);
    loop {
        let end = at + bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
        let line = bytes[at..end].trim_ascii_end();
        at = end + 1;
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            body = std::str::from_utf8(value).ok()?.parse().ok()?;
        } else if name.eq_ignore_ascii_case(b"x-hookstream-event-id") {
            event = id_in(value, "evt_").unwrap_or(0);
        } else if name.eq_ignore_ascii_case(b"x-hookstream-delivery-id") {
            delivery = id_in(value, "dlv_").unwrap_or(0);
        }
    }
    let length = at + body;
    (bytes.len() >= length).then_some(Whole { length, event, delivery })
}

fn answer(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Bench\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn requests_that_come_in_pieces_are_answered_once_each() {
        let receiver = Receiver::start().expect("a receiver");
        let mut stream = TcpStream::connect(receiver.address).expect("a connection");
        let id = |number: u128| format!("{number:032x}");
        let request = |number| {
            let (event, delivery) = (id(number), id(number + 100));
            format!(
                "POST / HTTP/1.1\r\nX-Hookstream-Event-Id: evt_{event}\r\nx-hookstream-delivery-id: dlv_{delivery}\r\n\
                 Content-Length: 4\r\n\r\nbody"
            )
        };
        let both = request(1) + &request(2);
        let (first, second) = both.as_bytes().split_at(request(1).len() + 20);
        stream.write_all(first).expect("sent");
        let expected = answer(200);
        let mut answers = vec![0; expected.len()];
        stream.read_exact(&mut answers).expect("an answer");
        assert_eq!(receiver.count(), 1);
        stream.write_all(second).expect("sent");
        stream.read_exact(&mut answers).expect("another answer");
        assert_eq!(answers, expected);
        let seen: Vec<_> = receiver.take().iter().map(|arrival| (arrival.event, arrival.delivery)).collect();
        assert_eq!(seen, [(1, 101), (2, 102)]);
    }
}
