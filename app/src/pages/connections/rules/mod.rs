//! A filter as rules to build with, and as JSON to write: two views of one text, which is the JSON.
//!
//! [`tree`] reads the text and changes it; [`operand`] knows the values of rules; [`builder`] draws the groups and [`row`]
//! the rules. A rule is known by its address among the rules above it: what is typed never moves it, and what moves it
//! says where it is then, so that the focus can follow.

mod builder;
mod operand;
mod row;
mod tree;

pub use builder::RuleBuilder;
