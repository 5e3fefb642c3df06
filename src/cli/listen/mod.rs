//! `hookstream listen`: events, as they come, to a server of this machine.
//!
//! [`stream`] follows the events of the project over the WebSocket, whatever becomes of the connection, and puts them in a queue
//! in the order in which they come. [`run`] takes them out, a few at a time, and has [`forward`] send each as it was received; what came of it
//! is shown ([`lines`], or [`screen`] on a terminal) and noted at the server, whose dashboard shows it beside the event.

mod forward;
mod lines;
mod screen;
pub mod since;
mod stream;

use std::{collections::VecDeque, io::IsTerminal, sync::Arc, time::Duration};

use domain::{
    event::{Event, EventSummary},
    forward::ForwardInput,
    id::EventId,
    page::Page,
    source::Source,
};
use serde_json::json;
use tokio::{sync::mpsc, task::JoinSet};

pub use self::{
    forward::Forwarded,
    stream::{News, follow, handshake},
};
use self::{forward::Target, lines::Lines, screen::Screen};
use super::{
    Failure,
    client::{Answer, Api, Server},
    is_unreachable,
};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: Server,
    /// Where events go: a port of this machine, or an address such as http://localhost:3000/webhooks
    #[arg(value_name = "PORT|URL")]
    target: String,
    /// Only events of these sources, by slug or id
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// The path that events go to, in the place of that of the address
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Also what came since then: 10m, 2h, 1d, or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// How each event is printed; without a terminal, or with json, line by line
    #[arg(long, value_enum, default_value_t = Form::Compact)]
    output: Form,
    /// Print lines on a terminal as well, in the place of the interactive view
    #[arg(long)]
    plain: bool,
    /// How many events are forwarded at a time, the first that came first
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// Seconds that the local server has for its answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Compact,
    Json,
}

/// Events that wait to be forwarded. While it is full nothing is taken from the server, which has them.
const QUEUE: usize = 256;
/// How long what is on its way may take to end when the command ends.
const LAST: Duration = Duration::from_secs(5);
/// How often an event is asked for, and what came of it told, while the server does not answer.
const AGAIN: Duration = Duration::from_secs(1);
const TELL_LIMIT: u32 = 5;

/// Where things are shown.
enum View {
    Lines(Lines),
    Screen(Box<Screen>),
}

/// What somebody at the terminal wants.
pub enum Wish {
    SendAgain(EventId),
    Open(EventId),
    Quit,
}

/// Forwards, and what is known of the project.
struct Listener {
    api: Api,
    target: Target,
    /// The name of this machine.
    name: String,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let api = arguments.server.api()?;
    let target = Target::parse(&arguments.target, arguments.path.as_deref(), Duration::from_secs(arguments.timeout))?;
    let since = arguments.since.as_deref().map(since::parse).transpose()?;
    let sources = sources(&api).await?;
    let followed = followed(&sources, &arguments.sources)?;
    let env = api.read::<Page<domain::project::Environment>>("/v1/environments").await?;
    let env = env.data.into_iter().next().ok_or_else(|| Failure::refused("the key belongs to no project"))?;
    let topics = match followed.as_slice() {
        [] => vec!["events".to_owned()],
        some => some.iter().map(|source| format!("events:{}", source.id)).collect(),
    };
    let is_screen = arguments.output == Form::Compact
        && !arguments.plain
        && std::io::stdout().is_terminal()
        && std::io::stdin().is_terminal();
    let names: Vec<String> = followed.iter().map(|source| source.name.clone()).collect();
    let of_what = if names.is_empty() { format!("all sources of {}", env.name) } else { names.join(", ") };
    let (wishes, wished) = mpsc::channel(16);
    let head = format!("{of_what} → {}", target.shown());
    let view = if is_screen {
        View::Screen(Box::new(Screen::open(head, wishes)?))
    } else {
        View::Lines(Lines::begin(&head, arguments.output == Form::Json))
    };
    let (news, heard) = mpsc::channel(QUEUE);
    let following = tokio::spawn(follow(api.clone(), topics, since, news));
    let listener = Arc::new(Listener { api, target, name: machine_name() });
    let dashboard = format!("{}{}", listener.api.base(), app::paths::events(env.id));
    let result = forward_all(&listener, view, heard, wished, usize::from(arguments.concurrency), &dashboard).await;
    following.abort();
    result
}

async fn forward_all(
    listener: &Arc<Listener>,
    mut view: View,
    mut news: mpsc::Receiver<News>,
    mut wishes: mpsc::Receiver<Wish>,
    concurrency: usize,
    dashboard: &str,
) -> anyhow::Result<()> {
    let mut sending: JoinSet<anyhow::Result<Option<Forwarded>>> = JoinSet::new();
    let mut telling = JoinSet::new();
    let mut again: VecDeque<EventId> = VecDeque::new();
    let mut is_told = false;
    let stop = crate::shutdown::requested();
    tokio::pin!(stop);
    let ended = loop {
        while sending.len() < concurrency
            && let Some(id) = again.pop_front()
        {
            sending.spawn(Arc::clone(listener).forward(id));
        }
        tokio::select! {
            () = &mut stop => break Ok(()),
            heard = news.recv(), if sending.len() < concurrency => match heard {
                Some(News::Event(event)) => {
                    view.arrived(&event);
                    if event.duplicate_of.is_some() {
                        view.say("a duplicate, which goes nowhere, is not forwarded");
                    } else {
                        sending.spawn(Arc::clone(listener).forward(event.id));
                    }
                }
                Some(News::Connected) => view.connected(),
                Some(News::Lost { why, wait }) => view.lost(&why, wait),
                Some(News::Gap) => view.say("more was missed than the server tells; the dashboard has the rest"),
                Some(News::Ended(failure)) => break Err(failure),
                None => break Err(anyhow::anyhow!("the connection could not be kept")),
            },
            Some(done) = sending.join_next() => match done {
                Ok(Ok(Some(forwarded))) => {
                    view.forwarded(&forwarded);
                    let listener = Arc::clone(listener);
                    telling.spawn(async move { listener.note(&forwarded).await });
                }
                Ok(Ok(None)) => view.say("an event is not kept any more, and was not forwarded"),
                Ok(Err(error)) => break Err(error),
                Err(error) => break Err(error.into()),
            },
            Some(told) = telling.join_next() => {
                // A key that may not write may not write the next one either.
                if let Ok(Some(why)) = told
                    && !std::mem::replace(&mut is_told, true)
                {
                    view.say(&why);
                }
            }
            () = view.key() => {}
        }
        let is_over = loop {
            match wishes.try_recv() {
                Ok(Wish::SendAgain(id)) => again.push_back(id),
                Ok(Wish::Open(id)) => open_in_browser(&format!("{dashboard}/{id}")),
                Ok(Wish::Quit) => break true,
                Err(_) => break false,
            }
        };
        if is_over {
            break Ok(());
        }
        view.refresh();
    };
    view.close();
    // The local server may be about to answer.
    let finish = async {
        while let Some(done) = sending.join_next().await {
            if let Ok(Ok(Some(forwarded))) = done {
                let listener = Arc::clone(listener);
                telling.spawn(async move { listener.note(&forwarded).await });
            }
        }
        while telling.join_next().await.is_some() {}
    };
    let _ = tokio::time::timeout(LAST, finish).await;
    ended
}

impl Listener {
    /// Sends an event as it was received. `None` when it is not kept any more.
    async fn forward(self: Arc<Self>, id: EventId) -> anyhow::Result<Option<Forwarded>> {
        let event = loop {
            match self.api.get::<Event>(&format!("/v1/events/{id}")).await {
                Ok(Answer::Done(event)) => break event,
                Ok(Answer::Refused(refusal)) if refusal.error == "not_found" => return Ok(None),
                Ok(Answer::Refused(refusal)) => return Err(Failure::refused(refusal.detail).into()),
                Err(error) if is_unreachable(&error) => tokio::time::sleep(AGAIN).await,
                Err(error) => return Err(error),
            }
        };
        Ok(Some(self.target.send(event).await))
    }

    /// Has the server remember what came of it. Says why not, where that is worth saying.
    async fn note(&self, forwarded: &Forwarded) -> Option<String> {
        let input: ForwardInput = forwarded.as_input(&self.name);
        let path = format!("/v1/events/{}/forwards", forwarded.event.summary.id);
        let body = json!(input);
        for _ in 0..TELL_LIMIT {
            match self.api.post::<serde_json::Value>(&path, &body).await {
                Ok(Answer::Done(_)) => return None,
                Ok(Answer::Refused(refusal)) => return Some(format!("it could not be noted: {}", refusal.detail)),
                Err(error) if is_unreachable(&error) => tokio::time::sleep(AGAIN).await,
                Err(error) => return Some(format!("what came of it is not noted: {error}")),
            }
        }
        None
    }
}

/// All sources of the project.
async fn sources(api: &Api) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Page<Source> = api.read(&format!("/v1/sources?limit=250&cursor={cursor}")).await?;
        found.extend(page.data);
        match page.next_cursor {
            Some(next) => cursor = next,
            None => return Ok(found),
        }
    }
}

fn followed(sources: &[Source], wanted: &[String]) -> anyhow::Result<Vec<Source>> {
    let mut followed: Vec<Source> = Vec::new();
    for wanted in wanted {
        let found = sources.iter().find(|source| source.slug == *wanted || source.id.to_string() == *wanted);
        let Some(source) = found else {
            let known: Vec<_> = sources.iter().map(|source| source.slug.as_str()).collect();
            let known = if known.is_empty() { "there is none yet".to_owned() } else { known.join(", ") };
            return Err(Failure::refused(format!("there is no source {wanted}; sources: {known}")).into());
        };
        if followed.iter().all(|known| known.id != source.id) {
            followed.push(source.clone());
        }
    }
    Ok(followed)
}

/// By what the dashboard shows who forwarded an event.
pub fn machine_name() -> String {
    let of_file = || std::fs::read_to_string("/etc/hostname").ok();
    let of_environment = || std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok();
    let of_command = || {
        let output = std::process::Command::new("hostname").output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let mut found = [of_file(), of_environment(), of_command()].into_iter().flatten();
    let plain = |name: String| domain::field::parse_name(&name).ok();
    found.find_map(plain).unwrap_or_else(|| "a machine".to_owned())
}

pub fn open_in_browser(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = std::process::Stdio::null;
    // Without a browser there is nothing to be done.
    let _ = std::process::Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
}

impl View {
    fn arrived(&mut self, event: &EventSummary) {
        if let Self::Screen(screen) = self {
            screen.arrived(event);
        }
    }

    fn forwarded(&mut self, forwarded: &Forwarded) {
        match self {
            Self::Lines(lines) => lines.forwarded(forwarded),
            Self::Screen(screen) => screen.forwarded(forwarded),
        }
    }

    fn connected(&mut self) {
        match self {
            Self::Lines(lines) => lines.connected(),
            Self::Screen(screen) => screen.state("connected", true),
        }
    }

    fn lost(&mut self, why: &str, wait: Duration) {
        match self {
            Self::Lines(lines) => lines.lost(why, wait),
            Self::Screen(screen) => screen.state(why, false),
        }
    }

    fn say(&mut self, text: &str) {
        match self {
            Self::Lines(lines) => lines.say(text),
            Self::Screen(screen) => screen.say(text),
        }
    }

    /// Waits until somebody at the terminal does something.
    async fn key(&mut self) {
        match self {
            Self::Lines(_) => std::future::pending().await,
            Self::Screen(screen) => screen.key().await,
        }
    }

    fn refresh(&mut self) {
        if let Self::Screen(screen) = self {
            screen.draw();
        }
    }

    fn close(&mut self) {
        if let Self::Screen(screen) = self {
            screen.close();
        }
    }
}
