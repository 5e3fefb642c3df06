//! `hookstream apply`: makes a project be what a file says. The plan is shown first, and nothing is done without a yes.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

use domain::configuration::{Action, ApplyPlan, Change, each_text, reference};
use serde_json::{Value, json};

use super::{
    Failure,
    client::{Answer, Api, Refusal, Server},
    document,
    yaml::{self, Document},
};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: Server,
    /// The file, or - for the standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: PathBuf,
    /// Only show what would change; exits with 3 when there is anything
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short = 'y', long)]
    yes: bool,
    /// Delete what the file does not name
    #[arg(long)]
    prune: bool,
    /// The form in which the plan is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let api = arguments.server.api()?;
    let (name, text) = document::read(&arguments.file)?;
    let document = yaml::parse(&text)
        .map_err(|error| Failure::invalid(format!("{name}:{}:{}: {}", error.line, error.column, error.message)))?;
    let mut body = with_environment(document.value.clone());
    let Value::Object(fields) = &mut body else {
        return Err(Failure::invalid(format!(
            "{name}:1:1: must be a mapping with sources, destinations and connections"
        ))
        .into());
    };
    // These say how a document is applied, and are no part of one.
    for reserved in ["prune", "dry_run", "plan_id"] {
        if fields.contains_key(reserved) {
            let place = document.place(reserved);
            let message = "is an unknown field here; it is an option of the command";
            return Err(Failure::invalid(format!("{name}:{place}: {reserved} {message}")).into());
        }
    }
    fields.insert("prune".to_owned(), json!(arguments.prune));
    fields.insert("dry_run".to_owned(), json!(true));
    let plan = send(&api, &body, &name, &document).await?;
    if plan.is_empty() || arguments.dry_run {
        show(&plan, arguments.output)?;
        return if plan.is_empty() { Ok(()) } else { Err(Failure::would_change().into()) };
    }
    if arguments.output == Format::Table {
        show(&plan, Format::Table)?;
    }
    if !arguments.yes {
        confirm(&arguments.file)?;
    }
    body["dry_run"] = json!(false);
    body["plan_id"] = json!(plan.plan_id);
    let done = send(&api, &body, &name, &document).await?;
    match arguments.output {
        Format::Json => show(&done, Format::Json)?,
        Format::Table => {
            println!("Applied.");
            for change in &done.changes {
                if let Some(secret) = &change.generated_secret {
                    println!("The signing secret of the destination {}, shown this once: {secret}", change.name);
                }
            }
        }
    }
    Ok(())
}

/// References that the environment knows are filled in. The others mean the secrets that are stored.
fn with_environment(mut value: Value) -> Value {
    each_text(&mut value, &mut |_, text| {
        let set = reference(text).and_then(|name| std::env::var(name).ok()).filter(|value| !value.is_empty());
        if let Some(set) = set {
            *text = set;
        }
    });
    value
}

async fn send(api: &Api, body: &Value, name: &str, document: &Document) -> anyhow::Result<ApplyPlan> {
    match api.post("/v1/apply", body).await? {
        Answer::Done(plan) => Ok(plan),
        Answer::Refused(Refusal { errors, detail, .. }) if errors.is_empty() => Err(Failure::refused(detail).into()),
        Answer::Refused(Refusal { errors, .. }) => {
            let mut lines: Vec<_> = errors
                .iter()
                .map(|error| {
                    let place = document.place(&error.path);
                    (place, format!("{name}:{place}: {} {}", error.path, error.message))
                })
                .collect();
            lines.sort();
            let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
            Err(Failure::invalid(lines.join("\n")).into())
        }
    }
}

fn confirm(file: &Path) -> anyhow::Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || file.as_os_str() == "-" {
        return Err(Failure::unconfirmed("nothing was changed: nobody can be asked here; use --yes").into());
    }
    print!("Apply these changes? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Failure::unconfirmed("nothing was changed").into())
    }
}

fn show(plan: &ApplyPlan, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        println!("{}", serde_json::to_string_pretty(plan)?);
        return Ok(());
    }
    for change in plan.changes.iter().filter(|change| change.action != Action::Unchanged) {
        println!("{}", line(change));
        // All of a new thing is new.
        if change.action == Action::Update {
            for field in &change.fields {
                println!("          {}: {} → {}", field.path, short(&field.from), short(&field.to));
            }
        }
    }
    if plan.is_empty() {
        println!("Nothing to change.");
    } else {
        let count = |action| plan.count(action);
        println!(
            "{} to create, {} to update, {} to delete; {} unchanged",
            count(Action::Create),
            count(Action::Update),
            count(Action::Delete),
            count(Action::Unchanged)
        );
    }
    if plan.unnamed > 0 {
        println!("{} more in the project that the file does not name; --prune deletes them", plan.unnamed);
    }
    Ok(())
}

fn line(change: &Change) -> String {
    format!("{:<9} {:<12} {}", change.action.as_str(), change.resource.as_str(), change.name)
}

/// Characters of a value that the table shows.
const SHOWN: usize = 100;

fn short(value: &Value) -> String {
    if value.is_null() {
        return "(not set)".to_owned();
    }
    let text = value.to_string();
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}
