//! The desk: every command that changes a user passes here, in batches of one commit.
//!
//! A thread takes what waits, loads the rows, lets the rules decide command by command, writes, commits, lets the standings follow and only
//! then answers. There is no timer: a batch grows while the commit before it runs. The desk knows nothing of HTTP and contains no rule.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use engine::apply::apply;
use engine::arrival;
use engine::catalog::Catalog;
use engine::command::{Command, Refusal};
use engine::id::{Ids, UserId};
use engine::outcome::{Move, Outcome, Reply};
use engine::state::UserState;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use store::access::Versions;
use store::answer::Print;
use store::batch::{Decided, Item};
use store::driver::Tx;
use store::outbox::Pending;
use store::{Space, Store};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use crate::catalogs::Catalogs;
use crate::clock::Clock;
use crate::message::{self, Sender, Subject, Told};
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
    /// Makes ids; see [`Room::ids`].
    pub ids: Mutex<Ids>,
    /// Batches pass together; a change of configuration passes alone, so that no batch decides by a
    /// catalog that is being replaced and standings are rebuilt from a state nobody is changing.
    pub gate: RwLock<()>,
    /// Wakes the worker that goes through jobs.
    pub jobs: Notify,
    /// Wakes the worker that dispatches what waits in the outbox.
    pub outbox: Notify,
    /// Wakes the worker that delivers messages: there are new ones.
    pub deliveries: Notify,
}

impl Room {
    /// The shared generator of ids. Whoever holds it must not wait for anything: not for a row either.
    pub fn ids(&self) -> MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A generator of ids for a piece of work, however long it waits.
    pub fn own_ids(&self) -> OwnIds<'_> {
        OwnIds {
            room: self,
            ids: self.ids().fork(),
        }
    }
}

/// Ids for a piece of work. Ids that are made after it come after its own.
#[derive(Debug)]
pub struct OwnIds<'a> {
    room: &'a Room,
    ids: Ids,
}

impl Deref for OwnIds<'_> {
    type Target = Ids;

    fn deref(&self) -> &Ids {
        &self.ids
    }
}

impl DerefMut for OwnIds<'_> {
    fn deref_mut(&mut self) -> &mut Ids {
        &mut self.ids
    }
}

impl Drop for OwnIds<'_> {
    fn drop(&mut self) {
        self.room.ids().rejoin(&self.ids);
    }
}

/// That the answer to a command is to be kept for a while, so that the same request gets the same
/// answer again and is not carried out twice (spec/aworld.md 2.6).
pub struct Keep {
    /// What stands for the request in its space: who asks for what.
    pub fingerprint: [u8; 16],
    /// The status of the answer.
    pub status: u16,
    /// Writes the body of the answer, JSON.
    pub render: Box<Render>,
}

/// What stands for a request that is made of these parts.
pub fn fingerprint(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let mut print = [0; 16];
    print.copy_from_slice(&digest.finalize()[..16]);
    print
}

/// Writes an answer from what the rules answer, the catalog they decided by, and when; nothing where the
/// reply does not fit what was asked.
pub type Render = dyn Fn(&Reply, &Catalog, Timestamp) -> Option<String> + Send;

impl std::fmt::Debug for Keep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keep")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What stands for an event in the queue: its row goes in the transaction that carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The id of the row.
    pub id: Uuid,
    /// When the event came.
    pub arrived: Timestamp,
}

/// Where a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A caller, who was let in at this access version of the environment.
    Request(i64),
    /// The server itself.
    Server,
    /// The queue of events.
    Queue(Ticket),
}

/// A command that waits for its turn.
#[derive(Debug)]
struct Waiting {
    space: Space,
    origin: Origin,
    user: String,
    command: Command,
    keep: Option<Keep>,
    reply: oneshot::Sender<Verdict>,
}

impl Waiting {
    fn print(&self) -> Option<Print> {
        let keep = self.keep.as_ref()?;
        Some((self.space, keep.fingerprint))
    }

    fn ticket(&self) -> Option<Ticket> {
        match self.origin {
            Origin::Queue(ticket) => Some(ticket),
            Origin::Request(_) | Origin::Server => None,
        }
    }

    /// The instant at which the command counts: an event from the queue when it arrived, if it still can.
    fn counts_at(&self, catalog: &Catalog, state: &UserState, now: Timestamp) -> Timestamp {
        match (self.ticket(), &self.command) {
            (Some(ticket), Command::RecordEvent(event)) => {
                arrival::counts_at(catalog, state, event, ticket.arrived, now)
            }
            _ => now,
        }
    }
}

/// What the desk answers.
#[derive(Debug)]
pub enum Verdict {
    /// It was carried out and is durable.
    Done(Box<Answer>),
    /// It was refused; nothing changed.
    Refused(Refusal),
    /// The same request was answered a short while ago; this is that answer, and nothing changed.
    Repeated(store::answer::Answer),
    /// Keys or tenants changed since the caller was let in: look again, here is the command.
    Stale(String, Box<Command>, Option<Keep>),
    /// The store failed; nothing changed.
    Failed(store::Error),
    /// It came from the queue of events, and was carried out before.
    Gone,
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
    /// The body that was kept, if that was asked for.
    pub kept: Option<String>,
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
            let ids = Ids::seeded(room.ids().random());
            let thread = std::thread::Builder::new()
                .name(format!("desk-{number}"))
                .spawn(move || serve(&room, &mut queue, ids))?;
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
        keep: Option<Keep>,
    ) -> Verdict {
        let Some(queue) = self.queue(space, &user) else {
            return Verdict::Full;
        };
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            space,
            origin: access_version.map_or(Origin::Server, Origin::Request),
            user,
            command,
            keep,
            reply,
        };
        if queue.try_send(waiting).is_err() {
            return Verdict::Full;
        }
        answer.await.unwrap_or(Verdict::Full)
    }

    /// Hands in work that the server does by itself, waiting for room in the queue.
    pub async fn ask_patiently(&self, space: Space, user: String, command: Command) -> Verdict {
        let lined_up = self.line_up(space, user, command, Origin::Server).await;
        match lined_up {
            Some(answer) => answer.await.unwrap_or(Verdict::Full),
            None => Verdict::Full,
        }
    }

    /// Hands in an event from the queue, waiting for room, and does not wait for what comes of it: the
    /// events of a user are carried out in the order in which they are handed in. Nothing, if the desks
    /// are closed.
    pub async fn line_up_queued(
        &self,
        space: Space,
        user: String,
        command: Command,
        ticket: Ticket,
    ) -> Option<oneshot::Receiver<Verdict>> {
        self.line_up(space, user, command, Origin::Queue(ticket))
            .await
    }

    async fn line_up(
        &self,
        space: Space,
        user: String,
        command: Command,
        origin: Origin,
    ) -> Option<oneshot::Receiver<Verdict>> {
        let queue = self.queue(space, &user)?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            space,
            origin,
            user,
            command,
            keep: None,
            reply,
        };
        queue.send(waiting).await.ok()?;
        Some(answer)
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
            let verdict = result.unwrap_or_else(|Stale| {
                Verdict::Stale(waiting.user, Box::new(waiting.command), waiting.keep)
            });
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

/// What becomes of a command, before the commit.
enum Decision {
    /// It was applied.
    Applied(Box<Applied>),
    /// Its request was answered before.
    Repeated(store::answer::Answer),
    /// It is not in the queue any more.
    Gone,
}

/// A command that was applied, before its commit.
struct Applied {
    user: UserId,
    outcome: Outcome,
    catalog: Arc<Catalog>,
    at: Timestamp,
    kept: Option<String>,
    /// What somebody outside wants to be told of it.
    told: Vec<Told>,
}

fn commit(
    room: &Room,
    batch: &[Waiting],
    ids: &mut Ids,
) -> store::Result<Vec<Result<Verdict, Stale>>> {
    let gate = room.gate.read().unwrap_or_else(PoisonError::into_inner);
    let started = telemetry::start();
    let (results, is_told) = room.store.write(|tx| decide(room, tx, batch, ids))?;
    telemetry::committed(started);
    let verdicts = batch
        .iter()
        .zip(results)
        .map(|(waiting, result)| {
            Ok(match result? {
                Decision::Applied(applied) => follow(room, waiting.space, *applied),
                Decision::Repeated(answer) => Verdict::Repeated(answer),
                Decision::Gone => Verdict::Gone,
            })
        })
        .collect();
    drop(gate);
    if is_told {
        room.outbox.notify_one();
    }
    Ok(verdicts)
}

/// Lets follow what a committed command leads to, and answers it.
fn follow(room: &Room, space: Space, applied: Applied) -> Verdict {
    let Applied {
        outcome,
        catalog,
        at,
        kept,
        ..
    } = applied;
    for failure in &outcome.failures {
        tracing::warn!(target: "kleos::rule", space = space.number(), failure, "an expression failed");
    }
    if !outcome.appended.completed_groups.is_empty() {
        room.jobs.notify_one();
    }
    let changes = match &outcome.reply {
        Reply::Event(event) => event.boards.as_slice(),
        _ => &[],
    };
    let standings = if outcome.moves.is_empty() {
        Vec::new()
    } else {
        room.ranks
            .fold(&room.store, space, &catalog, &outcome.moves, changes)
    };
    match outcome.reply {
        Reply::Refused(refusal) => Verdict::Refused(refusal),
        reply => Verdict::Done(Box::new(Answer {
            reply,
            catalog,
            standings,
            at,
            kept,
        })),
    }
}

/// Loads, applies and saves one batch inside a transaction; says too whether anything went into the outbox.
fn decide(
    room: &Room,
    tx: &mut Tx<'_>,
    batch: &[Waiting],
    ids: &mut Ids,
) -> store::Result<(Vec<Result<Decision, Stale>>, bool)> {
    let versions = versions_of(tx, batch)?;
    let mut catalogs: HashMap<Space, Arc<Catalog>> = HashMap::new();
    for (space, versions) in &versions {
        catalogs.insert(*space, room.catalogs.get(tx, *space, versions.config)?);
    }
    let is_current = |waiting: &Waiting| {
        versions
            .get(&waiting.space)
            .is_some_and(|versions| match waiting.origin {
                Origin::Request(version) => version == versions.access,
                Origin::Server | Origin::Queue(_) => true,
            })
    };
    let test_now = |space: Space| versions.get(&space).and_then(|versions| versions.test_now);
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
                now: room.clock.stamp_by(waiting.space, test_now(waiting.space)),
            };
            (index, item)
        })
        .collect();
    let mut only_items: Vec<Item<'_>> = items.iter().map(|(_, item)| *item).collect();
    // An event from the queue may count when it arrived or now: the rows for both are needed.
    only_items.extend(items.iter().filter_map(|(index, item)| {
        let now = batch[*index].ticket()?.arrived;
        Some(Item { now, ..*item })
    }));
    let mut tickets = Tickets::hold(tx, batch)?;
    let mut set = store::batch::load(tx, &find, &only_items, ids, true)?;
    let mut answers = Answers::load(tx, batch, room.clock.now())?;
    let tenants = tenants(tx, &catalogs)?;
    let mut results: Vec<Result<Decision, Stale>> = batch.iter().map(|_| Err(Stale)).collect();
    for (index, item) in &items {
        let waiting = &batch[*index];
        if let Some(answer) = answers.known(waiting) {
            results[*index] = Ok(Decision::Repeated(answer));
            continue;
        }
        if !tickets.allow(waiting) {
            results[*index] = Ok(Decision::Gone);
            continue;
        }
        let Some(catalog) = find(item.space) else {
            continue;
        };
        let decided = set.with(item.space, item.user, item.command, |state, company| {
            let at = waiting.counts_at(&catalog, state, item.now);
            let outcome = apply(&catalog, state, company, item.command, at, ids);
            let space = item.space;
            let streak = message::reminded(tx, space, &catalog, state, &outcome, at)?;
            let subject = Subject {
                user: state.user.get(),
                completions: &state.completions,
                streak: streak.as_ref(),
            };
            let sender = Sender {
                catalog: &catalog,
                tenant: tenants.get(&item.space).map(String::as_str),
            };
            let told = tell(sender, subject, &outcome, at)?;
            Ok::<_, store::Error>((subject.user.id, at, outcome, told))
        });
        let Some(decided) = decided else {
            continue;
        };
        let (user, at, outcome, told) = decided?;
        let mut applied = Applied {
            user,
            outcome,
            catalog,
            at,
            kept: None,
            told,
        };
        applied.kept = answers.keep(waiting, &applied);
        tickets.spend(waiting);
        results[*index] = Ok(Decision::Applied(Box::new(applied)));
    }
    let mut decided = Vec::with_capacity(batch.len());
    let mut notices = Vec::new();
    for (waiting, result) in batch.iter().zip(&results) {
        let Ok(Decision::Applied(applied)) = result else {
            continue;
        };
        decided.push(Decided {
            space: waiting.space,
            user: applied.user,
            at: applied.at,
            outcome: &applied.outcome,
        });
        notices.extend(applied.told.iter().map(|told| Pending {
            id: ids.uuid(applied.at),
            space: waiting.space,
            user: Some(applied.user),
            kind: told.kind,
            body: &told.body,
            at_us: applied.at.as_microsecond(),
        }));
    }
    let moved = moved(&catalogs, &decided)?;
    notices.extend(moved.iter().map(|(space, at, body)| Pending {
        id: ids.uuid(*at),
        space: *space,
        user: None,
        kind: message::BOARD_CHANGED,
        body,
        at_us: at.as_microsecond(),
    }));
    store::batch::save(tx, &mut set, &decided, &notices)?;
    store::answer::keep_each(tx, &answers.fresh)?;
    tickets.remove(tx)?;
    let is_told = !notices.is_empty();
    Ok((results, is_told))
}

/// The customer ids of the tenants of spaces to which somebody listens.
fn tenants(
    tx: &mut Tx<'_>,
    catalogs: &HashMap<Space, Arc<Catalog>>,
) -> store::Result<HashMap<Space, String>> {
    let listened = catalogs.iter().filter(|(_, catalog)| catalog.is_listened());
    let listened: Vec<Space> = listened.map(|(space, _)| *space).collect();
    if listened.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(store::access::customers(tx, &listened)?
        .into_iter()
        .collect())
}

/// What somebody wants to be told of a command, as the user is after it.
fn tell(
    sender: Sender<'_>,
    subject: Subject<'_>,
    outcome: &Outcome,
    at: Timestamp,
) -> store::Result<Vec<Told>> {
    let mut told = Vec::new();
    if sender.catalog.is_listened() {
        for notice in &outcome.notices {
            told.extend(sender.tell(subject, notice, at)?);
        }
    }
    Ok(told)
}

/// The boards to which somebody listens and on which a batch moved users: one entry per space and run.
fn moved(
    catalogs: &HashMap<Space, Arc<Catalog>>,
    decided: &[Decided<'_>],
) -> store::Result<Vec<(Space, Timestamp, String)>> {
    let mut moves: BTreeMap<Space, (Timestamp, Vec<&Move>)> = BTreeMap::new();
    for one in decided.iter().filter(|one| !one.outcome.moves.is_empty()) {
        let is_listened = catalogs.get(&one.space).is_some_and(|catalog| {
            catalog.listens(message::BOARD_CHANGED) || catalog.listens(message::RANK_CHANGED)
        });
        if is_listened {
            let (at, of_space) = moves.entry(one.space).or_insert((one.at, Vec::new()));
            *at = one.at.max(*at);
            of_space.extend(&one.outcome.moves);
        }
    }
    let mut bodies = Vec::new();
    for (space, (at, moves)) in moves {
        for moved in message::moved(moves) {
            let body = serde_json::to_string(&moved).map_err(store::Error::broken)?;
            bodies.push((space, at, body));
        }
    }
    Ok(bodies)
}

/// The versions of all spaces of a batch.
fn versions_of(tx: &mut Tx<'_>, batch: &[Waiting]) -> store::Result<BTreeMap<Space, Versions>> {
    let spaces: BTreeSet<Space> = batch.iter().map(|waiting| waiting.space).collect();
    let spaces: Vec<Space> = spaces.into_iter().collect();
    let versions = store::access::versions_of(tx, &spaces)?;
    Ok(versions.into_iter().collect())
}

/// The rows of a batch's events that come from the queue.
struct Tickets {
    held: HashSet<Uuid>,
    spent: Vec<(Space, Uuid)>,
}

impl Tickets {
    /// Holds the rows that are still there; to be called before users are held.
    fn hold(tx: &mut Tx<'_>, batch: &[Waiting]) -> store::Result<Self> {
        let queued: Vec<(Space, Uuid)> = batch
            .iter()
            .filter_map(|waiting| Some((waiting.space, waiting.ticket()?.id)))
            .collect();
        let held = if queued.is_empty() {
            HashSet::new()
        } else {
            store::event_queue::hold(tx, &queued)?
        };
        Ok(Self {
            held,
            spent: Vec::new(),
        })
    }

    /// Whether a command may be carried out: it does not come from the queue, or its row is there.
    fn allow(&self, waiting: &Waiting) -> bool {
        waiting
            .ticket()
            .is_none_or(|ticket| self.held.contains(&ticket.id))
    }

    /// The command was carried out, and is not to be again.
    fn spend(&mut self, waiting: &Waiting) {
        if let Some(ticket) = waiting.ticket()
            && self.held.remove(&ticket.id)
        {
            self.spent.push((waiting.space, ticket.id));
        }
    }

    /// Takes what was carried out from the queue.
    fn remove(self, tx: &mut Tx<'_>) -> store::Result<()> {
        if self.spent.is_empty() {
            return Ok(());
        }
        store::event_queue::remove(tx, &self.spent)
    }
}

/// The answers to repeated requests of a batch: those from before, and those given in it. They are kept
/// by the clock of the machine, which is that of whoever repeats a request.
struct Answers {
    now: Timestamp,
    known: HashMap<Print, store::answer::Answer>,
    fresh: Vec<(Print, store::answer::Answer, Timestamp)>,
}

impl Answers {
    /// Looks up what was answered before. Not before the users are held: whoever stood in the way has
    /// committed then.
    fn load(tx: &mut Tx<'_>, batch: &[Waiting], now: Timestamp) -> store::Result<Self> {
        let prints: BTreeSet<Print> = batch.iter().filter_map(Waiting::print).collect();
        let prints: Vec<Print> = prints.into_iter().collect();
        let since = now.checked_sub(store::answer::LIFE);
        let known = match since {
            Ok(since) if !prints.is_empty() => store::answer::find_each(tx, &prints, since)?,
            _ => Vec::new(),
        };
        Ok(Self {
            now,
            known: known.into_iter().collect(),
            fresh: Vec::new(),
        })
    }

    fn known(&self, waiting: &Waiting) -> Option<store::answer::Answer> {
        self.known.get(&waiting.print()?).cloned()
    }

    /// Keeps the answer to a command if that is asked for, and says what it is. A refusal is not kept: what stood in the
    /// way may be gone at the next attempt.
    fn keep(&mut self, waiting: &Waiting, applied: &Applied) -> Option<String> {
        let (keep, print) = (waiting.keep.as_ref()?, waiting.print()?);
        if matches!(applied.outcome.reply, Reply::Refused(_)) {
            return None;
        }
        let body = (keep.render)(&applied.outcome.reply, &applied.catalog, applied.at)?;
        let answer = store::answer::Answer {
            status: keep.status,
            body: body.clone(),
        };
        self.known.insert(print, answer.clone());
        self.fresh.push((print, answer, self.now));
        Some(body)
    }
}
