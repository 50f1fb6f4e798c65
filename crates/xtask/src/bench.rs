//! Load against the release binary: what a product's backend would see.
//!
//! The generator shares the machine with the server; it speaks HTTP by hand over kept connections so that it costs little.
//! Figures of a shared machine swing: compare runs of one table only.

mod second;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::server::{Connection, Server};

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// Single events over HTTP: a metric, a daily streak, five achievements, points with levels, a board.
    Ingest(Ingest),
    /// Activity logs of the second dialect over HTTP: all of the above through the metric of the activity, and a mission that
    /// counts and pays.
    Activities(Ingest),
}

/// See [`Bench::Ingest`].
#[derive(Debug, clap::Args)]
pub(crate) struct Ingest {
    /// Measure this binary instead of building the present one, for a comparison in one session.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How long each run lasts.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Connections at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Numbers of users, one run each.
    #[arg(long, value_delimiter = ',', default_value = "1000,50000")]
    users: Vec<u64>,
    /// Stores to run on.
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    stores: Vec<String>,
}

/// Builds the release binary, runs the measurement and prints a table.
pub(crate) fn run(bench: &Bench) -> Result<()> {
    let (ingest, is_second, what) = match bench {
        Bench::Ingest(ingest) => (ingest, false, "Single events"),
        Bench::Activities(ingest) => (ingest, true, "Activity logs"),
    };
    let binary = match &ingest.binary {
        Some(binary) => binary.clone(),
        None => crate::build_release()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut table = String::from(
        "| store | users | connections | events/s | p50 ms | p99 ms | max ms | refused |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for store in &ingest.stores {
        for users in &ingest.users {
            let server = Server::start(&binary, store, &[])?;
            let run = runtime.block_on(ingest_run(&server, ingest, *users, is_second))?;
            writeln!(
                table,
                "| {store} | {users} | {} | {:.0} | {:.1} | {:.1} | {:.1} | {} |",
                ingest.connections,
                run.per_second,
                run.at(0.50),
                run.at(0.99),
                run.at(1.0),
                run.refused
            )?;
            eprintln!("{store}, {users} users: {:.0} events/s", run.per_second);
        }
    }
    crate::say(&format!(
        "{what} over HTTP, every one durable before its answer; {} s a run, generator on the \
         same {} cores.\n\n{table}",
        ingest.seconds,
        std::thread::available_parallelism().map_or(0, usize::from),
    ));
    Ok(())
}

struct Measured {
    per_second: f64,
    refused: u64,
    latencies_us: Vec<u32>,
}

impl Measured {
    /// A quantile in milliseconds.
    fn at(&self, quantile: f64) -> f64 {
        let last = self.latencies_us.len().saturating_sub(1);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into a list that fits into memory"
        )]
        let index = (last as f64 * quantile).round() as usize;
        self.latencies_us
            .get(index)
            .map_or(0.0, |us| f64::from(*us) / 1_000.0)
    }
}

/// What every connection sends, again and again, for one user or another.
#[derive(Clone)]
enum Load {
    /// Events by key, for users by number.
    Events { key: String, users: u64 },
    /// Activity logs by token, for these users.
    Activities {
        token: String,
        users: std::sync::Arc<[String]>,
    },
}

impl Load {
    /// Header lines, path and body of a request.
    fn request(&self, random: u64) -> (String, &'static str, String) {
        match self {
            Self::Events { key, users } => (
                format!("x-api-key: {key}"),
                "/v1/metrics/steps/event",
                format!(
                    "{{\"user\":{{\"id\":\"user-{}\"}},\"value\":1}}",
                    random % users
                ),
            ),
            Self::Activities { token, users } => {
                let index = usize::try_from(random % users.len().max(1) as u64).unwrap_or(0);
                let user = &users[index];
                (
                    format!("authorization: Bearer {token}\r\nx-user-id: {user}"),
                    "/app/v1/activity-logs",
                    format!("{{\"activityId\":\"steps\",\"userId\":\"{user}\"}}"),
                )
            }
        }
    }
}

async fn ingest_run(
    server: &Server,
    ingest: &Ingest,
    users: u64,
    is_second: bool,
) -> Result<Measured> {
    set_up(server).await?;
    let load = if is_second {
        second::set_up(server, users).await?
    } else {
        Load::Events {
            key: server.key.clone(),
            users,
        }
    };
    let deadline = Instant::now() + Duration::from_secs(ingest.seconds);
    let started = Instant::now();
    let tasks: Vec<_> = (0..ingest.connections)
        .map(|number| {
            let (address, load) = (server.address, load.clone());
            tokio::task::spawn(async move { send(address, &load, number, deadline).await })
        })
        .collect();
    let mut latencies_us = Vec::new();
    let mut refused = 0;
    for task in tasks {
        let (mut latencies, failed) = task.await??;
        latencies_us.append(&mut latencies);
        refused += failed;
    }
    let elapsed = started.elapsed().as_secs_f64();
    latencies_us.sort_unstable();
    let total = server
        .call("GET", "/admin/v1/metrics?limit=1", None)
        .await
        .context("the server answers after the run")?;
    if total.0 != 200 {
        bail!("the server is not well after the run: {}", total.0);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count for a table")]
    let per_second = latencies_us.len() as f64 / elapsed;
    Ok(Measured {
        per_second,
        refused,
        latencies_us,
    })
}

/// One connection: an event, its answer, the next event.
async fn send(
    address: SocketAddr,
    load: &Load,
    number: usize,
    deadline: Instant,
) -> Result<(Vec<u32>, u64)> {
    let mut connection = Connection::open(address).await?;
    let mut random = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut latencies = Vec::with_capacity(16_384);
    let mut refused = 0;
    while Instant::now() < deadline {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (headers, path, body) = load.request(random);
        let started = Instant::now();
        let status = connection.send(&headers, "POST", path, &body).await?;
        if status == 201 {
            let us = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
            latencies.push(us);
        } else {
            refused += 1;
        }
    }
    Ok((latencies, refused))
}

/// The space that the figures are about.
async fn set_up(server: &Server) -> Result<()> {
    let metric = server
        .create(
            "/admin/v1/metrics",
            json!({"name": "Steps", "key": "steps"}),
        )
        .await?;
    let settings = json!({"frequency": "daily", "metrics": [{"key": "steps", "threshold": 1}]});
    let (status, answer) = server
        .call("PATCH", "/admin/v1/streaks/settings", Some(&settings))
        .await?;
    if status != 200 {
        bail!("streak settings: {status} {answer}");
    }
    for value in [1, 10, 50, 100, 1_000] {
        let achievement = json!({
            "name": format!("{value} steps"), "trigger": "metric", "status": "active",
            "metricId": metric, "metricValue": value,
        });
        server.create("/admin/v1/achievements", achievement).await?;
    }
    let system = json!({
        "name": "XP", "key": "xp",
        "levels": [
            {"name": "Bronze", "key": "bronze", "points": 0},
            {"name": "Silver", "key": "silver", "points": 50},
            {"name": "Gold", "key": "gold", "points": 200},
        ],
        "triggers": [
            {"type": "metric", "points": 10, "status": "active", "metricId": metric, "metricThreshold": 5},
            {"type": "streak", "points": 5, "status": "active", "streakLength": 1},
        ],
    });
    server.create("/admin/v1/points", system).await?;
    let board = json!({
        "name": "All", "key": "all", "rankBy": "metric", "metricId": metric, "status": "active",
    });
    server.create("/admin/v1/leaderboards", board).await?;
    Ok(())
}
