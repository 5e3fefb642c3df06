//! Joins the style sheets into one.
//!
//! `style/index.css` consists of `@layer` statements and lines `@import "name.css";`, optionally
//! with `layer(name)`. The files are put in the place of those lines, which is all that they need;
//! a release is minified too.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use super::optimise::Optimiser;

const INDEX: &str = "index.css";

pub fn bundle(folder: &Path, optimiser: Option<&Optimiser>) -> Result<Vec<u8>> {
    let sheet = concatenate(folder)?;
    match optimiser {
        Some(optimiser) => optimiser.styles(&sheet),
        None => Ok(sheet.into_bytes()),
    }
}

fn concatenate(folder: &Path) -> Result<String> {
    let mut whole = String::new();
    for line in read(folder, INDEX)?.lines() {
        let Some(import) = line.trim().strip_prefix("@import ") else {
            whole.push_str(line);
            whole.push('\n');
            continue;
        };
        let Some(Import { file, layer }) = Import::parse(import) else {
            bail!(
                "{INDEX} may import with `@import \"file.css\";` or `@import \"file.css\" layer(name);`, \
                 not with `{line}`"
            );
        };
        let content = read(folder, file)?;
        if content.contains("@import") {
            bail!("{file} holds an @import; only {INDEX} may");
        }
        match layer {
            Some(layer) => whole.extend(["@layer ", layer, " {\n", &content, "\n}\n"]),
            None => whole.extend([content.as_str(), "\n"]),
        }
    }
    Ok(whole)
}

fn read(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// What follows `@import`.
#[derive(Debug, PartialEq, Eq)]
struct Import<'a> {
    file: &'a str,
    layer: Option<&'a str>,
}

impl<'a> Import<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (file, rest) = text.trim().strip_prefix('"')?.split_once('"')?;
        let rest = rest.trim().strip_suffix(';')?.trim();
        let layer = match rest {
            "" => None,
            layer => Some(layer.strip_prefix("layer(")?.strip_suffix(')')?),
        };
        Some(Self { file, layer })
    }
}

#[cfg(test)]
mod tests {
    use super::Import;

    #[test]
    fn an_import_names_a_file_and_perhaps_a_layer() {
        let plain = Import { file: "tokens.css", layer: None };
        assert_eq!(Import::parse("\"tokens.css\";"), Some(plain));
        let layered = Import { file: "components/button.css", layer: Some("components") };
        assert_eq!(Import::parse("\"components/button.css\" layer(components);"), Some(layered));
    }

    #[test]
    fn other_forms_of_import_are_refused() {
        assert_eq!(Import::parse("url(tokens.css);"), None);
        assert_eq!(Import::parse("\"print.css\" print;"), None);
    }
}
