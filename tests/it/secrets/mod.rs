//! The keys of stored secrets, and the secrets themselves: nothing shows them, and their key is replaced while servers run.

mod masked;
mod rotation;
