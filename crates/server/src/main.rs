//! `kleos`: the command line. Reads settings, starts what was asked for; knows nothing of rules, SQL or HTTP.

mod clients;
mod demo;
mod first_start;
mod folder;
mod keys;
mod logging;
mod serve;
mod settings;
mod stages;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use server::clock::Clock;

use crate::logging::print;
use crate::settings::{CommonFlags, ServeFlags, Settings};

/// Gamification server: metrics, achievements, streaks, points and leaderboards.
///
/// Every setting is a flag, a variable `KLEOS_*` or a line of the file named by --config, in this order of precedence.
#[derive(Parser)]
#[command(name = "kleos", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server
    Serve(ServeFlags),
    /// Bring the database to this version; `serve` does it too
    Migrate(CommonFlags),
    /// Manage admin keys, also while the server runs
    #[command(subcommand)]
    Keys(keys::Action),
    /// Manage environments, also while the server runs
    #[command(subcommand)]
    Environments(stages::Action),
    /// Manage the clients that ask for access tokens, also while the server runs
    #[command(subcommand)]
    Clients(clients::Action),
    /// Fill an empty store with a small lively world to look at
    Demo(demo::DemoFlags),
    /// Print the descriptions of the APIs (OpenAPI 3.1, JSON)
    Openapi {
        /// Only one of them
        #[arg(long)]
        api: Option<Api>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Api {
    Application,
    Admin,
    App,
    Dashboard,
}

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(flags) => serve::run(&Settings::of_server(flags)?),
        Command::Migrate(flags) => migrate(&Settings::of_command(flags)?),
        Command::Keys(action) => keys::run(action),
        Command::Environments(action) => stages::run(action),
        Command::Clients(action) => clients::run(action),
        Command::Demo(flags) => demo::run(flags),
        Command::Openapi { api } => describe(api),
    }
}

fn migrate(settings: &Settings) -> anyhow::Result<()> {
    let held = folder::hold(&settings.place)?;
    let store = store::Store::open(settings.place.location())?;
    let now_us = Clock::system().now().as_microsecond();
    let applied = store.with_writer(|conn| store::migrate::migrate(conn, now_us))?;
    for name in &applied {
        print(&format!("applied {name}"));
    }
    if applied.is_empty() {
        print("nothing to do");
    }
    drop(held);
    Ok(())
}

fn describe(api: Option<Api>) -> anyhow::Result<()> {
    let (application, admin) = server::api::descriptions();
    let (app, dashboard) = server::api::second_descriptions();
    let text = match api {
        Some(Api::Application) => serde_json::to_string_pretty(&application)?,
        Some(Api::Admin) => serde_json::to_string_pretty(&admin)?,
        Some(Api::App) => serde_json::to_string_pretty(&app)?,
        Some(Api::Dashboard) => serde_json::to_string_pretty(&dashboard)?,
        None => {
            let mut all = serde_json::Map::new();
            for (name, description) in [
                ("application", application),
                ("admin", admin),
                ("app", app),
                ("dashboard", dashboard),
            ] {
                all.insert(name.to_owned(), serde_json::to_value(&description)?);
            }
            serde_json::to_string_pretty(&all)?
        }
    };
    print(&text);
    Ok(())
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a command that failed"
)]
fn complain(error: &anyhow::Error) {
    eprintln!("kleos: {error:#}");
}
