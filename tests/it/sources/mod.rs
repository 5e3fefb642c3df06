//! What sources check beside the signature, how they answer, and what they remember.

mod admission;
mod duplicates;
mod memory;
mod schema;
