//! A terminal with a command in it: what it writes can be looked at, and keys can be pressed.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::eventually;

/// A terminal; dropping it ends the command.
pub struct Terminal {
    keys: File,
    child: Child,
    written: Arc<Mutex<Vec<u8>>>,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Terminal {
    /// Runs a command in a session of its own, whose terminal this is.
    pub fn run(command: &Command) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("it may be used");
        let name = ptsname(&controller, Vec::new()).expect("it has a name");
        let user = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it opens");
        let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&user, size).expect("it has a size");
        let end = || File::from(user.try_clone().expect("another end"));
        let mut inside = Command::new("setsid");
        inside.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        inside.env("TERM", "xterm-256color").env_remove("NO_COLOR").stdin(end()).stdout(end()).stderr(end());
        let child = inside.spawn().expect("setsid runs");
        let mut screen = File::from(controller.try_clone().expect("another end"));
        let written = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn({
            let written = Arc::clone(&written);
            move || {
                let mut piece = [0; 4096];
                // It fails once the command has ended.
                while let Ok(length @ 1..) = screen.read(&mut piece) {
                    lock(&written).extend_from_slice(&piece[..length]);
                }
            }
        });
        Self { keys: File::from(controller), child, written }
    }

    /// Everything that was written so far, with what terminals obey.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&lock(&self.written)).into_owned()
    }

    /// The same as somebody reads it: without colours.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let written = self.written();
        let mut rest = written.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '\u{1b}' && rest.peek() == Some(&'[') {
                rest.next();
                while rest.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            } else if c != '\r' {
                text.push(c);
            }
        }
        text
    }

    /// Waits until this was written.
    pub async fn shows(&self, what: &str) {
        eventually(PATIENCE, &format!("the terminal shows {what:?}"), async || {
            self.text().contains(what).then_some(())
        })
        .await;
    }

    /// Waits until this was written behind what was there `since`, a number of bytes of the text.
    pub async fn shows_after(&self, since: usize, what: &str) {
        eventually(PATIENCE, &format!("the terminal shows {what:?} again"), async || {
            self.text().get(since..).is_some_and(|text| text.contains(what)).then_some(())
        })
        .await;
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("they are taken");
    }

    /// Waits until the command has ended. Returns its code.
    pub async fn ends(&mut self) -> i32 {
        let ended =
            eventually(PATIENCE, "the command ends", async || self.child.try_wait().expect("it can be waited for"));
        ended.await.code().expect("it ends by itself")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Its session ends with its terminal; it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("what the terminal showed:\n{}", self.text());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
