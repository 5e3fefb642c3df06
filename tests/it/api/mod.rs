//! The REST API: its errors, its lists, its resources, who may do what, what becomes of secrets, and what it says of itself.

pub mod document;
mod errors;
mod etags;
mod idempotency;
mod isolation;
mod keys;
mod lists;
mod matrix;
mod publish;
mod rates;
mod resources;
mod secrets;
