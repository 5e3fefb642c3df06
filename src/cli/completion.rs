//! `hookstream completion`: what a shell needs in order to complete commands and flags.

use clap::CommandFactory;
use clap_complete::Shell;

#[derive(clap::Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments) {
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "hookstream", &mut std::io::stdout());
}
