//! Where the keys come from that stored secrets are sealed with.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use gateway::secrets::{Keys, Vault};

use super::Config;

/// The keys, and the file where they stand, unless a variable holds them.
pub struct SecretKeys {
    pub keys: Keys,
    pub file: Option<PathBuf>,
}

const IN_DATA_DIR: &str = "secret.key";

impl Config {
    /// Generates a first key where that is allowed.
    pub fn secret_keys(&self) -> anyhow::Result<SecretKeys> {
        if let Some(text) = &self.secret_key {
            if self.secret_key_file.is_some() {
                bail!("set HOOKSTREAM_SECRET_KEY or HOOKSTREAM_SECRET_KEY_FILE, not both");
            }
            let keys = Keys::parse(text).context("HOOKSTREAM_SECRET_KEY is not valid")?;
            return Ok(SecretKeys { keys, file: None });
        }
        let is_alone = self.database().url.starts_with("sqlite:");
        let file = match &self.secret_key_file {
            Some(file) => file.clone(),
            None if is_alone => self.data_dir.join(IN_DATA_DIR),
            None => bail!(
                "HOOKSTREAM_SECRET_KEY or HOOKSTREAM_SECRET_KEY_FILE must be set with PostgreSQL: every process needs the \
                 same 32 bytes as 64 hexadecimal characters (`openssl rand -hex 32` makes them; keep them as safe as the \
                 database)"
            ),
        };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && self.secret_key_file.is_none() => {
                let key = Vault::generate_key();
                write_private(&file, &key).with_context(|| format!("{} cannot be written", file.display()))?;
                key
            }
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        let keys = Keys::parse(&text).with_context(|| format!("{} is not valid", file.display()))?;
        Ok(SecretKeys { keys, file: Some(file) })
    }
}

/// Writes a key before those that the file holds. Either all of it is on the disk afterwards, or the file is as it was.
pub fn put_first(file: &Path, key: &str) -> anyhow::Result<()> {
    let held = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let new = file.with_extension("new");
    // Of one that was broken off.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be removed", new.display()));
        }
        _ => {}
    }
    let write = || -> std::io::Result<()> {
        write_private(&new, &format!("{key}\n{}\n", held.trim_end()))?;
        // Whoever may read the keys may do so as before, although somebody else may write them now.
        let before = fs::metadata(file)?;
        fs::set_permissions(&new, before.permissions())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, chown};
            chown(&new, Some(before.uid()), Some(before.gid()))?;
        }
        fs::rename(&new, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}

/// Writes a file that only its owner may read, and that is not there yet.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
