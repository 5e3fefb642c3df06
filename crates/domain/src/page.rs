//! Lists are read in pages: newest first, with an opaque cursor that says where the next page begins.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}Page"))]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Give it back as `cursor` for the page after this one.
    pub next_cursor: Option<String>,
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Makes a page from up to `limit + 1` rows; the extra row only tells that there is more.
    #[must_use]
    pub fn from_rows(mut rows: Vec<T>, limit: u16, key: impl Fn(&T) -> u128) -> Self {
        let has_more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let next_cursor = if has_more { rows.last().map(|row| Cursor(key(row)).to_string()) } else { None };
        Self { data: rows, next_cursor, has_more }
    }

    #[must_use]
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(f).collect(), next_cursor: self.next_cursor, has_more: self.has_more }
    }
}

/// Where a page begins: after this key, going down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u128);

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{:032x}", self.0)
    }
}

impl std::str::FromStr for Cursor {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "must be the `next_cursor` of an earlier page";
        let hex = text.strip_prefix('c').filter(|hex| hex.len() == 32).ok_or(WANTED)?;
        u128::from_str_radix(hex, 16).map(Self).map_err(|_| WANTED)
    }
}

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    pub limit: u16,
    pub after: Option<Cursor>,
}

impl PageRequest {
    pub const DEFAULT_LIMIT: u16 = 50;
    pub const MAX_LIMIT: u16 = 250;

    #[must_use]
    pub const fn first(limit: u16) -> Self {
        Self { limit, after: None }
    }

    /// From the query parameters `limit` and `cursor`.
    ///
    /// # Errors
    /// Names the parameter.
    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, crate::field::FieldErrors> {
        let mut errors = crate::field::FieldErrors::default();
        let limit = match limit {
            None | Some("") => Self::DEFAULT_LIMIT,
            Some(text) => {
                if let Ok(limit @ 1..=Self::MAX_LIMIT) = text.parse() {
                    limit
                } else {
                    errors.push("limit", "must be a whole number from 1 to 250");
                    Self::DEFAULT_LIMIT
                }
            }
        };
        let after = cursor.filter(|text| !text.is_empty()).and_then(|text| errors.check("cursor", text.parse()));
        errors.into_result()?;
        Ok(Self { limit, after })
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self::first(Self::DEFAULT_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_points_to_the_next() {
        let page = Page::from_rows(vec![9_u128, 8, 7], 2, |row| *row);
        assert_eq!(page.data, [9, 8]);
        assert!(page.has_more);
        let cursor: Cursor = page.next_cursor.expect("a cursor").parse().expect("reads back");
        assert_eq!(cursor, Cursor(8));
        assert_eq!(Page::from_rows(vec![9_u128], 2, |row| *row).next_cursor, None);
    }

    #[test]
    fn bad_parameters_are_named() {
        let errors = PageRequest::parse(Some("251"), Some("x")).expect_err("both are wrong");
        assert!(errors.at("limit").is_some() && errors.at("cursor").is_some());
        assert!(PageRequest::parse(Some("0"), None).is_err());
        assert_eq!(PageRequest::parse(None, None), Ok(PageRequest::default()));
    }
}
