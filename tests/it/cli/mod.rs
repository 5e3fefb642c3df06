//! The command line, as people and scripts run it: against a running server, and in a terminal.

mod listen;
mod login;
mod resources;
mod screen;

use std::process::{Command, Output};

use serde_json::Value;

use crate::world::{Server, World};

/// A shell in which a server and a key are set.
struct Shell<'a> {
    world: &'a World,
    server: String,
    key: String,
}

/// What a command said before it ended.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl<'a> Shell<'a> {
    fn new(world: &'a World, server: &Server) -> Self {
        Self::at(world, server.address())
    }

    /// The server is reached by way of another address.
    fn at(world: &'a World, address: impl std::fmt::Display) -> Self {
        Self { world, server: format!("http://{address}"), key: world.account.api_key.clone() }
    }

    fn with_key(&self, key: &str) -> Self {
        Self { world: self.world, server: self.server.clone(), key: key.to_owned() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments, &[]);
        command.env("HOOKSTREAM_SERVER", &self.server).env("HOOKSTREAM_API_KEY", &self.key);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().expect("the command runs"))
    }

    /// Runs a command that has to succeed, and says its JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        let said = self.run(&arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said:?}"))
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().expect("it ends by itself"),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}
