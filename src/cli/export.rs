//! `hookstream export`: a project's sources, destinations and connections as YAML.

use std::path::PathBuf;

use anyhow::Context;
use domain::configuration::Configuration;

use super::{
    Failure,
    client::{Answer, Server},
    yaml::to_yaml,
};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: Server,
    /// Where to write it [default: standard output]
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// The form in which it is written
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

const HEAD: &str = "\
# Sources, destinations and connections of a hookstream project. Secrets are references: `hookstream apply` fills them in from
# its environment, and leaves a secret that is stored as it is where the reference is not set.
";

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let configuration: Configuration = match arguments.server.api()?.get("/v1/export").await? {
        Answer::Done(configuration) => configuration,
        Answer::Refused(refusal) => return Err(Failure::refused(refusal.detail).into()),
    };
    let value = serde_json::to_value(&configuration)?;
    let text = match arguments.output {
        Format::Yaml => format!("{HEAD}{}", to_yaml(&value)),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&value)?),
    };
    match arguments.out {
        Some(path) => {
            std::fs::write(&path, text).with_context(|| format!("{} could not be written", path.display()))?;
        }
        None => print!("{text}"),
    }
    Ok(())
}
