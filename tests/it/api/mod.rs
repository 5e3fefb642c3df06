//! The REST API: its errors, its lists, its resources, who may do what, and what becomes of secrets.

mod errors;
mod isolation;
mod keys;
mod lists;
mod resources;
mod secrets;
