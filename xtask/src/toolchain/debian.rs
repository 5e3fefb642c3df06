//! Debian's own Rust, for machines where rustup cannot fetch the browser target.
//!
//! Debian ships no standard library for the browser target, but its source: it is compiled once and
//! put where the compiler looks for it. The linker has to be of the LLVM that the compiler is
//! built on.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{Decision, LINKER_VARIABLE, WASM_TARGET, clean_command, rustc::Rustc};
use crate::{command, packages};

pub const LINT_PACKAGES: [&str; 2] = ["rust-web-clippy", "rustfmt-web"];
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", SOURCE_PACKAGE];
const SOURCE_PACKAGE: &str = "rust-web-src";

const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const BIN: &str = "/usr/bin";
const RUSTLIB: &str = "/usr/lib/rustlib";

/// The empty crate that the standard library is compiled for.
const SCRATCH_CRATE: &str = "wasm-std";

/// The name under which rustup knows Debian's toolchain.
const RUSTUP_NAME: &str = "debian";

/// Debian's toolchain, able to compile for the browser.
pub struct Debian {
    rustc: Rustc,
    linker: String,
}

/// Debian's toolchain, when nothing is left to do for it.
pub fn ready(scratch: &Path) -> Option<Debian> {
    let rustc = Rustc::at(RUSTC)?;
    let linker = linker_of(&rustc)?;
    rustc.compiles_for_browser(scratch, Some(linker.as_ref())).then_some(Debian { rustc, linker })
}

/// Installs the packages and compiles the standard library, each only when it is missing.
pub fn set_up(scratch: &Path) -> Result<Debian> {
    let wanted = [PACKAGES.as_slice(), &LINT_PACKAGES].concat();
    if wanted.iter().any(|package| !is_installed(package)) {
        packages::install(&wanted)?;
    }
    let rustc = Rustc::at(RUSTC).with_context(|| format!("{RUSTC} does not start"))?;
    if !rustc.is_recent_enough() {
        bail!("Debian's rustc {} is too old; update the system or use rustup", rustc.release());
    }
    let llvm = rustc.llvm_major().context("rustc names no LLVM version")?;
    if linker_of(&rustc).is_none() {
        packages::install(&[&format!("lld-{llvm}")])?;
    }
    if let Some(debian) = ready(scratch) {
        return Ok(debian);
    }
    install_standard_library(scratch)?;
    ready(scratch).context("Debian's rustc still does not compile for the browser")
}

impl Debian {
    /// Cargo reaches it through rustup where there is one, so that `RUSTUP_TOOLCHAIN=debian cargo …`
    /// typed by hand uses the same target folder; elsewhere by `PATH`.
    pub fn decision(&self) -> Result<Decision> {
        let release = self.rustc.release();
        let mut environment = vec![(LINKER_VARIABLE, OsString::from(&self.linker))];
        let name = if packages::find_program("rustup").is_some() {
            link_into_rustup()?;
            environment.push(("RUSTUP_TOOLCHAIN", RUSTUP_NAME.into()));
            format!("Debian's rustc {release} (RUSTUP_TOOLCHAIN={RUSTUP_NAME}), linker {}", self.linker)
        } else {
            environment.push(("PATH", path_with_bin_first()?));
            format!("Debian's rustc {release} ({RUSTC}), linker {}", self.linker)
        };
        Ok((name, environment))
    }
}

fn linker_of(rustc: &Rustc) -> Option<String> {
    let linker = format!("wasm-ld-{}", rustc.llvm_major()?);
    Path::new(BIN).join(&linker).exists().then_some(linker)
}

fn is_installed(package: &str) -> bool {
    command::output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

fn link_into_rustup() -> Result<()> {
    let known = command::succeeds(clean_command("rustup").args(["which", "rustc", "--toolchain", RUSTUP_NAME]));
    if known {
        return Ok(());
    }
    command::run(clean_command("rustup").args(["toolchain", "link", RUSTUP_NAME, "/usr"]))
}

fn path_with_bin_first() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(BIN)).chain(env::split_paths(&path));
    env::join_paths(folders).context("PATH cannot be extended")
}

fn install_standard_library(scratch: &Path) -> Result<()> {
    require_source()?;
    let built = compile_standard_library(scratch)?;
    let place = Path::new(RUSTLIB).join(WASM_TARGET).join("lib");
    if !packages::is_root() {
        bail!(
            "run `sudo install -D --mode=644 --target-directory={} {}/*.rlib` and start again",
            place.display(),
            built.display(),
        );
    }
    // Libraries of an earlier compiler would be found beside the new ones.
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(&place)?;
    for library in fs::read_dir(&built)? {
        let library = library?;
        fs::copy(library.path(), place.join(library.file_name()))?;
    }
    fs::remove_dir_all(scratch.join(SCRATCH_CRATE))?;
    Ok(())
}

/// Cargo looks for the source below the toolchain; the package normally puts a link there.
fn require_source() -> Result<()> {
    let expected = Path::new(RUSTLIB).join("src/rust");
    if expected.join("library/Cargo.toml").exists() {
        return Ok(());
    }
    let files = command::output(Command::new("dpkg").args(["--listfiles", SOURCE_PACKAGE]))?;
    let source = files
        .lines()
        .find_map(|line| line.strip_suffix("/library/std/Cargo.toml"))
        .with_context(|| format!("{SOURCE_PACKAGE} holds no source of the standard library"))?;
    bail!("run `ln -sfn {source} {}` as root and start again", expected.display())
}

/// Compiles an empty crate together with the standard library; returns the folder of the libraries.
fn compile_standard_library(scratch: &Path) -> Result<PathBuf> {
    let crate_folder = scratch.join(SCRATCH_CRATE);
    if crate_folder.exists() {
        fs::remove_dir_all(&crate_folder)?;
    }
    fs::create_dir_all(crate_folder.join("src"))?;
    fs::write(crate_folder.join("src/lib.rs"), "#![no_std]\n")?;
    fs::write(crate_folder.join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2024\"\n\n[workspace]\n")?;
    command::run(
        clean_command(CARGO)
            .args(["build", "--release", "-Z", "build-std=std,panic_abort,proc_macro"])
            .args(["--target", WASM_TARGET, "--target-dir", "target"])
            .current_dir(&crate_folder)
            .env("RUSTC", RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env_remove("RUSTFLAGS"),
    )?;
    let libraries = crate_folder.join("libraries");
    fs::create_dir_all(&libraries)?;
    for file in fs::read_dir(crate_folder.join("target").join(WASM_TARGET).join("release/deps"))? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        let is_library = Path::new(&*name).extension().is_some_and(|kind| kind == "rlib");
        if is_library && !name.starts_with("libempty-") {
            fs::copy(file.path(), libraries.join(&*name))?;
        }
    }
    Ok(libraries)
}
