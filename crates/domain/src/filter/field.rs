//! Where rules look: `payload.data.amount`, `payload.items[].sku`, `headers.x-tenant`, `query.account`, `method`.

/// A place in an event. Of the payload it may be one of several places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    text: String,
    root: Root,
}

/// Which part of the event, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// The whole body as JSON where there are no steps.
    Payload(Vec<Step>),
    /// The name in lower case.
    Header(String),
    Query(String),
    Method,
    Path,
    ContentType,
    SourceIp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A field of an object; of an array, the item with that number.
    Key(String),
    /// Each item of an array.
    Each,
}

impl Field {
    pub const MAX_BYTES: usize = 200;
    pub const MAX_STEPS: usize = 16;

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Whether what stands there is known only once the body is read as JSON.
    #[must_use]
    pub const fn is_of_payload(&self) -> bool {
        matches!(self.root, Root::Payload(_))
    }
}

const WANTED: &str = "must be a path such as payload.data.amount, headers.x-tenant or query.account, or method, path, content_type or source_ip";

impl std::str::FromStr for Field {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::MAX_BYTES || text.chars().any(char::is_control) {
            return Err("must be at most 200 bytes without control characters");
        }
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (root, rest) = text.split_at(end);
        // The names of headers and parameters may have dots in them.
        let name = || rest.strip_prefix('.').filter(|name| !name.is_empty()).ok_or(WANTED);
        let alone = |root| if rest.is_empty() { Ok(root) } else { Err(WANTED) };
        let root = match root {
            "payload" => Root::Payload(steps(rest)?),
            "headers" => Root::Header(name()?.to_ascii_lowercase()),
            "query" => Root::Query(name()?.to_owned()),
            "method" => alone(Root::Method)?,
            "path" => alone(Root::Path)?,
            "content_type" => alone(Root::ContentType)?,
            "source_ip" => alone(Root::SourceIp)?,
            _ => return Err(WANTED),
        };
        Ok(Self { text: text.to_owned(), root })
    }
}

/// `.data.items[].0.a\.b`: a backslash takes the character behind it as it is.
fn steps(text: &str) -> Result<Vec<Step>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix("[]") {
            steps.push(Step::Each);
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix('.') {
            let (key, behind) = key(behind)?;
            steps.push(Step::Key(key));
            rest = behind;
        } else {
            return Err("must have [] for each item of an array, and .0 for the first one");
        }
        if steps.len() > Field::MAX_STEPS {
            return Err("must lead through at most 16 levels");
        }
    }
    Ok(steps)
}

fn key(text: &str) -> Result<(String, &str), &'static str> {
    let mut key = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '.' | '[' => {
                end = at;
                break;
            }
            '\\' => key.push(characters.next().ok_or("must not end with a backslash")?.1),
            other => key.push(other),
        }
    }
    if end == 0 || text.is_empty() { Err(WANTED) } else { Ok((key, &text[end..])) }
}

/// A name as a path has it: with a backslash before what would else mean something.
#[must_use]
pub fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, '.' | '[' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
