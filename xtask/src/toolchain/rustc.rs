//! A compiler found on this machine, and what it can do.

use std::{ffi::OsStr, fs, path::Path, process::Command};

use super::{WASM_TARGET, clean_command};
use crate::command;

/// The oldest release that the dependencies were tried with.
const OLDEST: (u32, u32) = (1, 95);

/// A compiler and what it says about itself.
pub struct Rustc {
    program: String,
    release: String,
    llvm_major: Option<String>,
}

impl Rustc {
    /// The compiler of the cargo that started us: rustup's variables and `PATH` lead to it.
    pub fn calling() -> Option<Self> {
        Self::at("rustc")
    }

    pub fn at(program: &str) -> Option<Self> {
        let description = command::output(clean_command(program).arg("-vV")).ok()?;
        let field = |name: &str| {
            let value = description.lines().find_map(|line| line.strip_prefix(name))?;
            Some(value.trim())
        };
        let llvm_major = field("LLVM version:").and_then(|version| version.split('.').next());
        Some(Self {
            program: program.to_owned(),
            release: field("release:")?.to_owned(),
            llvm_major: llvm_major.map(str::to_owned),
        })
    }

    pub fn release(&self) -> &str {
        &self.release
    }

    /// The major version of the LLVM inside, which a linker has to match.
    pub fn llvm_major(&self) -> Option<&str> {
        self.llvm_major.as_deref()
    }

    pub fn is_recent_enough(&self) -> bool {
        let mut numbers = self.release.split('.').map_while(|part| part.parse().ok());
        matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
    }

    /// Compiles and links an empty library, the only answer that covers everything: standard
    /// library present, of this very compiler, and a linker that works.
    pub fn compiles_for_browser(&self, scratch: &Path, linker: Option<&OsStr>) -> bool {
        let probe = scratch.join(format!("probe-{}.wasm", std::process::id()));
        if !self.is_recent_enough() || fs::create_dir_all(scratch).is_err() {
            return false;
        }
        let mut command = self.command();
        command
            .args(["-", "--crate-name", "probe", "--crate-type", "cdylib"])
            .args(["--target", WASM_TARGET, "-o"])
            .arg(&probe);
        if let Some(linker) = linker {
            let mut option = std::ffi::OsString::from("linker=");
            option.push(linker);
            command.arg("-C").arg(option);
        }
        let compiled = command::succeeds(&mut command);
        // Where nothing was compiled there is nothing to remove.
        let _ = fs::remove_file(probe);
        compiled
    }

    fn command(&self) -> Command {
        clean_command(&self.program)
    }
}
