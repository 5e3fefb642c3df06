//! Data that keeps up with the project while it is looked at.

use std::time::Duration;

use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};
use serde::Deserialize;

use super::project::Project;
use crate::{
    api::{self, ApiError},
    browser::{self, Heard},
    paths,
};

/// Data that began with what the server drew, and how to have it fetched again.
#[derive(Debug)]
pub struct Fresh<T: Send + Sync + 'static> {
    data: RwSignal<T>,
    refetch: Callback<()>,
}

impl<T: Send + Sync + 'static> Copy for Fresh<T> {}

impl<T: Send + Sync + 'static> Clone for Fresh<T> {
    fn clone(&self) -> Self {
        *self
    }
}

/// What is heard of the project that is shown. One connection serves all that a page consists of.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// How often something has changed.
    changes: RwSignal<u32>,
    connection: RwSignal<Connection>,
    /// There while changes are held back: whether there was one.
    held: StoredValue<Option<bool>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// It is being made for the first time.
    Opening,
    Open,
    Lost,
}

/// What is asked for as soon as the connection is open.
const FOLLOW_CHANGES: &str = r#"{"type":"subscribe","topic":"changes"}"#;

/// What is looked at of a message.
#[derive(Deserialize)]
struct Said {
    r#type: String,
}

/// Listens to the project that is shown, and gives what is heard to pages by context.
pub fn provide_live(project: Memo<Option<Project>>) -> Live {
    let live = Live {
        changes: RwSignal::new(0),
        connection: RwSignal::new(Connection::Opening),
        held: StoredValue::new(None),
    };
    provide_context(live);
    let path = Memo::new(move |_| project.get().map(|project| paths::live(project.id())));
    Effect::new(move |_| {
        path.track();
        live.connection.set(Connection::Opening);
    });
    browser::use_socket(path, FOLLOW_CHANGES, Callback::new(move |heard| live.hear(&heard)));
    live
}

impl Live {
    fn hear(self, heard: &Heard) {
        match heard {
            Heard::Message(text) => match serde_json::from_str(text).map(|said: Said| said.r#type).as_deref() {
                // What has changed between the drawing of the page and now, or while the connection was lost, is not known.
                Ok("subscribed") => {
                    self.connection.set(Connection::Open);
                    self.note_change();
                }
                Ok("change") => self.note_change(),
                _ => {}
            },
            Heard::Lost => {
                // Whoever is told nothing looks at each try: something on the way may let no WebSocket pass, or there are too many.
                if self.connection.get_untracked() != Connection::Open {
                    self.note_change();
                }
                self.connection.set(Connection::Lost);
            }
        }
    }

    fn note_change(self) {
        let is_held = self.held.try_update_value(|held| held.as_mut().map(|changed| *changed = true).is_some());
        if is_held == Some(false) {
            self.changes.update(|changes| *changes = changes.wrapping_add(1));
        }
    }

    fn hold(self) {
        self.held.update_value(|held| *held = held.or(Some(false)));
    }

    fn release(self) {
        if self.held.try_update_value(Option::take).flatten() == Some(true) {
            self.note_change();
        }
    }

    /// Whether there is no connection, and not just not yet.
    #[must_use]
    pub fn is_lost(self) -> bool {
        self.connection.get() == Connection::Lost
    }
}

/// The connection of the page that is shown.
#[must_use]
pub fn use_live() -> Live {
    expect_context()
}

/// Holds changes back while `action` takes away what the page is about: who looked again would find nothing. They are
/// told once it was refused, or the page was left.
pub fn hold_changes_during<S>(action: ServerAction<S>)
where
    S: ServerFn<Error: Clone + Send + Sync, Output: Clone + Send + Sync> + Send + Sync + Clone + 'static,
{
    // Pages of an organization follow no project.
    let Some(live) = use_context::<Live>() else { return };
    let pending = action.pending();
    Effect::new(move |_| {
        let is_done = action.value().with(|value| matches!(value, Some(Ok(_))));
        if pending.get() || is_done { live.hold() } else { live.release() }
    });
    on_cleanup(move || live.release());
}

/// How often open issues are counted at most while something changes.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// How many issues of the project are open, for the sidebar.
pub fn use_open_issues(project: Memo<Option<Project>>, live: Live) -> Signal<Option<u32>> {
    let (count, has_changed) = (RwSignal::new(None), StoredValue::new(false));
    let count_again = move || {
        let Some(project) = project.get_untracked() else { return };
        spawn_local(async move {
            if let Ok(found) = api::issues::open_issues(project.id()).await {
                count.try_set(Some(found));
            }
        });
    };
    Effect::new(move |_| {
        live.changes.track();
        has_changed.set_value(true);
    });
    Effect::new(move |_: Option<Option<browser::Ticker>>| {
        project.track();
        count_again();
        has_changed.set_value(false);
        browser::every(COUNT_EVERY, move || {
            if has_changed.try_update_value(std::mem::take) == Some(true) {
                count_again();
            }
        })
    });
    count.into()
}

/// What a fetch is doing: one runs at a time, and what is asked meanwhile is asked once more after it.
#[derive(Clone, Copy, Default)]
struct Fetch {
    running: bool,
    again: bool,
}

/// Starts from `first`; `fetch` brings it up to date. A failed fetch changes nothing: the next one may succeed.
pub fn use_fresh<T, F, Fetching>(first: T, fetch: F) -> Fresh<T>
where
    T: Send + Sync + 'static,
    F: Fn() -> Fetching + Clone + Send + Sync + 'static,
    Fetching: Future<Output = Result<T, ApiError>> + 'static,
{
    let data = RwSignal::new(first);
    let state = StoredValue::new(Fetch::default());
    let refetch = Callback::new(move |()| {
        let was_running = state.try_update_value(|state| {
            let was_running = state.running;
            state.running = true;
            state.again = was_running;
            was_running
        });
        if was_running != Some(false) {
            return;
        }
        let fetch = fetch.clone();
        spawn_local(async move {
            loop {
                if let Ok(fetched) = fetch().await {
                    data.try_set(fetched);
                }
                let again = state.try_update_value(|state| {
                    let again = state.again;
                    *state = Fetch { running: again, again: false };
                    again
                });
                if again != Some(true) {
                    break;
                }
            }
        });
    });
    Fresh { data, refetch }
}

impl<T: Clone + Send + Sync + 'static> Fresh<T> {
    #[must_use]
    pub const fn data(self) -> RwSignal<T> {
        self.data
    }

    pub fn refetch(self) {
        self.refetch.run(());
    }

    /// Fetches again each time that `changes` does.
    pub fn when<V: 'static>(self, changes: impl Fn() -> V + Send + Sync + 'static) {
        Effect::new(move |first: Option<()>| {
            changes();
            if first.is_some() {
                self.refetch();
            }
        });
    }

    /// Fetches again when `action` is done.
    pub fn after<S>(self, action: ServerAction<S>)
    where
        S: ServerFn<Error: Send + Sync, Output: Send + Sync> + Send + Sync + Clone + 'static,
    {
        let version = action.version();
        self.when(move || version.get());
    }
}

/// Counts the times that something of the project changed, while `on` says that it matters.
pub fn use_changes(on: impl Fn() -> bool + Send + Sync + 'static) -> ReadSignal<u32> {
    let (count, set_count) = signal(0_u32);
    let live = use_live();
    Effect::new(move |before: Option<()>| {
        live.changes.track();
        // What is shown was fetched a moment ago. When the connection opens, it is looked again anyway.
        let may_be_old = before.is_some() || live.connection.get_untracked() == Connection::Open;
        if on() && may_be_old {
            set_count.update(|count| *count = count.wrapping_add(1));
        }
    });
    count
}
