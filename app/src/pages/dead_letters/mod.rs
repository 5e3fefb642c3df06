//! The dead letter queue: deliveries that were given up, and what is done to many of them at once.

mod filters;
mod list;
mod operations;
mod selection;

pub use list::DeadLettersPage;
pub use operations::{BulkOutcome, Operations};
pub use selection::DeadLetterSelection;
