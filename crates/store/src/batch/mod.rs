//! The rows a batch of commands touches: loaded set by set before the rules decide, written set by set after.
//!
//! The number of statements depends on the number of tables, not of commands (design.md 6). What a space does not use costs it
//! nothing: which tables are looked at follows from its catalog.

mod activity;
mod load;
mod mission;
mod purse;
mod reminder;
mod save;
mod streak;
mod tag;
mod want;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use engine::catalog::Catalog;
use engine::command::Command;
use engine::id::{MissionId, MissionRuleId, TagId, UserId};
use engine::outcome::Outcome;
use engine::state::{Company, Mission, Owner, Row, UserState};
use engine::user::User;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::access::Space;
use crate::{Error, Result};

pub use load::{load, load_one};
pub use save::save;

/// One command of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Where.
    pub space: Space,
    /// About whom, by the caller's id; made if unknown and the command allows it. There is no other way
    /// to name a user: one name gives one desk, and rows are held in one order.
    pub user: &'a str,
    /// What.
    pub command: &'a Command,
    /// When it came.
    pub now: Timestamp,
}

/// What came of one command of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// Where.
    pub space: Space,
    /// About whom.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub outcome: &'a Outcome,
}

/// What a catalog is found by.
pub type Catalogs<'a> = &'a dyn Fn(Space) -> Option<std::sync::Arc<Catalog>>;

/// The states of the users of a batch, and what their groups share.
#[derive(Debug, Default)]
pub struct WorkingSet {
    members: Vec<Member>,
    by_user: HashMap<(Space, String), usize>,
    groups: BTreeMap<(Space, TagId), Group>,
    /// Ids of activity logs that commands of the batch name and that are taken.
    logged: BTreeMap<Space, BTreeSet<String>>,
}

/// A user of a batch.
#[derive(Debug)]
struct Member {
    space: Space,
    /// The name under which the rest of the batch finds the user, whatever becomes of it.
    name: String,
    /// Whether there was no row when the batch began.
    was_new: bool,
    state: UserState,
}

/// What all users with a tag share.
#[derive(Debug, Default)]
struct Group {
    missions: BTreeMap<MissionId, Row<Mission>>,
    evaluations: BTreeMap<MissionRuleId, Row<String>>,
}

impl WorkingSet {
    fn add(&mut self, space: Space, state: UserState) {
        let name = state.user.get().external_id.clone();
        self.by_user
            .insert((space, name.clone()), self.members.len());
        self.members.push(Member {
            space,
            name,
            was_new: state.is_new,
            state,
        });
    }

    fn index(&self, space: Space, user: &str) -> Option<usize> {
        self.by_user.get(&(space, user.to_owned())).copied()
    }

    /// The state of a user whom a command of the batch is about or names.
    pub fn state(&mut self, space: Space, user: &str) -> Option<&mut UserState> {
        let index = self.index(space, user)?;
        self.members.get_mut(index).map(|member| &mut member.state)
    }

    /// Lets `work` decide one command of the batch on the state of its user and on what else the
    /// command may touch. Nothing, if the user is none of the batch. After a panic inside `work` the set
    /// must not be used any more.
    pub fn with<T>(
        &mut self,
        space: Space,
        user: &str,
        command: &Command,
        work: impl FnOnce(&mut UserState, &mut Company) -> T,
    ) -> Option<T> {
        let own = self.index(space, user)?;
        let mut company = self.gather(space, own, command);
        let result = work(&mut self.members[own].state, &mut company);
        self.put_back(space, company);
        Some(result)
    }

    /// Moves out what a command may touch beyond the rows of its own user.
    fn gather(&mut self, space: Space, own: usize, command: &Command) -> Company {
        let mut company = Company::default();
        for other in command.others() {
            let index = self.index(space, other).filter(|index| *index != own);
            if let Some(index) = index
                && !company.others.contains_key(other)
            {
                let state = std::mem::replace(&mut self.members[index].state, absent());
                company.others.insert(other.to_owned(), state);
            }
        }
        if !self.groups.is_empty() {
            let mut tags: BTreeSet<TagId> = self.members[own].state.tags().collect();
            tags.extend(want::assigned(command));
            for tag in tags {
                if let Some(group) = self.groups.get_mut(&(space, tag)) {
                    let group = std::mem::take(group);
                    company.missions.extend(group.missions);
                    let evaluations = group.evaluations.into_iter();
                    company
                        .evaluations
                        .extend(evaluations.map(|(rule, row)| ((tag, rule), row)));
                }
            }
        }
        if let Some(logged) = self.logged.get_mut(&space) {
            company.logged = std::mem::take(logged);
        }
        company
    }

    fn put_back(&mut self, space: Space, company: Company) {
        let Company {
            others,
            missions,
            evaluations,
            logged,
        } = company;
        for (name, state) in others {
            if let Some(index) = self.index(space, &name) {
                self.members[index].state = state;
            }
        }
        for (id, row) in missions {
            if let Owner::Group(tag) = row.get().owner {
                let group = self.groups.entry((space, tag)).or_default();
                group.missions.insert(id, row);
            }
        }
        for ((tag, rule), row) in evaluations {
            let group = self.groups.entry((space, tag)).or_default();
            group.evaluations.insert(rule, row);
        }
        if !logged.is_empty() {
            self.logged.insert(space, logged);
        }
    }
}

/// Stands in the place of a state that is with a command.
fn absent() -> UserState {
    let nobody = User::new(UserId(0), String::new(), Timestamp::UNIX_EPOCH);
    UserState::of(nobody, true)
}

/// Reads a group.
pub(crate) fn group_of(row: &crate::driver::Row<'_>, index: usize) -> Result<Option<Vec<String>>> {
    match row.get::<Option<String>>(index)?.as_deref() {
        None => Ok(None),
        Some("[]") => Ok(Some(Vec::new())),
        Some(text) => serde_json::from_str(text).map(Some).map_err(Error::broken),
    }
}

/// Writes a group.
pub(crate) fn group_text(group: &[String]) -> Result<String> {
    serde_json::to_string(group).map_err(Error::broken)
}

/// The first 16 bytes of the SHA-256 of a caller's key.
pub(crate) fn fingerprint(key: &str) -> [u8; 16] {
    let digest = Sha256::digest(key.as_bytes());
    let mut print = [0; 16];
    print.copy_from_slice(&digest[..16]);
    print
}
