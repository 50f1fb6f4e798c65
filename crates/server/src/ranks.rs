//! The standings of all open runs, in memory: they follow every commit and answer ranks at once.
//!
//! A cache of the `board_entry` rows: it can be rebuilt at any time, and knows nothing of how values come about.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use engine::catalog::{BoardEntry, Catalog};
use engine::definition::{BoardStatus, RankBy};
use engine::id::{BoardId, UserId};
use engine::leaderboard::open_runs;
use engine::outcome::{BoardChange, Move};
use engine::rank::{Place, Standings};
use engine::state::Group;
use jiff::Timestamp;
use store::driver::Tx;
use store::{Space, Store};

/// All standings.
#[derive(Debug, Default)]
pub struct Ranks {
    runs: RwLock<HashMap<Key, Arc<Mutex<Run>>>>,
}

type Key = (Space, BoardId, i64);

/// One run of a board: a ranking per group.
#[derive(Debug, Default)]
pub struct Run {
    groups: BTreeMap<Group, Standings>,
}

/// Where a user stands, as answers show it: ranks from 1 up to the board's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Now.
    pub rank: Option<i64>,
    /// Before.
    pub previous_rank: Option<i64>,
    /// The value that is needed to get on the board.
    pub threshold: i64,
}

/// One row of a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// From 1.
    pub rank: i64,
    /// The user.
    pub user: UserId,
    /// As it is shown.
    pub value: i64,
}

/// A board's value as it is shown: whole, metric values rounded (AMB-39).
pub fn shown(rank_by: RankBy, value: i64) -> i64 {
    match rank_by {
        RankBy::Metric(_) => engine::amount::Amount::from_millionths(value).rounded(),
        RankBy::Points(_) | RankBy::Streak => value,
    }
}

fn lock(run: &Mutex<Run>) -> MutexGuard<'_, Run> {
    run.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ranks {
    /// Loads the open runs of all boards that rank now.
    pub fn load(
        &self,
        tx: &mut Tx<'_>,
        space: Space,
        catalog: &Catalog,
        now: Timestamp,
    ) -> store::Result<()> {
        for board in catalog.boards() {
            self.load_board(tx, space, board, now)?;
        }
        Ok(())
    }

    /// Loads the open runs of one board, replacing what was there.
    pub fn load_board(
        &self,
        tx: &mut Tx<'_>,
        space: Space,
        board: &BoardEntry,
        now: Timestamp,
    ) -> store::Result<()> {
        self.forget(space, board.id());
        if board.body().status_at(now) != BoardStatus::Active {
            return Ok(());
        }
        for run in open_runs(board, now) {
            let loaded = load_run(tx, space, board.id(), run)?;
            let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
            runs.insert((space, board.id(), run), Arc::new(Mutex::new(loaded)));
        }
        Ok(())
    }

    /// Drops what is known of a board.
    pub fn forget(&self, space: Space, board: BoardId) {
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|key, _| (key.0, key.1) != (space, board));
    }

    fn find(&self, key: Key) -> Option<Arc<Mutex<Run>>> {
        self.runs
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned()
    }

    /// The standings of a run. A run that is not known is one that opened just now, or one that was
    /// dropped because it could not be loaded: what is stored of it is right in both cases.
    fn find_or_load(&self, store: &Store, key: Key) -> Arc<Mutex<Run>> {
        if let Some(run) = self.find(key) {
            return run;
        }
        let loaded = store.read(|tx| load_run(tx, key.0, key.1, key.2));
        let loaded = loaded.unwrap_or_else(|error| {
            tracing::error!(%error, "the standings of a run could not be loaded");
            Run::default()
        });
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        runs.entry(key)
            .or_insert_with(|| Arc::new(Mutex::new(loaded)))
            .clone()
    }

    /// Follows the moves of one committed command; answers where the user stands on the boards that
    /// its event affected.
    pub fn fold(
        &self,
        store: &Store,
        space: Space,
        catalog: &Catalog,
        moves: &[Move],
        changes: &[BoardChange],
    ) -> Vec<Standing> {
        let mut standings: Vec<Option<Standing>> = vec![None; changes.len()];
        for (index, change) in moves.iter().enumerate() {
            let Some(board) = catalog.board(change.board) else {
                continue;
            };
            let run = self.find_or_load(store, (space, change.board, change.run));
            let mut run = lock(&run);
            let wanted = changes.iter().position(|wanted| wanted.move_index == index);
            let limit = board.body().max_participants;
            let previous = wanted.and_then(|_| run.shown_rank(change.from.as_ref(), limit));
            run.follow(change);
            if let Some(wanted) = wanted {
                let group = changes[wanted].group.as_ref();
                standings[wanted] = Some(Standing {
                    rank: run.shown_rank(change.to.as_ref(), limit),
                    previous_rank: previous,
                    threshold: run.threshold(group, limit, board.body().rank_by),
                });
            }
        }
        standings
            .into_iter()
            .map(|standing| {
                standing.unwrap_or(Standing {
                    rank: None,
                    previous_rank: None,
                    threshold: 0,
                })
            })
            .collect()
    }

    /// Works on one run: the standings in memory if it is open, else what is stored of it.
    pub fn with_run<T>(
        &self,
        tx: &mut Tx<'_>,
        space: Space,
        board: &BoardEntry,
        run: i64,
        now: Timestamp,
        work: impl FnOnce(&Run) -> T,
    ) -> store::Result<T> {
        let is_open = board.body().status_at(now) == BoardStatus::Active
            && open_runs(board, now).contains(&run);
        if !is_open {
            return Ok(work(&load_run(tx, space, board.id(), run)?));
        }
        Ok(match self.find((space, board.id(), run)) {
            Some(run) => work(&lock(&run)),
            // A run that opened since and that nobody entered yet, or one that was dropped.
            None => work(&load_run(tx, space, board.id(), run)?),
        })
    }

    /// Drops runs that are over for everybody; they are read from the store from now on.
    pub fn drop_closed(&self, space: Space, catalog: &Catalog, now: Timestamp) {
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|(of, board, run), _| {
            *of != space
                || catalog.board(*board).is_some_and(|board| {
                    board.body().status_at(now) == BoardStatus::Active
                        && open_runs(board, now).contains(run)
                })
        });
    }
}

fn load_run(tx: &mut Tx<'_>, space: Space, board: BoardId, run: i64) -> store::Result<Run> {
    let groups = store::board::places(tx, space, board, run)?;
    let groups = groups
        .into_iter()
        .map(|(group, places)| (group, Standings::from_places(places)))
        .collect();
    Ok(Run { groups })
}

/// Places as they are shown, `offset` others before them.
fn ranked(
    offset: usize,
    places: impl IntoIterator<Item = Place>,
    rank_by: RankBy,
) -> impl Iterator<Item = Ranked> {
    (offset + 1..).zip(places).map(move |(rank, place)| Ranked {
        rank: i64::try_from(rank).unwrap_or(i64::MAX),
        user: UserId(place.user),
        value: shown(rank_by, place.value),
    })
}

impl Run {
    fn follow(&mut self, change: &Move) {
        if let Some((group, place)) = &change.from
            && let Some(standings) = self.groups.get_mut(group)
        {
            match &change.to {
                Some((to, next)) if to == group => {
                    standings.replace(place, *next);
                    return;
                }
                _ => {
                    standings.remove(place);
                }
            }
        }
        if let Some((group, place)) = &change.to {
            self.groups.entry(group.clone()).or_default().insert(*place);
        }
    }

    fn shown_rank(&self, place: Option<&(Group, Place)>, limit: i64) -> Option<i64> {
        let (group, place) = place?;
        let before = self
            .groups
            .get(group)
            .map_or(0, |standings| standings.rank(place));
        let rank = i64::try_from(before).ok()?.checked_add(1)?;
        (rank <= limit).then_some(rank)
    }

    /// 0 while places are free, else the next whole value above the last one shown: a newcomer must
    /// surpass it (spec/trophy.md 7.9).
    fn threshold(&self, group: Option<&Group>, limit: i64, rank_by: RankBy) -> i64 {
        let last = usize::try_from(limit - 1)
            .ok()
            .and_then(|last| group.and_then(|group| self.groups.get(group))?.get(last));
        match (last, rank_by) {
            (None, _) => 0,
            (Some(place), RankBy::Metric(_)) => place.value.div_euclid(1_000_000) + 1,
            (Some(place), _) => place.value + 1,
        }
    }

    /// The rows from `offset` on (counted from 0) of all groups that match, ranked together.
    pub fn page(
        &self,
        is_meant: impl Fn(&Group) -> bool,
        offset: usize,
        count: usize,
        rank_by: RankBy,
    ) -> Vec<Ranked> {
        let meant: Vec<&Standings> = self
            .groups
            .iter()
            .filter(|(group, _)| is_meant(group))
            .map(|(_, standings)| standings)
            .collect();
        let places: Vec<Place> = if let [only] = meant.as_slice() {
            only.range(offset, count).collect()
        } else {
            let end = offset.saturating_add(count);
            let mut places: Vec<Place> = meant
                .iter()
                .flat_map(|standings| standings.range(0, end))
                .collect();
            places.sort_unstable();
            places.into_iter().skip(offset).take(count).collect()
        };
        ranked(offset, places, rank_by).collect()
    }

    /// The rows that the board shows, ranked group by group: of each the first `limit`.
    pub fn shown(&self, limit: i64, rank_by: RankBy) -> Vec<Ranked> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.groups
            .values()
            .flat_map(|standings| ranked(0, standings.range(0, limit), rank_by))
            .collect()
    }

    /// The first places of every group.
    pub fn first(&self, count: usize) -> BTreeMap<Group, Vec<Place>> {
        self.groups
            .iter()
            .map(|(group, standings)| (group.clone(), standings.range(0, count).collect()))
            .collect()
    }

    /// How many users of all groups that match stand before a place.
    pub fn before(&self, is_meant: impl Fn(&Group) -> bool, place: &Place) -> usize {
        self.groups
            .iter()
            .filter(|(group, _)| is_meant(group))
            .map(|(_, standings)| standings.rank(place))
            .sum()
    }
}
