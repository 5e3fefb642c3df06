//! Where in a request a word stands.

/// A place in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Header(&'static str),
    /// A path into a JSON body, its steps separated by dots; numbers count in lists: `entry.0.id`.
    Json(&'static str),
    /// A field of a form.
    Form(&'static str),
    /// The first of these that is a key of a JSON body: for providers that name events so.
    Key(&'static [&'static str]),
    /// What stands in all of these, joined with dots. Where one has nothing, neither has this.
    Joined(&'static [Place]),
}
