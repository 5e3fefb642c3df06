//! The interactive view: events as a list, and one of them with its request and answer.

use std::{
    collections::VecDeque,
    io::{BufWriter, Stdout, Write},
    time::Duration,
};

use crossterm::{
    QueueableCommand, cursor,
    event::{self, Event as Input, KeyCode, KeyEventKind, KeyModifiers},
    execute,
    style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor},
    terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen},
};
use domain::{event::EventSummary, id::EventId};
use tokio::sync::mpsc;

use super::{
    Forwarded, Wish,
    lines::{request_line, time_of_day, took},
};
use crate::cli::output::{cut, one_line};

/// Events that the list remembers.
const REMEMBERED: usize = 500;
/// Lines of a body that are shown.
const SHOWN_LINES: usize = 400;
/// How long the thread that reads keys waits before it looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

pub struct Screen {
    out: BufWriter<Stdout>,
    head: String,
    state: (String, bool),
    said: String,
    items: VecDeque<Item>,
    selected: usize,
    /// Whether the newest one is selected as it comes.
    follows: bool,
    /// How far the open event is scrolled; `None` when the list is shown.
    open: Option<usize>,
    keys: mpsc::Receiver<Key>,
    wishes: mpsc::Sender<Wish>,
    count: u64,
    is_closed: bool,
}

struct Item {
    event: EventSummary,
    forwarded: Option<Box<Forwarded>>,
    /// It was asked for once more.
    is_pending: bool,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Up,
    Down,
    First,
    Last,
    Enter,
    Back,
    SendAgain,
    Browser,
    Quit,
    Redraw,
}

impl Screen {
    pub fn open(head: String, wishes: mpsc::Sender<Wish>) -> anyhow::Result<Self> {
        terminal::enable_raw_mode()?;
        let mut out = BufWriter::new(std::io::stdout());
        out.queue(EnterAlternateScreen)?.queue(cursor::Hide)?.flush()?;
        let (pressed, keys) = mpsc::channel(64);
        std::thread::spawn(move || read_keys(&pressed));
        let mut screen = Self {
            out,
            head,
            state: ("connecting".to_owned(), false),
            said: String::new(),
            items: VecDeque::new(),
            selected: 0,
            follows: true,
            open: None,
            keys,
            wishes,
            count: 0,
            is_closed: false,
        };
        screen.draw();
        Ok(screen)
    }

    /// Waits for a key.
    pub async fn key(&mut self) {
        match self.keys.recv().await {
            Some(key) => self.press(key),
            None => self.wish(Wish::Quit),
        }
    }

    pub fn arrived(&mut self, event: &EventSummary) {
        self.count += 1;
        self.items.push_back(Item { event: event.clone(), forwarded: None, is_pending: false });
        if self.items.len() > REMEMBERED {
            self.items.pop_front();
            self.selected = self.selected.saturating_sub(1);
        }
        if self.follows && self.open.is_none() {
            self.selected = self.items.len() - 1;
        }
    }

    pub fn forwarded(&mut self, forwarded: &Forwarded) {
        let found = self.items.iter_mut().rev().find(|item| item.event.id == forwarded.event.summary.id);
        if let Some(item) = found {
            item.forwarded = Some(Box::new(forwarded.clone()));
            item.is_pending = false;
        }
    }

    pub fn state(&mut self, text: &str, is_good: bool) {
        self.state = (one_line(text), is_good);
    }

    pub fn say(&mut self, text: &str) {
        self.said = one_line(text);
    }

    /// Gives the terminal back as it was.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.is_closed, true) {
            // A terminal that is gone is nothing to complain of.
            let _ = execute!(self.out, LeaveAlternateScreen, cursor::Show);
            let _ = terminal::disable_raw_mode();
        }
    }

    fn press(&mut self, key: Key) {
        self.said.clear();
        let last = self.items.len().saturating_sub(1);
        match (key, &mut self.open) {
            (Key::Quit, None) => self.wish(Wish::Quit),
            (Key::Quit | Key::Back | Key::Enter, Some(_)) => self.open = None,
            (Key::Enter, None) if !self.items.is_empty() => self.open = Some(0),
            (Key::Up, Some(scroll)) => *scroll = scroll.saturating_sub(1),
            (Key::Down, Some(scroll)) => *scroll += 1,
            (Key::First, Some(scroll)) => *scroll = 0,
            (Key::Up, None) => self.select(self.selected.saturating_sub(1)),
            (Key::Down, None) => self.select((self.selected + 1).min(last)),
            (Key::First, None) => self.select(0),
            (Key::Last, None) => self.select(last),
            (Key::SendAgain, _) => self.send_again(),
            (Key::Browser, _) => {
                if let Some(id) = self.selected_id() {
                    self.wish(Wish::Open(id));
                }
            }
            (Key::Enter | Key::Back | Key::Last | Key::Redraw, _) => {}
        }
    }

    fn select(&mut self, index: usize) {
        self.selected = index;
        self.follows = index + 1 >= self.items.len();
    }

    fn selected_id(&self) -> Option<EventId> {
        self.items.get(self.selected).map(|item| item.event.id)
    }

    fn send_again(&mut self) {
        let Some(id) = self.selected_id() else { return };
        if let Some(item) = self.items.get_mut(self.selected) {
            item.is_pending = true;
        }
        self.wish(Wish::SendAgain(id));
    }

    fn wish(&self, wish: Wish) {
        // More keys than can be followed are as good as none.
        let _ = self.wishes.try_send(wish);
    }

    pub fn draw(&mut self) {
        if self.is_closed {
            return;
        }
        let size = terminal::size().unwrap_or((80, 24));
        // A terminal that takes nothing is noticed when the next key does not come.
        let _ = self.try_draw(usize::from(size.0.max(20)), usize::from(size.1.max(5)));
    }

    fn try_draw(&mut self, width: usize, height: usize) -> std::io::Result<()> {
        let rows = height.saturating_sub(3);
        let state = if self.state.1 { Color::Green } else { Color::Red };
        let head = cut(&format!("hookstream listen  {}", one_line(&self.head)), width);
        self.out.queue(cursor::MoveTo(0, 0))?;
        line(&mut self.out, &[(None, Some(Attribute::Bold), &head)])?;
        let status = cut(&format!("● {}", self.state.0), width.saturating_sub(20));
        let count = format!("  {} events", self.count);
        line(&mut self.out, &[(Some(state), None, &status), (None, Some(Attribute::Dim), &count)])?;
        match self.open {
            Some(scroll) => self.draw_event(scroll, width, rows)?,
            None => self.draw_list(width, rows)?,
        }
        let keys = if self.open.is_some() {
            "↑↓ scroll  r send again  o browser  esc back  q back"
        } else {
            "↑↓ select  enter open  r send again  o browser  q quit"
        };
        let foot = if self.said.is_empty() { keys } else { &self.said };
        self.out.queue(SetAttribute(Attribute::Dim))?.queue(Print(cut(foot, width)))?;
        self.out.queue(ResetColor)?.queue(SetAttribute(Attribute::Reset))?.queue(Clear(ClearType::UntilNewLine))?;
        self.out.flush()
    }

    fn draw_list(&mut self, width: usize, rows: usize) -> std::io::Result<()> {
        let first = (self.selected + 1).saturating_sub(rows);
        for row in 0..rows {
            let Some(item) = self.items.get(first + row) else {
                let text = if row == 0 && self.items.is_empty() { "waiting for events" } else { "" };
                line(&mut self.out, &[(None, Some(Attribute::Dim), text)])?;
                continue;
            };
            let is_selected = first + row == self.selected;
            let marker = if is_selected { "▸ " } else { "  " };
            let (outcome, color) = outcome(item);
            let kind = one_line(item.event.event_type.as_deref().unwrap_or("-"));
            let request = item.forwarded.as_ref().map_or_else(|| item.event.method.clone(), |it| request_line(it));
            let took = item.forwarded.as_ref().map(|it| took(it.latency)).unwrap_or_default();
            let left = format!("{marker}{}  {kind}  {}", time_of_day(item.event.received_at), one_line(&request));
            let right = format!("  {took}");
            let outcome = cut(&format!(" → {outcome}"), width / 2);
            let room = width.saturating_sub(outcome.chars().count() + right.chars().count());
            let weight = is_selected.then_some(Attribute::Bold);
            line(
                &mut self.out,
                &[
                    (None, weight, &cut(&left, room)),
                    (Some(color), weight, &outcome),
                    (None, Some(Attribute::Dim), &right),
                ],
            )?;
        }
        Ok(())
    }

    fn draw_event(&mut self, scroll: usize, width: usize, rows: usize) -> std::io::Result<()> {
        let Some(item) = self.items.get(self.selected) else { return Ok(()) };
        let lines = described(item);
        let scroll = scroll.min(lines.len().saturating_sub(1));
        self.open = Some(scroll);
        for row in 0..rows {
            let text = lines.get(scroll + row).map(String::as_str).unwrap_or_default();
            let weight = text.starts_with("── ").then_some(Attribute::Bold);
            line(&mut self.out, &[(None, weight, &cut(text, width))])?;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

/// A line of parts, and the rest of it empty.
fn line(out: &mut BufWriter<Stdout>, parts: &[(Option<Color>, Option<Attribute>, &str)]) -> std::io::Result<()> {
    for (color, attribute, text) in parts {
        if let Some(color) = color.filter(|_| std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())) {
            out.queue(SetForegroundColor(color))?;
        }
        if let Some(attribute) = attribute {
            out.queue(SetAttribute(*attribute))?;
        }
        out.queue(Print(text))?.queue(ResetColor)?.queue(SetAttribute(Attribute::Reset))?;
    }
    out.queue(Clear(ClearType::UntilNewLine))?.queue(Print("\r\n"))?;
    Ok(())
}

fn outcome(item: &Item) -> (String, Color) {
    match item.forwarded.as_ref().filter(|_| !item.is_pending) {
        None if item.event.duplicate_of.is_some() => ("duplicate".to_owned(), Color::DarkGrey),
        None => ("…".to_owned(), Color::Yellow),
        Some(forwarded) => match &forwarded.answer {
            Ok(answered) if forwarded.succeeded() => (answered.status.to_string(), Color::Green),
            Ok(answered) => (answered.status.to_string(), Color::Red),
            Err(error) => (one_line(error), Color::Red),
        },
    }
}

/// The event with all of its request and answer, line by line.
fn described(item: &Item) -> Vec<String> {
    let event = &item.event;
    let mut lines = vec![
        format!("{}  {}", event.id, one_line(event.event_type.as_deref().unwrap_or("-"))),
        format!("received {} from {}", event.received_at, one_line(event.source_ip.as_deref().unwrap_or("-"))),
        String::new(),
    ];
    let Some(forwarded) = &item.forwarded else {
        lines.push("It is on its way.".to_owned());
        return lines;
    };
    lines.push(format!("── Request  {} → {}", one_line(&request_line(forwarded)), forwarded.target));
    lines.extend(forwarded.event.headers.iter().map(|(name, value)| one_line(&format!("{name}: {value}"))));
    lines.push(String::new());
    lines.extend(match &forwarded.event.payload {
        Some(payload) => body_lines(&serde_json::to_string_pretty(payload).unwrap_or_default()),
        None if event.content_length == 0 => vec!["(empty body)".to_owned()],
        None => vec![format!("({} bytes that are no JSON)", event.content_length)],
    });
    lines.push(String::new());
    match &forwarded.answer {
        Ok(answered) => {
            lines.push(format!("── Answer  {}  {}", answered.status, took(forwarded.latency)));
            lines.extend(answered.headers.iter().map(|(name, value)| one_line(&format!("{name}: {value}"))));
            lines.push(String::new());
            lines.extend(body_lines(&String::from_utf8_lossy(&answered.body)));
        }
        Err(error) => lines.extend(["── Answer  none".to_owned(), one_line(error)]),
    }
    lines
}

fn body_lines(text: &str) -> Vec<String> {
    text.lines().take(SHOWN_LINES).map(|line| one_line(&line.replace('\t', "    "))).collect()
}

fn read_keys(pressed: &mpsc::Sender<Key>) {
    while !pressed.is_closed() {
        match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(_) => return,
        }
        let key = match event::read() {
            Ok(Input::Key(key)) if key.kind != KeyEventKind::Release => {
                let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
                match key.code {
                    KeyCode::Char('c' | 'd') if is_control => Some(Key::Quit),
                    KeyCode::Char('q') => Some(Key::Quit),
                    KeyCode::Up | KeyCode::Char('k') => Some(Key::Up),
                    KeyCode::Down | KeyCode::Char('j') => Some(Key::Down),
                    KeyCode::Home | KeyCode::Char('g') => Some(Key::First),
                    KeyCode::End | KeyCode::Char('G') => Some(Key::Last),
                    KeyCode::Enter => Some(Key::Enter),
                    KeyCode::Esc => Some(Key::Back),
                    KeyCode::Char('r') => Some(Key::SendAgain),
                    KeyCode::Char('o') => Some(Key::Browser),
                    _ => None,
                }
            }
            Ok(Input::Resize(..)) => Some(Key::Redraw),
            Ok(_) => None,
            Err(_) => return,
        };
        if let Some(key) = key
            && pressed.blocking_send(key).is_err()
        {
            return;
        }
    }
}
