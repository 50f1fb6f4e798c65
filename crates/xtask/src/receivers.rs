//! Webhooks of a running release binary against receivers that behave well and badly: who gets what, who keeps whom waiting,
//! what a killed process loses, and which addresses are refused.
//!
//! Takes about a minute and a half: a receiver that hangs is given up after one minute, and a retry follows after another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::receiver::{Behaviour, CLOSED, HOST, Receiver};

use crate::server::Server;

/// Messages to every receiver that behaves badly, and to each of those that behave well.
const TO_BAD: usize = 20;
const TO_WELL: usize = 100;
/// Messages of the process that is killed, and how often it is.
const KILLED: usize = 100;
const KILLS: usize = 3;
/// How long the receivers that behave badly are watched.
const WATCHED: Duration = Duration::from_secs(70);
/// How long something that must come may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run this binary instead of building the present one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The store to run on
    #[arg(long, default_value = "sqlite")]
    store: String,
}

/// Builds the release binary, runs it against the receivers and prints what came of it; fails if anything was lost.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => crate::build_release()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let killed = kill(&binary, &options.store).await?;
        crate::say(&killed);
        let behaved = behave(&binary, &options.store).await?;
        crate::say(&behaved);
        Ok(())
    })
}

fn server(binary: &Path, store: &str) -> Result<Server> {
    Server::start(binary, store, &["--webhook-allow", HOST, "--log", "error"])
}

async fn endpoint(server: &Server, url: &str) -> Result<String> {
    let item = json!({"name": "Receiver", "url": url, "events": ["streak.lost"]});
    server.create("/admin/v1/webhooks", item).await
}

/// Hands in a message and answers the id of what happened.
async fn send(server: &Server, endpoint: &str) -> Result<String> {
    let path = format!("/admin/v1/webhooks/{endpoint}/test");
    let body = json!({"type": "streak.lost"});
    let (status, answer) = server.call("POST", &path, Some(&body)).await?;
    ensure!(status == 201, "POST {path}: {status} {answer}");
    let id = answer["eventId"].as_str().context("a message has an id")?;
    Ok(id.to_owned())
}

/// How often each message came.
fn counted(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for received in receiver.received() {
        let id = received.header("x-trophy-event-id").to_owned();
        *counted.entry(id).or_default() += 1;
    }
    counted
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        ensure!(Instant::now() < deadline, "{what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Kills the process while it delivers: everything that was acknowledged must arrive, under its own id.
async fn kill(binary: &Path, store: &str) -> Result<String> {
    let mut server = server(binary, store)?;
    let receiver = Receiver::start(Behaviour::Slow(Duration::from_millis(200)));
    let id = endpoint(&server, &receiver.url()).await?;
    let mut acknowledged = BTreeSet::new();
    for round in 1..=KILLS {
        for _ in 0..KILLED {
            acknowledged.insert(send(&server, &id).await?);
        }
        // With requests under way: more than this round's first ones have come, not all of them.
        let some = (round - 1) * KILLED + KILLED / 2;
        until("deliveries begin", || counted(&receiver).len() >= some).await?;
        server.kill_and_restart()?;
    }
    let all = |receiver: &Receiver| {
        acknowledged
            .iter()
            .all(|id| counted(receiver).contains_key(id))
    };
    // Claims of other processes end by themselves; with a store of its own the process ends them.
    let arrived = until("everything arrives", || all(&receiver)).await;
    let came = counted(&receiver);
    let missing = acknowledged.iter().filter(|id| !came.contains_key(*id));
    let missing = missing.count();
    let unknown = came.keys().filter(|id| !acknowledged.contains(*id)).count();
    let repeated: usize = came.values().map(|times| times - 1).sum();
    ensure!(
        missing == 0,
        "{missing} of {} messages were lost",
        acknowledged.len()
    );
    arrived?;
    ensure!(
        unknown == 0,
        "{unknown} messages under ids that nobody knows"
    );
    Ok(format!(
        "\nSIGKILL while delivering, {KILLS} times: {} messages acknowledged, {missing} missing, \
         {repeated} repeated, each under its own id.",
        acknowledged.len()
    ))
}

struct Bad {
    name: &'static str,
    endpoint: String,
    receiver: Option<Receiver>,
}

/// One table row per behaviour, the lag of those who behave well, and the addresses that are refused.
async fn behave(binary: &Path, store: &str) -> Result<String> {
    let server = server(binary, store)?;
    let well = [
        Receiver::start(Behaviour::Fine),
        Receiver::start(Behaviour::Fine),
    ];
    let mut ways = Vec::new();
    for receiver in &well {
        ways.push(endpoint(&server, &receiver.url()).await?);
    }
    let alone = lag(&server, &well, &ways).await?;
    let elsewhere = Receiver::start(Behaviour::Fine);
    let mut bad = Vec::new();
    for (name, behaviour) in [
        ("500", Behaviour::Status(500)),
        ("301 to another", Behaviour::Redirect(elsewhere.url())),
        ("410", Behaviour::Status(410)),
        ("429, Retry-After: 30", Behaviour::Throttle(30)),
        ("closes without a word", Behaviour::Close),
        ("closes in the head", Behaviour::CloseMidWay),
        ("hangs", Behaviour::Hang),
        ("a byte every 0.1 s", Behaviour::Drip),
        ("1 GB of body", Behaviour::Huge),
    ] {
        let receiver = Receiver::start(behaviour);
        let endpoint = endpoint(&server, &receiver.url()).await?;
        bad.push(Bad {
            name,
            endpoint,
            receiver: Some(receiver),
        });
    }
    let no_tls = Receiver::start(Behaviour::Fine);
    for (name, url, receiver) in [
        ("down", Receiver::url_of_nobody(), None),
        (
            "TLS that is none",
            no_tls.url().replace("http:", "https:"),
            Some(no_tls),
        ),
    ] {
        let endpoint = endpoint(&server, &url).await?;
        bad.push(Bad {
            name,
            endpoint,
            receiver,
        });
    }
    let started = Instant::now();
    for one in &bad {
        for _ in 0..TO_BAD {
            let path = format!("/admin/v1/webhooks/{}/test", one.endpoint);
            // One is switched off before it has heard everything.
            let (status, answer) = server
                .call("POST", &path, Some(&json!({"type": "streak.lost"})))
                .await?;
            ensure!(
                [201, 409].contains(&status),
                "POST {path}: {status} {answer}"
            );
        }
    }
    let beside = lag(&server, &well, &ways).await?;
    let refused = closed(&server).await?;
    tokio::time::sleep(WATCHED.saturating_sub(started.elapsed())).await;
    let late = lag(&server, &well, &ways).await?;
    let mut table = String::from(
        "\n| receiver | messages | attempts | requests seen | delivered | pending | failed | endpoint |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for one in &bad {
        row(&server, &mut table, one).await?;
    }
    ensure!(elsewhere.received().is_empty(), "a redirect was followed");
    writeln!(
        table,
        "\n| lag of two healthy endpoints | p50 ms | p99 ms |\n|---|---|---|"
    )?;
    for (when, lag) in [
        ("alone", &alone),
        ("beside the others, at their first attempts", &beside),
        ("beside the others, at their retries", &late),
    ] {
        writeln!(
            table,
            "| {when} | {:.1} | {:.1} |",
            at(lag, 50),
            at(lag, 99)
        )?;
    }
    let memory = server
        .memory_mib()
        .map_or_else(|| "unknown".to_owned(), |mib| format!("{mib} MiB"));
    write!(
        table,
        "\nAddresses inside: {refused}. Memory at most: {memory}."
    )?;
    Ok(table)
}

async fn row(server: &Server, table: &mut String, one: &Bad) -> Result<()> {
    let path = format!("/admin/v1/webhooks/{}", one.endpoint);
    let (_, shown) = server.call("GET", &path, None).await?;
    let (_, listed) = server
        .call("GET", &format!("{path}/deliveries?limit=100"), None)
        .await?;
    let listed = listed.as_array().context("a list of messages")?;
    let count = |status: &str| listed.iter().filter(|one| one["status"] == status).count();
    let attempts: usize = listed
        .iter()
        .map(|one| one["attempts"].as_array().map_or(0, Vec::len))
        .sum();
    let seen = one
        .receiver
        .as_ref()
        .map_or(0, |receiver| receiver.received().len());
    writeln!(
        table,
        "| {} | {} | {attempts} | {seen} | {} | {} | {} | {} |",
        one.name,
        listed.len(),
        count("delivered"),
        count("pending"),
        count("failed"),
        shown["status"].as_str().unwrap_or_default(),
    )?;
    Ok(())
}

/// How long messages to those who behave well take from their acknowledgement to their arrival, in ascending order.
async fn lag(server: &Server, well: &[Receiver], ways: &[String]) -> Result<Vec<Duration>> {
    let mut acknowledged = BTreeMap::new();
    for _ in 0..TO_WELL {
        for way in ways {
            let id = send(server, way).await?;
            acknowledged.insert(id, Instant::now());
        }
    }
    let arrived = || -> BTreeMap<String, Instant> {
        well.iter()
            .flat_map(Receiver::received)
            .map(|one| (one.header("x-trophy-event-id").to_owned(), one.at))
            .collect()
    };
    until("healthy receivers get everything", || {
        let arrived = arrived();
        acknowledged.keys().all(|id| arrived.contains_key(id))
    })
    .await?;
    let arrived = arrived();
    let mut lag: Vec<Duration> = acknowledged
        .iter()
        .filter_map(|(id, sent)| Some(arrived.get(id)?.saturating_duration_since(*sent)))
        .collect();
    lag.sort_unstable();
    Ok(lag)
}

/// A percentile in milliseconds.
fn at(lag: &[Duration], percent: usize) -> f64 {
    let index = lag.len().saturating_sub(1) * percent / 100;
    lag.get(index)
        .map_or(0.0, |lag| lag.as_secs_f64() * 1_000.0)
}

/// Tries to make endpoints at every closed address, and to reach this machine by its name.
async fn closed(server: &Server) -> Result<String> {
    let mut open: Vec<&str> = Vec::new();
    for host in CLOSED {
        let item = json!([{"name": "Inside", "url": format!("http://{host}/"), "events": ["streak.lost"]}]);
        let (_, answer) = server
            .call("POST", "/admin/v1/webhooks", Some(&item))
            .await?;
        if answer["created"] != json!([]) {
            open.push(host);
        }
    }
    ensure!(open.is_empty(), "these lead inside: {open:?}");
    let mut text = format!("{} of {} refused", CLOSED.len(), CLOSED.len());
    if let Some(outcome) = own_name(server).await? {
        write!(text, "; the name of this machine: {outcome}")?;
    }
    Ok(text)
}

/// What came of a message to this machine by its name, if it has one.
async fn own_name(server: &Server) -> Result<Option<String>> {
    let Ok(name) = std::fs::read_to_string("/etc/hostname") else {
        return Ok(None);
    };
    let id = endpoint(
        server,
        &format!("http://{}:{}/", name.trim(), server.address.port()),
    )
    .await?;
    send(server, &id).await?;
    let path = format!("/admin/v1/webhooks/{id}/deliveries");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let (_, listed) = server.call("GET", &path, None).await?;
        if let Some(error) = listed[0]["attempts"][0]
            .get("error")
            .and_then(Value::as_str)
        {
            return Ok(Some(error.to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(Some("no attempt".to_owned()))
}
