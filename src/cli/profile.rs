//! What `hookstream login` keeps: servers and keys, in `~/.config/hookstream/credentials.toml`, which nobody else may read.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use figment::{
    Figment,
    providers::{Format, Toml},
};
use serde::Deserialize;

use super::Failure;

/// The profile that is meant where none is named.
pub const DEFAULT: &str = "default";

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub server: String,
    pub api_key: String,
}

/// The file.
#[derive(Debug)]
pub struct Credentials {
    path: PathBuf,
    profiles: BTreeMap<String, Profile>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    profiles: BTreeMap<String, Profile>,
}

const HEAD: &str = "# Written by `hookstream login`. The keys in it open projects: keep it to yourself.\n";

impl Credentials {
    /// Reads the file; where there is none, there is no profile.
    pub fn load() -> anyhow::Result<Self> {
        Self::load_from(default_path()?)
    }

    fn load_from(path: PathBuf) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("{} could not be read", path.display())),
        };
        let written: Written = Figment::from(Toml::string(&text))
            .extract()
            .with_context(|| format!("{} is not as `hookstream login` writes it", path.display()))?;
        Ok(Self { path, profiles: written.profiles })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    pub fn set(&mut self, name: &str, profile: Profile) -> anyhow::Result<()> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(Failure::invalid("the name of a profile is made of letters, digits, - and _").into());
        }
        self.profiles.insert(name.to_owned(), profile);
        self.save()
    }

    /// Returns whether there was such a profile.
    pub fn remove(&mut self, name: &str) -> anyhow::Result<bool> {
        let was_there = self.profiles.remove(name).is_some();
        if was_there {
            self.save()?;
        }
        Ok(was_there)
    }

    /// Writes another file and puts it in the place of this one, so that it is there whole or as it was.
    fn save(&self) -> anyhow::Result<()> {
        let mut text = HEAD.to_owned();
        for (name, profile) in &self.profiles {
            // A text of JSON is one of TOML.
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            text.push_str("\n[profiles.");
            text.push_str(name);
            text.push_str("]\nserver = ");
            text.push_str(&quoted(&profile.server));
            text.push_str("\napi_key = ");
            text.push_str(&quoted(&profile.api_key));
            text.push('\n');
        }
        let write = || -> std::io::Result<()> {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let new = self.path.with_extension("toml.new");
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)
        };
        write().with_context(|| format!("{} could not be written", self.path.display()))
    }
}

fn default_path() -> anyhow::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let folder = folder.or_else(|| Some(set("HOME")?.join(".config")));
    let folder = folder.context("neither XDG_CONFIG_HOME nor HOME says where settings are kept")?;
    Ok(folder.join("hookstream/credentials.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_kept_and_nobody_else_reads_them() {
        let folder = std::env::temp_dir().join(format!("hookstream-{}", gateway::clock::node_number()));
        let path = folder.join("deep/credentials.toml");
        let mut credentials = Credentials::load_from(path.clone()).expect("there is none yet");
        assert_eq!(credentials.names().count(), 0);
        let profile = |server: &str| Profile { server: server.to_owned(), api_key: "hs_live_\"quoted\"".to_owned() };
        credentials.set(DEFAULT, profile("https://hooks.example.com")).expect("it is written");
        credentials.set("staging-2", profile("http://127.0.0.1:3000")).expect("it is written");
        assert!(credentials.set("two words", profile("x")).is_err());
        let mut read = Credentials::load_from(path.clone()).expect("it reads");
        assert_eq!(read.get(DEFAULT), Some(&profile("https://hooks.example.com")));
        assert_eq!(read.names().collect::<Vec<_>>(), [DEFAULT, "staging-2"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(read.remove(DEFAULT).expect("it is written") && !read.remove(DEFAULT).expect("nothing to do"));
        std::fs::write(&path, "profiles = 1").expect("writes");
        assert!(Credentials::load_from(path).is_err());
        std::fs::remove_dir_all(folder).expect("it goes");
    }
}
