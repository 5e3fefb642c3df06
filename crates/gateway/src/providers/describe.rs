//! What a request says of itself: the name of what happened, and the provider's own id of it.

use std::cell::OnceCell;

use domain::template::{Template, TemplateId, place::Place};
use http::{HeaderMap, header::CONTENT_TYPE};

use super::extract::{Wanted, fill};

/// What a request says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    pub event_type: Option<String>,
    pub provider_event_id: Option<String>,
}

/// Both come from outside, and are kept in every row.
const MAX_WORD: usize = 200;

/// Finds the type and the provider's id of an event, for people to see and filter by.
#[must_use]
pub fn describe(template: Option<TemplateId>, headers: &HeaderMap, body: &[u8]) -> Described {
    let template = template.unwrap_or(TemplateId::Custom).template();
    let request = Request { template, headers, body, values: OnceCell::new() };
    let word = |places: &[Place]| places.iter().find_map(|place| request.read(*place)).filter(|text| is_word(text));
    Described { event_type: word(template.event_type), provider_event_id: word(template.event_id) }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_WORD && !text.contains(char::is_control)
}

struct Request<'a> {
    template: &'static Template,
    headers: &'a HeaderMap,
    body: &'a [u8],
    /// What stands in a JSON body at all places of the template: looked for once, and only when it is asked for.
    values: OnceCell<Vec<Wanted<'static>>>,
}

impl Request<'_> {
    fn read(&self, place: Place) -> Option<String> {
        match place {
            Place::Header(name) => self.headers.get(name)?.to_str().ok().map(str::to_owned),
            Place::Json(path) => self.value(path, false),
            Place::Key(keys) => keys.iter().find_map(|key| self.value(key, true)),
            Place::Form(name) => self.field(name),
            Place::Joined(places) => {
                let words: Option<Vec<_>> = places.iter().map(|place| self.read(*place)).collect();
                words.map(|words| words.join("."))
            }
        }
    }

    fn value(&self, path: &str, is_key: bool) -> Option<String> {
        let values = self.values.get_or_init(|| {
            let mut wanted = Vec::new();
            for places in [self.template.event_type, self.template.event_id] {
                // The first that has a value counts, so the first is all that is needed when it has one.
                let first_in_body = places.iter().position(|place| !matches!(place, Place::Header(_) | Place::Form(_)));
                for (index, place) in places.iter().enumerate() {
                    list(*place, Some(index) == first_in_body, &mut wanted);
                }
            }
            fill(self.body, &mut wanted);
            wanted
        });
        values.iter().find(|value| value.path == path && value.is_key == is_key)?.found.clone()
    }

    fn field(&self, name: &str) -> Option<String> {
        let kind = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        if !kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            return None;
        }
        let mut pairs = ::url::form_urlencoded::parse(self.body);
        pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
    }
}

/// All that a place looks for in a JSON body.
fn list(place: Place, is_needed: bool, wanted: &mut Vec<Wanted<'static>>) {
    match place {
        Place::Json(path) => wanted.push(Wanted { is_needed, ..Wanted::new(path) }),
        Place::Key(keys) => {
            wanted.extend(keys.iter().map(|key| Wanted { is_key: true, is_needed, ..Wanted::new(key) }));
        }
        Place::Joined(places) => places.iter().for_each(|place| list(*place, is_needed, wanted)),
        Place::Header(_) | Place::Form(_) => {}
    }
}
