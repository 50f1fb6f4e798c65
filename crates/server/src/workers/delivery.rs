//! Brings messages to the endpoints of customers (spec/trophy.md 9.2).
//!
//! Every endpoint has places of its own, so that a slow receiver keeps nobody else waiting. What is on its way is claimed in the
//! store; a process that dies leaves claims that end by themselves, so nothing is lost and several processes share the work.
//! Messages are due by the clock of the machine, whatever test clocks show.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use store::delivery::{self, Claimed, Ended, State};
use store::webhook::{self, Endpoint};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::app::App;
use crate::problem::{Problem, Result};
use crate::webhooks::schedule;

/// Messages under way at once.
const PLACES: usize = 512;
/// Messages under way to one endpoint, and to one that did not take the last one.
const PLACES_OF_ENDPOINT: usize = 16;
const PLACES_OF_FAILING: usize = 4;
/// How long a claim lasts: longer than any attempt may take.
const LEASE: SignedDuration = SignedDuration::from_secs(100);
/// Stamps, from which messages are due, may be a little ahead of the clock.
const AHEAD: SignedDuration = SignedDuration::from_millis(1);
/// The longest sleep: other processes add messages too.
const SLEEP_MAX: Duration = Duration::from_secs(5);
/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of an endpoint.
#[derive(Clone, Copy, Debug)]
struct Lane {
    under_way: usize,
    is_failing: bool,
    /// It asked to be left alone until then.
    quiet_until: Timestamp,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            under_way: 0,
            is_failing: false,
            quiet_until: Timestamp::MIN,
        }
    }
}

impl Lane {
    fn places(&self, now: Timestamp) -> usize {
        let places = if self.is_failing {
            PLACES_OF_FAILING
        } else {
            PLACES_OF_ENDPOINT
        };
        if now < self.quiet_until {
            0
        } else {
            places.saturating_sub(self.under_way)
        }
    }
}

/// An attempt that is over.
#[derive(Clone, Debug)]
struct Over {
    endpoint: Arc<Endpoint>,
    ended: Ended,
    /// The receiver wants nothing any more.
    is_gone: bool,
    quiet_until: Option<Timestamp>,
}

/// What one look at the store led to.
#[derive(Debug)]
struct Turn {
    /// Messages sent off.
    sent: usize,
    /// When something more is due.
    next: Option<Timestamp>,
}

/// Who carries the messages of this process.
#[derive(Debug)]
struct Courier {
    app: App,
    lanes: HashMap<Uuid, Lane>,
    under_way: usize,
    /// Attempts that are over and not written down yet.
    over: Vec<Over>,
    back: mpsc::Receiver<Over>,
    reply: mpsc::Sender<Over>,
    /// Whose turn it is first: endpoints take turns when places are short.
    first: usize,
}

impl Courier {
    fn new(app: &App) -> Self {
        let (reply, back) = mpsc::channel(PLACES);
        Self {
            app: app.clone(),
            lanes: HashMap::new(),
            under_way: 0,
            over: Vec::new(),
            back,
            reply,
            first: 0,
        }
    }

    fn take_back(&mut self, over: Over) {
        let lane = self.lanes.entry(over.endpoint.id).or_default();
        lane.under_way = lane.under_way.saturating_sub(1);
        lane.is_failing = over.ended.state != State::Delivered;
        if let Some(until) = over.quiet_until {
            lane.quiet_until = lane.quiet_until.max(until);
        }
        self.under_way = self.under_way.saturating_sub(1);
        self.over.push(over);
    }

    /// Writes down what is over, and sends off what is due and has a place.
    async fn turn(&mut self) -> Result<Turn> {
        while let Ok(over) = self.back.try_recv() {
            self.take_back(over);
        }
        if !self.over.is_empty() {
            let over = self.over.clone();
            self.app.blocking(move |app| write_down(app, &over)).await?;
            self.over.clear();
        }
        let waiting = self
            .app
            .blocking(|app| {
                app.room
                    .store
                    .read(|tx| Ok::<_, Problem>(delivery::waiting(tx)?))
            })
            .await?;
        let now = self.app.room.clock.now();
        let now = now.checked_add(AHEAD).unwrap_or(now);
        let mut turn = Turn {
            sent: 0,
            next: None,
        };
        let mut wanted = Vec::new();
        let mut places = PLACES.saturating_sub(self.under_way);
        let mut is_short = false;
        self.first = self.first.wrapping_add(1);
        let first = self.first % waiting.len().max(1);
        let (head, tail) = waiting.split_at(first);
        for (endpoint, due) in tail.iter().chain(head) {
            let lane = self.lanes.entry(endpoint.id).or_default();
            let due = (*due).max(lane.quiet_until);
            let free = lane.places(now).min(places);
            if due > now {
                turn.next = Some(turn.next.map_or(due, |next| next.min(due)));
            } else if free > 0 {
                places -= free;
                wanted.push((Arc::new(endpoint.clone()), free));
            } else if places == 0 {
                is_short = true;
            }
        }
        // Endpoints at which nothing waits are forgotten.
        self.lanes.retain(|id, lane| {
            lane.under_way > 0 || waiting.iter().any(|(endpoint, _)| endpoint.id == *id)
        });
        if wanted.is_empty() {
            return Ok(turn);
        }
        let claimed = self
            .app
            .blocking(move |app| claim(app, wanted, now))
            .await?;
        for (endpoint, messages) in claimed {
            for message in messages {
                turn.sent += 1;
                self.send(endpoint.clone(), message);
            }
        }
        // Places that were reserved and not needed are for those who got none.
        if is_short && self.under_way < PLACES {
            turn.next = Some(now);
        }
        Ok(turn)
    }

    fn send(&mut self, endpoint: Arc<Endpoint>, message: Claimed) {
        self.under_way += 1;
        self.lanes.entry(endpoint.id).or_default().under_way += 1;
        let (app, reply) = (self.app.clone(), self.reply.clone());
        tokio::spawn(async move {
            let over = attempt(&app, endpoint, &message).await;
            if reply.send(over).await.is_err() {
                tracing::debug!("an attempt ended after the worker");
            }
        });
    }

    /// Waits until an attempt is over.
    async fn wait(&mut self) {
        if let Some(over) = self.back.recv().await {
            self.take_back(over);
        }
    }
}

/// Sends a message and says what follows.
async fn attempt(app: &App, endpoint: Arc<Endpoint>, message: &Claimed) -> Over {
    let clock = &app.room.clock;
    let sent = app.outbound.send(&endpoint, message, clock.now()).await;
    let now = clock.now();
    let is_gone = sent.status.is_some_and(|status| status.as_u16() == 410);
    let due = if sent.is_success() || is_gone {
        None
    } else {
        schedule::next(message.attempt, message.before, sent.wait, now)
    };
    let state = match due {
        Some(_) => State::Pending,
        None if sent.is_success() => State::Delivered,
        None => State::Failed,
    };
    metrics::counter!("kleos_webhook_attempts_total", "state" => state.as_str()).increment(1);
    Over {
        quiet_until: sent
            .wait
            .filter(|_| state != State::Delivered)
            .and_then(|wait| now.checked_add(wait).ok()),
        ended: Ended {
            endpoint: endpoint.id,
            id: message.id,
            attempt: sent.attempt,
            state,
            due,
        },
        is_gone,
        endpoint,
    }
}

fn write_down(app: &App, over: &[Over]) -> Result<()> {
    app.room.store.write(|tx| {
        let now = app.room.clock.now();
        // Endpoints before messages, as where endpoints are deleted.
        for one in over.iter().filter(|one| one.is_gone) {
            let endpoint = &one.endpoint;
            let reason = "the receiver answered 410 Gone";
            webhook::disable(tx, endpoint.id, &endpoint.url, reason, now)?;
        }
        let ended: Vec<Ended> = over.iter().map(|one| one.ended.clone()).collect();
        Ok(delivery::end(tx, &ended, now)?)
    })
}

type Wanted = Vec<(Arc<Endpoint>, usize)>;

fn claim(app: &App, wanted: Wanted, now: Timestamp) -> Result<Vec<(Arc<Endpoint>, Vec<Claimed>)>> {
    let until = now
        .saturating_add(LEASE)
        .map_err(|error| Problem::internal(&error))?;
    app.room.store.write(|tx| {
        wanted
            .into_iter()
            .map(|(endpoint, places)| {
                let limit = i64::try_from(places).unwrap_or(i64::MAX);
                let claimed = delivery::claim(tx, endpoint.id, limit, now, until)?;
                Ok((endpoint, claimed))
            })
            .collect()
    })
}

/// Sends everything that is due and waits for what comes of it; answers how many attempts that were.
pub async fn step(app: &App) -> Result<usize> {
    let mut courier = Courier::new(app);
    let mut sent = 0;
    loop {
        sent += courier.turn().await?.sent;
        if courier.under_way > 0 {
            courier.wait().await;
        } else if courier.over.is_empty() {
            return Ok(sent);
        }
    }
}

/// Runs until the process ends.
pub async fn run(app: App) {
    if let Err(problem) = app.blocking(release).await {
        tracing::warn!(problem = problem.message, "claims could not be released");
    }
    let mut courier = Courier::new(&app);
    loop {
        let wait = match courier.turn().await {
            Ok(turn) => pause(&app, turn.next),
            Err(problem) => {
                tracing::warn!(problem = problem.message, "messages could not be sent");
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.room.deliveries.notified() => {}
            () = courier.wait() => {}
        }
    }
}

/// Nobody else writes to an embedded store: what is claimed there broke off.
fn release(app: &App) -> Result<()> {
    if !app.room.store.is_embedded() {
        return Ok(());
    }
    let now = app.room.clock.now();
    app.room.store.write(|tx| {
        let released = delivery::release(tx, now)?;
        if released > 0 {
            tracing::info!(
                messages = released,
                "messages that broke off are sent again"
            );
        }
        Ok(())
    })
}

/// How long nothing is due.
fn pause(app: &App, next: Option<Timestamp>) -> Duration {
    let now = app.room.clock.now();
    let wait = next.map(|next| Duration::try_from(next.duration_since(now)).unwrap_or_default());
    wait.unwrap_or(SLEEP_MAX).min(SLEEP_MAX)
}
