//! The desk: every command that changes a user passes here, in batches of one commit.
//!
//! A thread takes what waits, loads the rows, lets the rules decide command by command, writes, commits, lets the standings follow and only
//! then answers. There is no timer: a batch grows while the commit before it runs. The desk knows nothing of HTTP and contains no rule.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use engine::apply::apply;
use engine::catalog::Catalog;
use engine::command::{Command, Refusal};
use engine::id::{Ids, UserId};
use engine::outcome::{Outcome, Reply};
use jiff::Timestamp;
use store::access::Versions;
use store::batch::Item;
use store::driver::Tx;
use store::outbox::Pending;
use store::{Space, Store};
use tokio::sync::{mpsc, oneshot};

use crate::catalogs::Catalogs;
use crate::clock::Clock;
use crate::ranks::{Ranks, Standing};
use crate::telemetry;

/// The most commands in one commit.
const BATCH_MAX: usize = 256;
/// The most commands that wait at one desk; more are told to come back.
const QUEUE_MAX: usize = 4_096;

/// What the desks of a process share.
#[derive(Debug)]
pub struct Room {
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// Compiled configurations.
    pub catalogs: Arc<Catalogs>,
    /// Standings.
    pub ranks: Arc<Ranks>,
    /// The time.
    pub clock: Clock,
    /// Makes ids.
    pub ids: Mutex<Ids>,
    /// Batches pass together; a change of configuration passes alone, so that no batch decides by a
    /// catalog that is being replaced and standings are rebuilt from a state nobody is changing.
    pub gate: RwLock<()>,
}

/// A command that waits for its turn.
#[derive(Debug)]
struct Waiting {
    space: Space,
    access_version: Option<i64>,
    user: String,
    command: Command,
    reply: oneshot::Sender<Verdict>,
}

/// What the desk answers.
#[derive(Debug)]
pub enum Verdict {
    /// It was carried out and is durable.
    Done(Box<Answer>),
    /// It was refused; nothing changed.
    Refused(Refusal),
    /// Keys or tenants changed since the caller was let in: look again, here is the command.
    Stale(String, Box<Command>),
    /// The store failed; nothing changed.
    Failed(store::Error),
    /// The queue is full.
    Full,
}

/// What came of a command.
#[derive(Debug)]
pub struct Answer {
    /// What the rules answer.
    pub reply: Reply,
    /// The catalog they decided by.
    pub catalog: Arc<Catalog>,
    /// Where the user stands on the boards of the reply.
    pub standings: Vec<Standing>,
    /// When.
    pub at: Timestamp,
}

/// The way to the desks. Dropping it lets them finish what was accepted.
#[derive(Debug)]
pub struct Desk {
    queues: Vec<mpsc::Sender<Waiting>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Desk {
    /// Opens `count` desks, each a thread of its own. An embedded store has one writer and so one desk.
    pub fn open(room: &Arc<Room>, count: usize) -> std::io::Result<Self> {
        let mut desk = Self {
            queues: Vec::new(),
            threads: Vec::new(),
        };
        for number in 0..count.max(1) {
            let (sender, mut queue) = mpsc::channel(QUEUE_MAX);
            let room = room.clone();
            // Each desk makes its own ids: the shared generator would make the desks wait for one another.
            let seed = room
                .ids
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .random();
            let thread = std::thread::Builder::new()
                .name(format!("desk-{number}"))
                .spawn(move || serve(&room, &mut queue, Ids::seeded(seed)))?;
            desk.queues.push(sender);
            desk.threads.push(thread);
        }
        Ok(desk)
    }

    /// A desk that takes nothing.
    pub fn closed() -> Self {
        Self {
            queues: Vec::new(),
            threads: Vec::new(),
        }
    }

    /// Hands in a command and waits for the commit. `access_version` is that of the caller's
    /// authentication; work that the server does by itself has none.
    pub async fn ask(
        &self,
        space: Space,
        access_version: Option<i64>,
        user: String,
        command: Command,
    ) -> Verdict {
        let Some(queue) = self.queue(space, &user) else {
            return Verdict::Full;
        };
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            space,
            access_version,
            user,
            command,
            reply,
        };
        if queue.try_send(waiting).is_err() {
            return Verdict::Full;
        }
        answer.await.unwrap_or(Verdict::Full)
    }

    /// Hands in work that the server does by itself, waiting for room in the queue.
    pub async fn ask_patiently(&self, space: Space, user: String, command: Command) -> Verdict {
        let Some(queue) = self.queue(space, &user) else {
            return Verdict::Full;
        };
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            space,
            access_version: None,
            user,
            command,
            reply,
        };
        if queue.send(waiting).await.is_err() {
            return Verdict::Full;
        }
        answer.await.unwrap_or(Verdict::Full)
    }

    /// How many commands wait.
    pub fn depth(&self) -> usize {
        self.queues
            .iter()
            .map(|queue| queue.max_capacity() - queue.capacity())
            .sum()
    }

    /// Lets the desks finish what was accepted and waits for them. Blocks.
    pub fn close(&mut self) {
        self.queues.clear();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a desk ended with a panic");
            }
        }
    }

    /// One user is always served by one desk, so that its commands keep their order. (Commands by
    /// our id and by the caller's may meet at different desks; the row lock orders those.)
    fn queue(&self, space: Space, user: &str) -> Option<&mpsc::Sender<Waiting>> {
        if self.queues.len() <= 1 {
            return self.queues.first();
        }
        let mut hasher = DefaultHasher::new();
        (space, user).hash(&mut hasher);
        let lanes = u64::try_from(self.queues.len()).unwrap_or(1);
        self.queues
            .get(usize::try_from(hasher.finish() % lanes).unwrap_or(0))
    }
}

fn serve(room: &Room, queue: &mut mpsc::Receiver<Waiting>, mut ids: Ids) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while let Some(first) = queue.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH_MAX {
            match queue.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        telemetry::batch_size(batch.len());
        // A panic is a fault of ours; it must not end the desk and with it every command to come.
        let carried = catch_unwind(AssertUnwindSafe(|| carry_out(room, &batch, &mut ids)));
        let results = carried.unwrap_or_else(|_| {
            let failed = || Verdict::Failed(store::Error::broken("the desk panicked"));
            batch.iter().map(|_| Ok(failed())).collect()
        });
        for (waiting, result) in batch.drain(..).zip(results) {
            let verdict = result
                .unwrap_or_else(|Stale| Verdict::Stale(waiting.user, Box::new(waiting.command)));
            // Nobody waits any more when a client has gone; what was done stays done.
            drop(waiting.reply.send(verdict));
        }
    }
}

/// The caller of a command has to be looked at again.
#[derive(Clone, Copy, Debug)]
struct Stale;

/// Carries out a batch; if the database refuses it as a whole, command by command, so that a culprit
/// fails alone.
fn carry_out(room: &Room, batch: &[Waiting], ids: &mut Ids) -> Vec<Result<Verdict, Stale>> {
    match commit(room, batch, ids) {
        Ok(verdicts) => verdicts,
        Err(error @ (store::Error::Full | store::Error::Unknown(_))) => {
            // Repeating would not help, or might do it twice.
            tracing::error!(error = ?error, commands = batch.len(), "a batch failed");
            let failed = || match &error {
                store::Error::Full => store::Error::Full,
                _ => store::Error::broken("it is not known whether the batch was stored"),
            };
            batch
                .iter()
                .map(|_| Ok(Verdict::Failed(failed())))
                .collect()
        }
        Err(error) => {
            tracing::warn!(%error, commands = batch.len(), "a batch is repeated one by one");
            batch
                .iter()
                .map(|waiting| {
                    alone(room, waiting, ids).unwrap_or_else(|error| Ok(Verdict::Failed(error)))
                })
                .collect()
        }
    }
}

fn alone(room: &Room, waiting: &Waiting, ids: &mut Ids) -> store::Result<Result<Verdict, Stale>> {
    let mut tries = 0;
    loop {
        match commit(room, std::slice::from_ref(waiting), ids) {
            Ok(mut verdicts) => {
                return verdicts
                    .pop()
                    .ok_or_else(|| store::Error::broken("no verdict"));
            }
            // Another process stood in the way: the rows are as they were, look again.
            Err(store::Error::Busy | store::Error::Conflict(_)) if tries < 5 => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A command that was applied, before its commit.
struct Applied {
    user: UserId,
    outcome: Outcome,
    catalog: Arc<Catalog>,
    at: Timestamp,
}

fn commit(
    room: &Room,
    batch: &[Waiting],
    ids: &mut Ids,
) -> store::Result<Vec<Result<Verdict, Stale>>> {
    let gate = room.gate.read().unwrap_or_else(PoisonError::into_inner);
    let started = telemetry::start();
    let results = room.store.write(|tx| decide(room, tx, batch, ids))?;
    telemetry::committed(started);
    let verdicts = batch
        .iter()
        .zip(results)
        .map(|(waiting, result)| {
            let Applied {
                outcome,
                catalog,
                at,
                ..
            } = *result?;
            let changes = match &outcome.reply {
                Reply::Event(event) => event.boards.as_slice(),
                _ => &[],
            };
            let standings = if outcome.moves.is_empty() {
                Vec::new()
            } else {
                room.ranks.fold(
                    &room.store,
                    waiting.space,
                    &catalog,
                    &outcome.moves,
                    changes,
                )
            };
            Ok(match outcome.reply {
                Reply::Refused(refusal) => Verdict::Refused(refusal),
                reply => Verdict::Done(Box::new(Answer {
                    reply,
                    catalog,
                    standings,
                    at,
                })),
            })
        })
        .collect();
    drop(gate);
    Ok(verdicts)
}

/// Loads, applies and saves one batch inside a transaction.
fn decide(
    room: &Room,
    tx: &mut Tx<'_>,
    batch: &[Waiting],
    ids: &mut Ids,
) -> store::Result<Vec<Result<Box<Applied>, Stale>>> {
    let spaces: BTreeSet<Space> = batch.iter().map(|waiting| waiting.space).collect();
    let spaces: Vec<Space> = spaces.into_iter().collect();
    let versions: BTreeMap<Space, Versions> = store::access::versions_of(tx, &spaces)?
        .into_iter()
        .collect();
    let mut catalogs: HashMap<Space, Arc<Catalog>> = HashMap::new();
    for (space, versions) in &versions {
        catalogs.insert(*space, room.catalogs.get(tx, *space, versions.config)?);
    }
    let is_current = |waiting: &Waiting| {
        versions.get(&waiting.space).is_some_and(|versions| {
            waiting
                .access_version
                .is_none_or(|version| version == versions.access)
        })
    };
    let find = |space: Space| catalogs.get(&space).cloned();
    let items: Vec<(usize, Item<'_>)> = batch
        .iter()
        .enumerate()
        .filter(|(_, waiting)| is_current(waiting))
        .map(|(index, waiting)| {
            let item = Item {
                space: waiting.space,
                user: &waiting.user,
                command: &waiting.command,
                now: room.clock.stamp(),
            };
            (index, item)
        })
        .collect();
    let only_items: Vec<Item<'_>> = items.iter().map(|(_, item)| *item).collect();
    let mut set = store::batch::load(tx, &find, &only_items, ids, true)?;
    let mut results: Vec<Result<Box<Applied>, Stale>> = batch.iter().map(|_| Err(Stale)).collect();
    for (index, item) in &items {
        let Some(catalog) = find(item.space) else {
            continue;
        };
        let Some(state) = set.state(item.space, item.user) else {
            continue;
        };
        let outcome = apply(&catalog, state, item.command, item.now, ids);
        results[*index] = Ok(Box::new(Applied {
            user: state.user.get().id,
            outcome,
            catalog,
            at: item.now,
        }));
    }
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut notices = Vec::new();
    for (waiting, result) in batch.iter().zip(&results) {
        let Ok(applied) = result else {
            continue;
        };
        outcomes.push((waiting.space, applied.user, &applied.outcome));
        if applied.catalog.has_listeners {
            notices.extend(applied.outcome.notices.iter().map(|notice| Pending {
                id: ids.uuid(applied.at),
                space: waiting.space,
                user: applied.user,
                notice,
                at_us: applied.at.as_microsecond(),
            }));
        }
    }
    store::batch::save(tx, &mut set, &outcomes, &notices)?;
    Ok(results)
}
