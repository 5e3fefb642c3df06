//! JSONata, bounded: an expression that is compiled when it is saved, and evaluated over an event when that is sent. Also
//! texts that hold expressions in double braces ([`Template`]).
//!
//! The engine stands behind this boundary; nothing else names it. An evaluation has two bounds. Most end within the narrow
//! one, some of them side by side. One that needs more, or may ask for a long range, begins again within the wide one, of
//! which few go on at once. Of either no project has more than half: whoever has an expression without an end waits for
//! nobody but their own.

mod check;
mod template;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use domain::id::EnvId;
use jlens_core::{Bindings, CancelToken, HostFunction, Options};
use serde_json::Value;
use store::quota::Quota;

pub use self::template::Template;

/// A compiled expression.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    engine: jlens_core::Expression,
    /// It has ranges whose lengths are known only when it is evaluated.
    has_open_ranges: bool,
}

/// What expressions see of an event.
#[derive(Debug, Clone)]
pub struct Input {
    /// Whose evaluation it is.
    pub project: EnvId,
    /// The root: the body as JSON, nothing where it is none.
    pub payload: Option<Value>,
    /// `$headers`, `$event`, … without the dollar sign.
    pub variables: Vec<(&'static str, Value)>,
    /// What `$now()` says, in milliseconds.
    pub now_ms: i64,
}

/// Makes an input when it is needed: what waits for its turn takes little memory.
pub type MakeInput = Arc<dyn Fn() -> Arc<Input> + Send + Sync>;

/// What is wrong with an expression, or became of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code}{})", position.map(|at| format!(", at character {at}")).unwrap_or_default())]
pub struct TransformError {
    /// JSONata's own: `S0201`.
    pub code: String,
    pub message: String,
    /// Where in the expression, in characters.
    pub position: Option<usize>,
}

/// A longer expression is refused when it is saved.
pub const MAX_EXPRESSION: usize = domain::connection::Rules::MAX_TRANSFORM;
/// How deeply evaluations may lie within one another.
const MAX_DEPTH: usize = 500;
/// Items of an array, and of a range in particular.
const MAX_ARRAY: usize = 1_000_000;
/// Bytes of a result as JSON.
pub const MAX_RESULT: usize = 8 << 20;

/// How much one evaluation may take.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    timeout: Duration,
    steps: u64,
    string: usize,
    array: usize,
    result: usize,
}

const NARROW: Bounds =
    Bounds { timeout: Duration::from_millis(20), steps: 100_000, string: 1 << 20, array: 100_000, result: 1 << 20 };
const WIDE: Bounds = Bounds {
    timeout: Duration::from_millis(500),
    steps: 5_000_000,
    string: 8 << 20,
    array: MAX_ARRAY,
    result: MAX_RESULT,
};

/// Evaluations at once within the narrow bounds.
static NARROW_TURNS: LazyLock<Arc<Quota>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    Quota::new((2 * cores).max(4))
});
/// The same within the wide ones: a project has one. An open range is built before its length is checked, and takes
/// 230 MiB at most.
static WIDE_TURNS: LazyLock<Arc<Quota>> = LazyLock::new(|| Quota::new(2));

impl Expression {
    /// # Errors
    /// Says where it does not parse, or asks for what is not to be had.
    pub fn compile(source: &str) -> Result<Self, TransformError> {
        if source.len() > MAX_EXPRESSION {
            let message = format!("The expression is longer than {MAX_EXPRESSION} bytes");
            return Err(TransformError { code: "too_long".to_owned(), message, position: None });
        }
        let engine = jlens_core::Expression::compile(source).map_err(|error| explain(&error))?;
        let has_open_ranges = check::check(engine.ast())?;
        Ok(Self(Arc::new(Compiled { engine, has_open_ranges })))
    }

    /// What it makes of the input; `None` where that has nothing of the kind.
    ///
    /// # Errors
    /// When it fails, or takes more than it may.
    pub async fn evaluate(&self, input: &Arc<Input>) -> Result<Option<Value>, TransformError> {
        let (project, input) = (input.project, Arc::clone(input));
        self.evaluate_made(project, &(Arc::new(move || Arc::clone(&input)) as MakeInput)).await
    }

    /// The same over an input that is made when its turn has come, on the thread that evaluates.
    ///
    /// # Errors
    /// When it fails, or takes more than it may.
    pub async fn evaluate_made(&self, project: EnvId, input: &MakeInput) -> Result<Option<Value>, TransformError> {
        if !self.0.has_open_ranges {
            match self.evaluate_within(NARROW, &NARROW_TURNS, project, input).await {
                Err(error) if error.is_of_bounds() => {}
                ended => return ended,
            }
        }
        self.evaluate_within(WIDE, &WIDE_TURNS, project, input).await
    }

    async fn evaluate_within(
        &self,
        bounds: Bounds,
        turns: &Arc<Quota>,
        project: EnvId,
        input: &MakeInput,
    ) -> Result<Option<Value>, TransformError> {
        let (compiled, input) = (Arc::clone(&self.0), Arc::clone(input));
        let turn = turns.acquire(project, 1).await;
        let stop = Stop::default();
        let token = stop.0.clone();
        let evaluation = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            compiled.evaluate(bounds, &input(), token)
        });
        evaluation.await.unwrap_or_else(|_| Err(TransformError::internal()))
    }

    /// The same on this thread, until `ended`; for those who evaluate many and have their own turn.
    pub(crate) fn evaluate_here(&self, input: &Input, ended: &Ended) -> Result<Option<Value>, TransformError> {
        self.0.evaluate(WIDE, input, ended.0.clone())
    }
}

impl Compiled {
    fn evaluate(&self, bounds: Bounds, input: &Input, token: CancelToken) -> Result<Option<Value>, TransformError> {
        let options = Options::new()
            .now(input.now_ms)
            .max_depth(MAX_DEPTH)
            .timeout(bounds.timeout)
            .max_steps(bounds.steps)
            .max_string_length(bounds.string)
            .max_array_length(bounds.array)
            .max_result_size(bounds.result)
            .cancel_token(token);
        let variables = input.variables.iter().cloned();
        let bindings = variables.fold(Bindings::new(), |bindings, (name, value)| bindings.var(name, value));
        // No expression names it, and none is to come by it in another way.
        let bindings = bindings.function("eval", HostFunction::new(1, |_, _| Ok(None)));
        let result = self.engine.evaluate_with(input.payload.as_ref(), &bindings, &options);
        result.map_err(|error| explain(&error))
    }
}

/// Ends evaluations when it is dropped, as when nobody waits for them any more.
#[derive(Default)]
pub(crate) struct Stop(CancelToken);

/// Whether nobody waits for evaluations any more.
#[derive(Clone)]
pub(crate) struct Ended(CancelToken);

impl Stop {
    pub fn ended(&self) -> Ended {
        Ended(self.0.clone())
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Ended {
    pub fn is_so(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl TransformError {
    fn not_allowed(message: impl Into<String>, position: Option<usize>) -> Self {
        Self { code: "not_allowed".to_owned(), message: message.into(), position }
    }

    fn internal() -> Self {
        Self { code: "internal".to_owned(), message: "The evaluation broke off".to_owned(), position: None }
    }

    /// Whether it took more than it was to take: time, steps, or memory.
    fn is_of_bounds(&self) -> bool {
        matches!(self.code.as_str(), "D1012" | "U1006" | "U1001")
    }
}

fn explain(error: &jlens_core::Error) -> TransformError {
    let message = match error.code() {
        "D1012" => format!("The evaluation took longer than {} ms", WIDE.timeout.as_millis()),
        "U1006" => "The evaluation took more steps than it may".to_owned(),
        "D1011" => "The evaluation went deeper than it may: functions call one another without an end".to_owned(),
        _ => error.message(),
    };
    TransformError { code: error.code().to_owned(), message: shortened(&message), position: error.position() }
}

/// Characters of a message, which may repeat what stood in the payload.
const MAX_MESSAGE: usize = 500;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;
