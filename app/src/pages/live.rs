//! Data that keeps up with the project while it is looked at.

use std::time::Duration;

use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};

use super::project::Project;
use crate::{
    api::{self, ApiError},
    browser, paths,
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

/// How many issues are open, for the sidebar. It has no stream of changes of its own: browsers open few connections to a host,
/// and the page that is shown mostly has one.
#[derive(Debug, Clone, Copy)]
pub struct OpenIssues {
    count: RwSignal<Option<u32>>,
    has_changed: StoredValue<bool>,
}

/// How often it is counted at most while something changes.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// Counts the open issues of the project that is shown, and gives them to pages by context.
pub fn provide_open_issues(project: Memo<Option<Project>>) -> Signal<Option<u32>> {
    let open_issues = OpenIssues { count: RwSignal::new(None), has_changed: StoredValue::new(false) };
    provide_context(open_issues);
    let count = move || {
        let Some(project) = project.get_untracked() else { return };
        spawn_local(async move {
            if let Ok(found) = api::issues::open_issues(project.id()).await {
                open_issues.count.try_set(Some(found));
            }
        });
    };
    Effect::new(move |_: Option<Option<browser::Ticker>>| {
        project.track();
        count();
        browser::every(COUNT_EVERY, move || {
            if open_issues.has_changed.try_update_value(std::mem::take) == Some(true) {
                count();
            }
        })
    });
    open_issues.count.into()
}

impl OpenIssues {
    fn note_change(self) {
        self.has_changed.try_set_value(true);
    }
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

/// Counts the times that something of `project` changed, while `on` says that it matters.
pub fn use_changes(project: Project, on: impl Fn() -> bool + Send + Sync + 'static) -> ReadSignal<u32> {
    let (count, set_count) = signal(0_u32);
    let url = Signal::derive(move || on().then(|| paths::live(project.id())));
    let open_issues = use_context::<OpenIssues>();
    let changed = move |_| {
        set_count.update(|count| *count = count.wrapping_add(1));
        if let Some(open_issues) = open_issues {
            open_issues.note_change();
        }
    };
    browser::use_live(url, Callback::new(changed));
    count
}
