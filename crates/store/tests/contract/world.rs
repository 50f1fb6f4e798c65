//! A store with an organization and some tenants, and a desk without a server: load, apply, save.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine::amount::Amount;
use engine::apply::apply;
use engine::catalog::Catalog;
use engine::command::{Command, RecordEvent, SaveUser};
use engine::id::{Ids, UserId};
use engine::outcome::{EventReply, Outcome, Reply};
use engine::user::{Patch, User};
use jiff::Timestamp;
use jiff::civil::Date;
use store::access::Environment;
use store::batch::{Decided, Item};
use store::driver::{Location, Tx};
use store::outbox::Written;
use store::{Space, Store, access, batch, definition, migrate, tenancy, user};
use uuid::Uuid;

/// When tests begin: a Friday, with microseconds that must not get lost.
pub(crate) const START: &str = "2026-02-20T09:30:00.123457Z";

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn migrated(location: Location) -> Store {
    let store = Store::open(location).unwrap();
    store
        .with_writer(|conn| migrate::migrate(conn, instant(START).as_microsecond()))
        .unwrap();
    store
}

pub(crate) fn write<T>(store: &Store, work: impl FnOnce(&mut Tx<'_>) -> store::Result<T>) -> T {
    store.write(work).unwrap()
}

pub(crate) fn read<T>(store: &Store, work: impl FnOnce(&mut Tx<'_>) -> store::Result<T>) -> T {
    store.read(work).unwrap()
}

/// One command on its way. `seed` makes the ids of what the command leads to, so that they are the
/// same wherever and in whatever company it is carried out.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) space: Space,
    pub(crate) user: String,
    pub(crate) command: Command,
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
}

/// The ids of the notices of a command.
pub(crate) fn notice_ids(seed: u64) -> Ids {
    Ids::seeded(!seed)
}

/// The catalog of a space.
pub(crate) fn catalog(tx: &mut Tx<'_>, space: Space) -> store::Result<Arc<Catalog>> {
    let version = access::versions(tx, space)?.unwrap().config;
    Ok(Arc::new(definition::catalog(tx, space, version)?))
}

/// Carries out a batch inside a transaction. `None`: one of our ids that is not there.
pub(crate) fn carry_out(
    tx: &mut Tx<'_>,
    asks: &[Ask],
    ids: &mut Ids,
) -> store::Result<Vec<Option<Outcome>>> {
    let mut catalogs: HashMap<Space, Arc<Catalog>> = HashMap::new();
    for ask in asks {
        if let Entry::Vacant(vacant) = catalogs.entry(ask.space) {
            vacant.insert(catalog(tx, ask.space)?);
        }
    }
    let items: Vec<Item<'_>> = asks
        .iter()
        .map(|ask| Item {
            space: ask.space,
            user: &ask.user,
            command: &ask.command,
            now: ask.now,
        })
        .collect();
    let mut set = batch::load(
        tx,
        &|space| catalogs.get(&space).cloned(),
        &items,
        ids,
        true,
    )?;
    let mut outcomes: Vec<Option<(UserId, Outcome)>> = Vec::new();
    for ask in asks {
        let mut ids = Ids::seeded(ask.seed);
        let catalog = &catalogs[&ask.space];
        outcomes.push(
            set.with(ask.space, &ask.user, &ask.command, |state, company| {
                let outcome = apply(catalog, state, company, &ask.command, ask.now, &mut ids);
                (state.user.get().id, outcome)
            }),
        );
    }
    let mut notices = Vec::new();
    for (ask, outcome) in asks.iter().zip(&outcomes) {
        let Some((user, outcome)) = outcome else {
            continue;
        };
        let mut ids = notice_ids(ask.seed);
        for notice in &outcome.notices {
            let body = serde_json::to_string(notice).unwrap();
            notices.push((ids.uuid(ask.now), ask, *user, notice.kind(), body));
        }
    }
    let notices: Vec<Written<'_>> = notices
        .iter()
        .map(|(id, ask, user, kind, body)| Written {
            id: *id,
            space: ask.space,
            user: Some(*user),
            kind,
            body,
            at_us: ask.now.as_microsecond(),
        })
        .collect();
    let decided: Vec<Decided<'_>> = asks
        .iter()
        .zip(&outcomes)
        .filter_map(|(ask, outcome)| {
            let (user, outcome) = outcome.as_ref()?;
            Some(Decided {
                space: ask.space,
                user: *user,
                at: ask.now,
                outcome,
            })
        })
        .collect();
    batch::save(tx, &mut set, &decided, &notices)?;
    Ok(outcomes
        .into_iter()
        .map(|outcome| outcome.map(|(_, outcome)| outcome))
        .collect())
}

/// A store with an organization, whose clock the test sets.
pub(crate) struct World<'s> {
    pub(crate) store: &'s Store,
    pub(crate) environment: Environment,
    /// The space without a tenant.
    pub(crate) space: Space,
    pub(crate) ids: Ids,
    pub(crate) now: Timestamp,
    seed: u64,
}

impl<'s> World<'s> {
    pub(crate) fn new(store: &'s Store) -> Self {
        let mut ids = Ids::seeded(1);
        let now = instant(START);
        let environment = write(store, |tx| {
            tenancy::bootstrap(tx, "Acme", true, &mut ids, now)
        })
        .unwrap();
        let space = read(store, |tx| access::default_space(tx, environment)).unwrap();
        Self {
            store,
            environment,
            space,
            ids,
            now,
            seed: 1,
        }
    }

    pub(crate) fn tenant(&mut self, customer: &str) -> Space {
        let (ids, now, environment) = (&mut self.ids, self.now, self.environment);
        write(self.store, |tx| {
            tenancy::insert_tenant(tx, environment, customer, "A tenant", ids, now)?;
            access::tenant_space(tx, environment, customer)
        })
        .unwrap()
    }

    pub(crate) fn at(&mut self, now: &str) -> &mut Self {
        self.now = instant(now);
        self
    }

    /// A command for a batch; each is a little later than the one before.
    pub(crate) fn ask(&mut self, space: Space, user: &str, command: Command) -> Ask {
        self.seed += 1;
        self.now += jiff::SignedDuration::from_micros(1_001);
        Ask {
            space,
            user: user.to_owned(),
            command,
            now: self.now,
            seed: self.seed,
        }
    }

    pub(crate) fn carry_out(&mut self, asks: &[Ask]) -> Vec<Option<Outcome>> {
        let ids = &mut self.ids;
        write(self.store, |tx| carry_out(tx, asks, ids))
    }

    /// Carries out one command by itself.
    pub(crate) fn send(&mut self, space: Space, user: &str, command: Command) -> Outcome {
        let ask = self.ask(space, user, command);
        self.carry_out(&[ask]).pop().unwrap().unwrap()
    }

    pub(crate) fn event(&mut self, user: &str, metric: &str, value: &str) -> EventReply {
        reply(self.send(self.space, user, event(metric, value, &[])))
    }

    pub(crate) fn save(&mut self, user: &str, patch: Patch) -> User {
        match self.send(self.space, user, save(patch)).reply {
            Reply::User(user) => *user,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn find(&self, user: &str) -> User {
        read(self.store, |tx| user::find(tx, self.space, user)).unwrap()
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        self.ids.uuid(self.now)
    }
}

pub(crate) fn reply(outcome: Outcome) -> EventReply {
    match outcome.reply {
        Reply::Event(reply) => *reply,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn record(metric: &str, value: &str, attributes: &[(&str, &str)]) -> RecordEvent {
    RecordEvent {
        metric: metric.to_owned(),
        value: Amount::parse(value).unwrap(),
        attributes: texts(attributes),
        user: Patch::default(),
        idempotency_key: None,
    }
}

pub(crate) fn event(metric: &str, value: &str, attributes: &[(&str, &str)]) -> Command {
    Command::RecordEvent(record(metric, value, attributes))
}

pub(crate) fn keyed(metric: &str, value: &str, key: &str) -> Command {
    let event = record(metric, value, &[]);
    Command::RecordEvent(RecordEvent {
        idempotency_key: Some(key.to_owned()),
        ..event
    })
}

pub(crate) fn save(user: Patch) -> Command {
    Command::SaveUser(SaveUser {
        user,
        may_create: true,
        must_be_new: None,
    })
}

/// A patch that sets attributes.
pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Patch {
    let attributes = texts(pairs)
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    Patch {
        attributes,
        ..Patch::default()
    }
}
