//! A WebSocket that comes back by itself.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{
    CloseEvent, MessageEvent, WebSocket,
    js_sys::{Date, Math},
};

use super::super::Heard;

/// The pauses before it is tried again: the first, doubled each time, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(15);
/// One that was open for so long was well.
const WELL: Duration = Duration::from_secs(10);
/// The code by which the server says that the visitor may not listen any more.
const POLICY: u16 = 1008;

/// Open until it is dropped, and made again whenever it ends.
pub struct Socket(Rc<Line>);

struct Line {
    url: String,
    greeting: &'static str,
    heard: Box<dyn Fn(Heard)>,
    current: RefCell<Option<Current>>,
    next_try: Cell<Option<TimeoutHandle>>,
    failures: Cell<u32>,
}

/// One connection, with what listens to it.
struct Current {
    socket: WebSocket,
    /// Milliseconds since 1970.
    opened_at: Rc<Cell<Option<f64>>>,
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

/// Opens `path`, says `greeting` each time that it is open, and tells what is heard.
pub fn connect(path: &str, greeting: &'static str, heard: impl Fn(Heard) + 'static) -> Option<Socket> {
    let location = web_sys::window()?.location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    let line = Rc::new(Line {
        url: format!("{scheme}://{}{path}", location.host().ok()?),
        greeting,
        heard: Box::new(heard),
        current: RefCell::default(),
        next_try: Cell::default(),
        failures: Cell::default(),
    });
    line.open();
    Some(Socket(line))
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.current.take();
        if let Some(next_try) = self.0.next_try.take() {
            next_try.clear();
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let socket = self.socket.clone();
        if socket.ready_state() == WebSocket::CONNECTING {
            // To close one that is not open yet is called a failure in the browser's console.
            let close = Closure::once_into_js(move || _ = socket.close());
            self.socket.set_onopen(Some(close.unchecked_ref()));
        } else {
            let _ = socket.close();
        }
    }
}

impl Line {
    fn open(self: &Rc<Self>) {
        let Ok(socket) = WebSocket::new(&self.url) else { return };
        let opened_at = Rc::new(Cell::new(None));
        let open = {
            let (line, socket, opened_at) = (Rc::downgrade(self), socket.clone(), Rc::clone(&opened_at));
            Closure::<dyn FnMut()>::new(move || {
                let Some(line) = line.upgrade() else { return };
                opened_at.set(Some(Date::now()));
                let _ = socket.send_with_str(line.greeting);
            })
        };
        let message = {
            let line = Rc::downgrade(self);
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let (Some(line), Some(text)) = (line.upgrade(), event.data().as_string()) {
                    (line.heard)(Heard::Message(text));
                }
            })
        };
        let close = {
            let line = Rc::downgrade(self);
            Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
                if let Some(line) = line.upgrade() {
                    line.has_closed(event.code());
                }
            })
        };
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        self.current.replace(Some(Current { socket, opened_at, _open: open, _message: message, _close: close }));
    }

    fn has_closed(self: &Rc<Self>, code: u16) {
        (self.heard)(Heard::Lost);
        if code == POLICY {
            return;
        }
        let opened_at = self.current.borrow().as_ref().and_then(|current| current.opened_at.get());
        let was_well = opened_at.is_some_and(|at| Date::now() - at >= WELL.as_secs_f64() * 1000.0);
        let failures = if was_well { 0 } else { self.failures.get() };
        self.failures.set(failures.saturating_add(1));
        let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(8)).min(LAST_PAUSE);
        // Not all pages at one moment, after the server was started anew.
        let pause = pause.mul_f64(0.5 + Math::random() / 2.0);
        let line = Rc::downgrade(self);
        let open = move || {
            if let Some(line) = line.upgrade() {
                line.open();
            }
        };
        let next_try = set_timeout_with_handle(open, pause);
        self.next_try.set(next_try.ok());
    }
}
