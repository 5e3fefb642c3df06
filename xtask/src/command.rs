//! Running other programs, with errors that name what was run.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs to the end with this process's own input and output; a non-zero exit is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs to the end and returns what it wrote to its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr);
        bail!("{} ended with {status}\n{}", shown(command), said.trim());
    }
    String::from_utf8(stdout).with_context(|| format!("{} wrote something that is not UTF-8", shown(command)))
}

/// Gives it the content as standard input and returns what it makes of it. Meant for programs that
/// read everything before they write.
pub fn transform(command: &mut Command, content: &[u8]) -> Result<Vec<u8>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let mut input = child.stdin.take().context("a piped input is missing")?;
    input.write_all(content)?;
    drop(input);
    let Output { status, stdout, .. } = child.wait_with_output()?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(stdout)
}

/// Whether it can be started and succeeds; nothing of it is shown.
pub fn succeeds(command: &mut Command) -> bool {
    silenced(command).status().is_ok_and(|status| status.success())
}

/// Whether it succeeds within the given time; it is ended when it does not.
pub fn succeeds_within(command: &mut Command, limit: Duration) -> bool {
    let Ok(mut child) = silenced(command).spawn() else {
        return false;
    };
    let start = Instant::now();
    while start.elapsed() < limit {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(POLL_INTERVAL),
            Err(_) => break,
        }
    }
    // It may have ended by itself in between; there is nothing left to do then.
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// The command as one would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}

fn silenced(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
