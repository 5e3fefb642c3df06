//! Questions that change while they are answered: each is asked once it has rested for a while, and only the answer to the
//! last one counts.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use crate::{api::ApiError, browser};

/// The last question that was answered, with its answer.
type Last<Q, T> = Option<(Q, Result<T, ApiError>)>;

/// What was asked last, and what the server said to it.
#[derive(Debug)]
pub struct Answers<Q: Send + Sync + 'static, T: Send + Sync + 'static> {
    question: Memo<Option<Q>>,
    pub last: RwSignal<Last<Q, T>>,
}

impl<Q: Send + Sync + 'static, T: Send + Sync + 'static> Copy for Answers<Q, T> {}

impl<Q: Send + Sync + 'static, T: Send + Sync + 'static> Clone for Answers<Q, T> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Asks each `question` that stays for `rest`. In the browser alone.
pub fn use_answers<Q, T, F, Asking>(question: Memo<Option<Q>>, rest: Duration, ask: F) -> Answers<Q, T>
where
    Q: Clone + PartialEq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    F: Fn(Q) -> Asking + Clone + Send + Sync + 'static,
    Asking: Future<Output = Result<T, ApiError>> + 'static,
{
    let last = RwSignal::new(None);
    let turn = StoredValue::new(0_u64);
    Effect::new(move |_| {
        let asked = question.get();
        let mine = turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        });
        let Some(asked) = asked else { return };
        let ask = ask.clone();
        browser::after(rest, move || {
            if turn.try_get_value() != mine {
                return;
            }
            spawn_local(async move {
                let answer = ask(asked.clone()).await;
                if turn.try_get_value() == mine {
                    last.try_set(Some((asked, answer)));
                }
            });
        });
    });
    Answers { question, last }
}

impl<Q, T> Answers<Q, T>
where
    Q: Clone + PartialEq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Whether the answer to what is asked now is still to come.
    pub fn is_open(self) -> bool {
        self.question.with(|question| {
            question.is_some() && self.last.with(|last| last.as_ref().map(|(asked, _)| asked) != question.as_ref())
        })
    }

    /// The last answer, be it to what was asked before; none where nothing is asked.
    pub fn answer(self) -> Signal<Option<Result<T, ApiError>>> {
        Signal::derive(move || {
            let is_asked = self.question.with(Option::is_some);
            self.last.with(|last| last.as_ref().filter(|_| is_asked).map(|(_, answer)| answer.clone()))
        })
    }
}
