//! What every handler holds: the store, the desk, the door, the time.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use engine::catalog::Catalog;
use engine::command::Command;
use engine::definition::{BoardStatus, Definition, RankBy, Stored};
use engine::id::{AchievementId, BoardId, Ids, UserId};
use engine::outcome::Notice;
use jiff::Timestamp;
use store::driver::{Location, Tx};
use store::job::Task;
use store::{Space, Store};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::catalogs::Catalogs;
use crate::clock::Clock;
use crate::desk::{Answer, Desk, Keep, OwnIds, Room, Verdict};
use crate::door::{Caller, Door};
use crate::problem::{Problem, Result};
use crate::ranks::Ranks;
use crate::travel::Travels;
use crate::webhooks::{Outbound, Patience, Reach, address};
use crate::workers::moments;

/// The process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

/// See [`App`].
#[derive(Debug)]
pub struct Inner {
    /// What the desks share.
    pub room: Arc<Room>,
    /// Who may come in.
    pub door: Door,
    /// Wakes the worker that waits for midnights.
    pub midnights: Notify,
    /// The way to the receivers of webhooks.
    pub outbound: Outbound,
    /// Wakes the worker that carries out events of batches.
    pub event_queue: Notify,
    /// Test clocks that are being moved.
    pub travels: Travels,
    desk: RwLock<Arc<Desk>>,
    is_ready: std::sync::atomic::AtomicBool,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Desks on a database that serves several writers: more than there are cores only cut the batches
/// smaller (docs/decisions.md).
fn desks() -> usize {
    std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 4)
}

impl App {
    /// Opens the store and the desks. Migrations are applied first; standings are loaded by
    /// [`App::load_ranks`].
    pub fn open(location: Location, clock: Clock, seed: u64) -> anyhow::Result<Self> {
        let outbound = Outbound::new(Reach::default(), address::resolver(), Patience::default())?;
        Self::open_with(location, clock, seed, outbound)
    }

    /// [`App::open`] with a way of its own to the receivers of webhooks.
    pub fn open_with(
        location: Location,
        clock: Clock,
        seed: u64,
        outbound: Outbound,
    ) -> anyhow::Result<Self> {
        let store = Store::open(location)?;
        let applied = store
            .with_writer(|conn| store::migrate::migrate(conn, clock.now().as_microsecond()))?;
        for name in applied {
            tracing::info!(migration = name, "applied a migration");
        }
        let desks = if store.is_embedded() { 1 } else { desks() };
        let room = Arc::new(Room {
            store: Arc::new(store),
            catalogs: Arc::new(Catalogs::default()),
            ranks: Arc::new(Ranks::default()),
            clock,
            ids: Mutex::new(Ids::seeded(seed)),
            gate: RwLock::new(()),
            jobs: Notify::new(),
            outbox: Notify::new(),
            deliveries: Notify::new(),
        });
        let desk = Desk::open(&room, desks)?;
        Ok(Self(Arc::new(Inner {
            room,
            door: Door::default(),
            midnights: Notify::new(),
            outbound,
            event_queue: Notify::new(),
            travels: Travels::default(),
            desk: RwLock::new(Arc::new(desk)),
            is_ready: std::sync::atomic::AtomicBool::new(false),
        })))
    }

    /// Loads the standings of all spaces; after that the process can serve. Blocks.
    pub fn load_ranks(&self) -> store::Result<()> {
        let gate = self
            .room
            .gate
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.room.store.read(|tx| {
            for space in store::access::all_spaces(tx)? {
                if let Some(versions) = store::access::versions(tx, space)? {
                    if versions.test_now.is_some()
                        && let Some(last) = store::test_clock::last_event(tx, space)?
                    {
                        self.room.clock.resume(space, last);
                    }
                    let now = self.room.clock.now_by(versions.test_now);
                    let catalog = self.room.catalogs.get(tx, space, versions.config)?;
                    self.room.ranks.load(tx, space, &catalog, now)?;
                }
            }
            Ok::<_, store::Error>(())
        })?;
        drop(gate);
        self.is_ready
            .store(true, std::sync::atomic::Ordering::Release);
        Ok(())
    }

    /// Drops the standings of runs that are over. Behind the gate: a board that is being activated must
    /// not be judged by the catalog before it. Blocks.
    pub fn drop_closed_runs(&self, space: Space) -> Result<()> {
        let gate = self
            .room
            .gate
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let found = self.room.store.read(|tx| {
            let versions = store::access::versions(tx, space)?;
            versions
                .map(|versions| {
                    let now = self.room.clock.now_by(versions.test_now);
                    let catalog = self.room.catalogs.get(tx, space, versions.config)?;
                    Ok::<_, store::Error>((catalog, now))
                })
                .transpose()
        })?;
        if let Some((catalog, now)) = found {
            self.room.ranks.drop_closed(space, &catalog, now);
        }
        drop(gate);
        Ok(())
    }

    /// Whether the process can serve.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(std::sync::atomic::Ordering::Acquire)
    }

    /// The way to the desks.
    pub fn desk(&self) -> Arc<Desk> {
        self.desk
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes no more commands, finishes what was accepted, waits for it and closes the store. Blocks.
    pub fn close(&self) {
        let closed = Arc::new(Desk::closed());
        let desk = std::mem::replace(
            &mut *self.desk.write().unwrap_or_else(PoisonError::into_inner),
            closed,
        );
        if let Ok(mut desk) = Arc::try_unwrap(desk) {
            desk.close();
        } else {
            tracing::warn!("somebody still holds the desk at the end");
        }
        self.room.store.close();
    }

    /// Runs work that blocks on a thread that may block.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let app = self.clone();
        tokio::task::spawn_blocking(move || work(&app))
            .await
            .map_err(|error| Problem::internal(&error))?
    }

    /// Reads one consistent state of the caller's space.
    pub async fn read<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&mut View<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let caller = caller.clone();
        self.blocking(move |app| app.room.store.read(|tx| work(&mut app.view(tx, &caller)?)))
            .await
    }

    /// Adds rows to the caller's space that no decision of the desks reads.
    pub async fn add<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&mut View<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let caller = caller.clone();
        self.blocking(move |app| app.room.store.write(|tx| work(&mut app.view(tx, &caller)?)))
            .await
    }

    fn view<'a, 't>(&'a self, tx: &'a mut Tx<'t>, caller: &Caller) -> Result<View<'a, 't>> {
        let (space, catalog, test_now) = self.enter(tx, caller)?;
        Ok(View {
            tx,
            space,
            catalog,
            now: self.room.clock.now_by(test_now),
            test_now,
            app: self,
        })
    }

    /// Changes the configuration of the caller's space, alone: batches wait. What `work` returns as
    /// an error leaves everything as it was.
    pub async fn configure<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&mut Configuration<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let caller = caller.clone();
        let done = self
            .blocking(move |app| app.configure_as(|tx| app.enter(tx, &caller), work))
            .await;
        self.wake();
        done
    }

    /// Wakes those who follow a change of the configuration.
    fn wake(&self) {
        self.room.jobs.notify_one();
        self.room.outbox.notify_one();
        self.midnights.notify_one();
    }

    /// Changes the configuration of a space on the server's own account. Blocks.
    pub fn configure_space<T>(
        &self,
        space: Space,
        work: impl FnOnce(&mut Configuration<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let enter = |tx: &mut Tx<'_>| {
            let versions = store::access::versions(tx, space)?.ok_or_else(Problem::busy)?;
            let catalog = self.room.catalogs.get(tx, space, versions.config)?;
            Ok((space, catalog, versions.test_now))
        };
        let done = self.configure_as(enter, work);
        self.wake();
        done
    }

    fn configure_as<T>(
        &self,
        enter: impl FnOnce(&mut Tx<'_>) -> Result<(Space, Arc<Catalog>, Option<Timestamp>)>,
        work: impl FnOnce(&mut Configuration<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let ids = self.room.own_ids();
        let gate = self
            .room
            .gate
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let (value, space, boards) = self.room.store.write(|tx| {
            let (space, catalog, test_now) = enter(tx)?;
            store::definition::hold(tx, space)?;
            let now = self.room.clock.stamp_by(space, test_now);
            let mut configuration = Configuration {
                tx,
                space,
                catalog,
                now,
                ids,
                effects: Effects::default(),
            };
            let value = work(&mut configuration)?;
            let boards = configuration.finish()?;
            Ok::<_, Problem>((value, space, boards))
        })?;
        // The new standings are read from what was committed, before any batch may follow. Should that
        // fail, they are read when they are needed.
        for id in &boards {
            self.room.ranks.forget(space, *id);
        }
        if !boards.is_empty() {
            let loaded = self.room.store.read(|tx| {
                let Some(versions) = store::access::versions(tx, space)? else {
                    return Ok(());
                };
                let now = self.room.clock.now_by(versions.test_now);
                let catalog = self.room.catalogs.get(tx, space, versions.config)?;
                for id in &boards {
                    if let Some(board) = catalog.board(*id).filter(|b| !b.stored.is_archived) {
                        self.room.ranks.load_board(tx, space, board, now)?;
                    }
                }
                Ok::<_, store::Error>(())
            });
            if let Err(error) = loaded {
                tracing::warn!(%error, "standings were not loaded after a change of configuration");
            }
        }
        drop(gate);
        Ok(value)
    }

    /// Changes keys, tenants or the organization of the caller's environment.
    pub async fn administer<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&mut Tx<'_>, &mut Ids, Timestamp) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let caller = caller.clone();
        self.blocking(move |app| {
            let mut ids = app.room.own_ids();
            app.room.store.write(|tx| {
                app.enter(tx, &caller)?;
                let now = app.room.clock.stamp();
                work(tx, &mut ids, now)
            })
        })
        .await
    }

    /// Hands a command about a user to the desk and waits until it is durable.
    pub async fn command(
        &self,
        caller: &Caller,
        user: &str,
        command: Command,
    ) -> Result<Box<Answer>> {
        match self.hand_in(caller, user, command, None).await? {
            Done::Fresh(answer) => Ok(answer),
            // Only what is kept can be repeated.
            Done::Repeated(_) => Err(Problem::busy()),
        }
    }

    /// Does the same once for as long as its answer is kept; a repeated request gets the same answer.
    pub async fn command_once(
        &self,
        caller: &Caller,
        user: &str,
        command: Command,
        keep: Keep,
    ) -> Result<Done> {
        self.hand_in(caller, user, command, Some(keep)).await
    }

    async fn hand_in(
        &self,
        caller: &Caller,
        user: &str,
        command: Command,
        keep: Option<Keep>,
    ) -> Result<Done> {
        let mut caller = caller.clone();
        let mut user = user.to_owned();
        let mut command = command;
        let mut keep = keep;
        for _ in 0..3 {
            let desk = self.desk();
            match desk
                .ask(caller.space, Some(caller.version), user, command, keep)
                .await
            {
                Verdict::Done(answer) => return Ok(Done::Fresh(answer)),
                Verdict::Repeated(answer) => return Ok(Done::Repeated(answer)),
                Verdict::Refused(refusal) => return Err(refusal.into()),
                Verdict::Failed(error) => return Err(error.into()),
                // Only what comes from the queue can be gone.
                Verdict::Full | Verdict::Gone => return Err(Problem::busy()),
                Verdict::Stale(same_user, same_command, same_keep) => {
                    user = same_user;
                    command = *same_command;
                    keep = same_keep;
                    let stale = caller.clone();
                    caller = self
                        .blocking(move |app| app.room.store.read(|tx| app.door.again(tx, &stale)))
                        .await?;
                }
            }
        }
        Err(Problem::busy())
    }

    /// Checks that the caller may still come in, as this transaction sees it; answers the space, its
    /// catalog and what a test clock of its environment shows.
    fn enter(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
    ) -> Result<(Space, Arc<Catalog>, Option<Timestamp>)> {
        let mut space = caller.space;
        let mut versions = store::access::versions(tx, space)?;
        if versions.is_none_or(|versions| versions.access != caller.version) {
            space = self.door.again(tx, caller)?.space;
            versions = store::access::versions(tx, space)?;
        }
        let versions = versions.ok_or_else(Problem::unauthorized)?;
        let catalog = self.room.catalogs.get(tx, space, versions.config)?;
        Ok((space, catalog, versions.test_now))
    }
}

/// What came of a command that is carried out once.
#[derive(Debug)]
pub enum Done {
    /// It was carried out now.
    Fresh(Box<Answer>),
    /// It was carried out a short while ago; this was the answer.
    Repeated(store::answer::Answer),
}

/// One consistent state of a space.
#[derive(Debug)]
pub struct View<'a, 't> {
    /// The transaction.
    pub tx: &'a mut Tx<'t>,
    /// The space.
    pub space: Space,
    /// Its configuration.
    pub catalog: Arc<Catalog>,
    /// The present instant.
    pub now: Timestamp,
    /// The process.
    pub app: &'a App,
    test_now: Option<Timestamp>,
}

impl View<'_, '_> {
    /// A present instant that nothing else in the space shares.
    pub fn stamp(&self) -> Timestamp {
        let clock = &self.app.room.clock;
        clock.stamp_by(self.space, self.test_now)
    }
}

/// A configuration being changed.
#[derive(Debug)]
pub struct Configuration<'a, 't> {
    /// The transaction.
    pub tx: &'a mut Tx<'t>,
    /// The space.
    pub space: Space,
    /// The configuration before the change.
    pub catalog: Arc<Catalog>,
    /// The instant of the change.
    pub now: Timestamp,
    ids: OwnIds<'a>,
    effects: Effects,
}

/// What has to follow a change of the configuration.
#[derive(Debug, Default)]
struct Effects {
    boards: Vec<BoardId>,
    tasks: Vec<Task>,
    is_nothing: bool,
}

impl Configuration<'_, '_> {
    /// A new id.
    pub fn id(&mut self) -> Uuid {
        self.ids.uuid(self.now)
    }

    /// Keeps the one definition of a kind of which a space has at most one; says whether anything changed.
    pub fn keep_only<T: Definition + PartialEq>(&mut self, body: T) -> Result<bool> {
        let (space, now) = (self.space, self.now);
        let before = store::definition::list::<T>(self.tx, space, 1, 0)?;
        match before.into_iter().next() {
            Some(before) if before.body == body => return Ok(false),
            Some(before) => {
                let after = Stored {
                    updated: now,
                    body,
                    ..before
                };
                store::definition::update(self.tx, space, &after, now)?;
            }
            None => {
                let id = self.id();
                store::definition::insert(self.tx, space, id, &body, now)?;
            }
        }
        Ok(true)
    }

    /// The values of a board have to be counted anew, or its standings dropped.
    pub fn board_changed(&mut self, board: BoardId) {
        self.effects.boards.push(board);
    }

    /// An achievement was activated or edited while active (spec/trophy.md 4.4).
    pub fn backdate(&mut self, achievement: AchievementId) {
        if !self.effects.tasks.contains(&Task::Backdate(achievement)) {
            self.effects.tasks.push(Task::Backdate(achievement));
        }
    }

    /// Other midnights matter to users now.
    pub fn resettle(&mut self) {
        if !self.effects.tasks.contains(&Task::Settle) {
            self.effects.tasks.push(Task::Settle);
        }
    }

    /// Tells what has fallen due by the clock and the configuration before the change. Whoever moves
    /// such moments asks for it first, so that none is told twice or left out.
    pub fn tell_due(&mut self) -> store::Result<()> {
        let (space, now) = (self.space, self.now);
        moments::tell(self.tx, space, &self.catalog, now, &mut self.ids)?;
        Ok(())
    }

    /// Tells something that the change itself has brought about, if anybody listens.
    pub fn tell(&mut self, user: Option<UserId>, notices: &[Notice]) -> store::Result<()> {
        let (tx, space, now) = (&mut *self.tx, self.space, self.now);
        let told: Vec<_> = notices
            .iter()
            .map(|notice| (now, user, notice.clone()))
            .collect();
        moments::keep(tx, space, &self.catalog, &told, &mut self.ids)?;
        Ok(())
    }

    /// Nothing that acts was changed: the catalog in force stays.
    pub fn unchanged(&mut self) {
        self.effects.is_nothing = true;
    }

    /// Publishes: moves the version, counts boards anew, leaves jobs. Answers the changed boards.
    fn finish(mut self) -> Result<Vec<BoardId>> {
        if self.effects.is_nothing {
            return Ok(Vec::new());
        }
        let mut boards = std::mem::take(&mut self.effects.boards);
        boards.sort_unstable();
        boards.dedup();
        if !boards.is_empty() {
            // The clock goes by the configuration before the change up to now, and by the one after it from now on.
            self.tell_due()?;
        }
        store::definition::bump(self.tx, self.space)?;
        if !boards.is_empty() {
            let version = self.catalog.version + 1;
            let catalog = store::definition::catalog(self.tx, self.space, version)?;
            moments::tell_changes(
                self.tx,
                self.space,
                (&self.catalog, &catalog),
                &boards,
                self.now,
                &mut self.ids,
            )?;
            for id in &boards {
                let board = catalog.board(*id).filter(|board| !board.stored.is_archived);
                let status = board.map(|board| board.body().status_at(self.now));
                match (board, status) {
                    (Some(board), Some(BoardStatus::Active)) => {
                        store::board::rebuild(self.tx, self.space, board, self.now)?;
                    }
                    // What a finished board says stays, unless it never ranked: then it is counted once.
                    (Some(board), Some(BoardStatus::Finished)) => {
                        if board.body().rank_by != RankBy::Streak
                            && !store::board::has_values(self.tx, self.space, *id)?
                        {
                            store::board::rebuild(self.tx, self.space, board, self.now)?;
                        }
                    }
                    _ => store::board::clear(self.tx, self.space, *id)?,
                }
            }
        }
        let tasks = std::mem::take(&mut self.effects.tasks);
        for task in tasks {
            let id = self.id();
            store::job::insert(self.tx, self.space, id, task, self.now)?;
        }
        Ok(boards)
    }
}
