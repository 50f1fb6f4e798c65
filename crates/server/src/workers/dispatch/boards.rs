//! Boards that changed: their first places, and the ranks of users, each told at once and then at most every quarter of an
//! hour (spec/trophy.md 9.4, AMB-49, AMB-50).
//!
//! What was told last is remembered; where nothing was told yet, the moves say how it was before them. Only the run of the
//! present date is told of: the UTC date's for a board, the user's for a rank (AMB-37).

use std::collections::{BTreeMap, BTreeSet};

use engine::calendar::Zone;
use engine::catalog::BoardEntry;
use engine::definition::{BoardStatus, RankBy};
use engine::id::{BoardId, UserId};
use engine::leaderboard::{STREAK_RUN, open_runs};
use engine::rank::Place;
use engine::state::Group;
use jiff::Timestamp;
use jiff::civil::Date;
use store::outbox::Kept;
use store::throttle::{self, Key, Window};
use wire::trophy_app as w;
use wire::webhook::Payload;

use super::Round;
use crate::message::{BOARD_CHANGED, BOARD_STARTED, Moved, RANK_CHANGED, Run, Stood};
use crate::ranks;

/// How many places are shown.
const TOP: usize = 10;

/// The first places of every group of a run.
type Places = BTreeMap<Group, Vec<Place>>;
/// A rank and a value, as they are shown.
type Rank = (i64, i64);

/// What was read of a run.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Who was moved, and from where.
    moved: BTreeMap<i64, Option<Stood>>,
    /// Whether anybody was moved.
    has_moved: bool,
    /// Whether something waits to be told.
    pub(super) is_due: bool,
    /// The first places, as many as [`Look::needed`].
    pub(super) places: Places,
}

impl Look {
    /// Adds what a batch moved; batches come in order.
    pub(super) fn add(&mut self, moved: Moved) {
        self.has_moved = true;
        for (user, from) in moved.from {
            self.moved.entry(user).or_insert(from);
        }
    }

    /// How many places of a group are looked at: those that are shown, also if all who were moved are left out.
    pub(super) fn needed(&self, board: &BoardEntry) -> usize {
        limit(board).saturating_add(self.moved.len())
    }

    /// The places before the moves.
    fn before(&self) -> Places {
        let mut before: Places = self
            .places
            .iter()
            .map(|(group, places)| {
                let stayed = places
                    .iter()
                    .filter(|one| !self.moved.contains_key(&one.user));
                (group.clone(), stayed.copied().collect())
            })
            .collect();
        for (user, stood) in &self.moved {
            if let Some(stood) = stood {
                before.entry(stood.group.clone()).or_default().push(Place {
                    value: stood.value,
                    reached: stood.reached,
                    user: *user,
                });
            }
        }
        for places in before.values_mut() {
            places.sort_unstable();
        }
        before
    }
}

fn limit(board: &BoardEntry) -> usize {
    usize::try_from(board.body().max_participants).unwrap_or(usize::MAX)
}

/// The first places regardless of group: user and shown value.
fn top(board: &BoardEntry, places: &Places) -> Vec<(i64, i64)> {
    let mut first: Vec<&Place> = places.values().flat_map(|of| of.iter().take(TOP)).collect();
    first.sort_unstable();
    first
        .into_iter()
        .take(TOP.min(limit(board)))
        .map(|place| (place.user, ranks::shown(board.body().rank_by, place.value)))
        .collect()
}

/// The ranks that are shown, by user.
fn shown(board: &BoardEntry, places: &Places) -> BTreeMap<i64, Rank> {
    places
        .values()
        .flat_map(|of| (1..).zip(of.iter().take(limit(board))))
        .map(|(rank, place)| {
            let value = ranks::shown(board.body().rank_by, place.value);
            (place.user, (rank, value))
        })
        .collect()
}

/// The run of a date.
fn run_on(board: &BoardEntry, date: Date) -> Option<i64> {
    match board.body().rank_by {
        RankBy::Streak => Some(STREAK_RUN),
        RankBy::Metric(_) | RankBy::Points(_) => board.body().schedule().run_at(date),
    }
}

fn json<T: serde::Serialize>(value: &T) -> store::Result<Option<String>> {
    serde_json::to_string(value)
        .map(Some)
        .map_err(store::Error::broken)
}

fn told<T: serde::de::DeserializeOwned>(window: &Window<'_>) -> store::Result<Option<T>> {
    window
        .told
        .as_deref()
        .map(|told| serde_json::from_str(told).map_err(store::Error::broken))
        .transpose()
}

impl Round<'_, '_> {
    /// Tells that a run begins or is over.
    pub(super) fn run_moment(
        &mut self,
        row: &Kept,
        run: Run,
        looks: &BTreeMap<(BoardId, i64), Look>,
    ) -> store::Result<()> {
        let catalog = self.catalog;
        let look = looks.get(&(run.board, run.run));
        if let (Some(board), Some(look)) = (catalog.board(run.board), look) {
            let first = top(board, &look.places);
            let rankings = self.rankings(&first)?;
            let rankings = self.sender.rankings(board, rankings, self.now);
            let payload = if row.kind == BOARD_STARTED {
                Payload::LeaderboardStarted(rankings)
            } else {
                Payload::LeaderboardFinished(rankings)
            };
            self.push(&row.kind, payload)?;
        }
        Ok(())
    }

    /// Tells what changed on a run since it was last told.
    pub(super) fn look(&mut self, id: BoardId, run: i64, look: &Look) -> store::Result<()> {
        if !look.has_moved && !look.is_due {
            return Ok(());
        }
        let catalog = self.catalog;
        let board = catalog
            .board(id)
            .filter(|board| board.body().status_at(self.now) == BoardStatus::Active);
        let open = board.map_or_else(Vec::new, |board| open_runs(board, self.now));
        for kind in [BOARD_CHANGED, RANK_CHANGED] {
            let mut windows = throttle::of_subject(self.tx, self.space, kind, id.0)?;
            // Of runs that are over nothing more is told, nor of what nobody wants to be told.
            let over: Vec<Key<'_>> = windows
                .extract_if(.., |window| {
                    !open.contains(&window.key.run) || !catalog.listens(kind)
                })
                .map(|window| window.key)
                .collect();
            throttle::remove(self.tx, self.space, &over)?;
            let Some(board) = board.filter(|_| open.contains(&run) && catalog.listens(kind)) else {
                continue;
            };
            if kind == BOARD_CHANGED {
                self.look_at_top(board, run, look, windows)?;
            } else {
                self.look_at_ranks(board, run, look, windows)?;
            }
        }
        Ok(())
    }

    fn look_at_top(
        &mut self,
        board: &BoardEntry,
        run: i64,
        look: &Look,
        windows: Vec<Window<'_>>,
    ) -> store::Result<()> {
        let until = windows.iter().map(|window| window.until).max();
        let known = windows.into_iter().find(|window| window.key.run == run);
        let last: Vec<(i64, i64)> = match &known {
            Some(window) => told(window)?.unwrap_or_default(),
            None => top(board, &look.before()),
        };
        let first = top(board, &look.places);
        let open = until.filter(|until| *until > self.now);
        let is_present = run_on(board, Zone::utc().date(self.now)) == Some(run);
        let mut window = known.unwrap_or(Window {
            key: Key {
                kind: BOARD_CHANGED,
                subject: board.id().0,
                run,
                user: UserId(0),
            },
            until: self.now,
            due: None,
            told: json(&last)?,
        });
        window.due = open.filter(|_| first != last && is_present);
        if first != last && is_present && open.is_none() {
            let rankings = self.rankings(&first)?;
            let payload = self.sender.rankings(board, rankings, self.now);
            self.push(BOARD_CHANGED, Payload::LeaderboardChanged(payload))?;
            window.until = self.window();
            window.told = json(&first)?;
        }
        throttle::save(self.tx, self.space, &[window])
    }

    /// Rankings as they are shown; users who are gone leave their place empty.
    fn rankings(&mut self, first: &[(i64, i64)]) -> store::Result<Vec<w::LeaderboardRanking>> {
        let ids: Vec<UserId> = first.iter().map(|(user, _)| UserId(*user)).collect();
        let names = store::user::names(self.tx, self.space, &ids)?;
        let ranked = (1..).zip(first).filter_map(|(rank, (user, value))| {
            let (id, name) = names.get(&UserId(*user))?;
            Some(w::LeaderboardRanking {
                user_id: id.clone(),
                user_name: name.clone(),
                rank,
                value: *value,
            })
        });
        Ok(ranked.collect())
    }

    fn look_at_ranks(
        &mut self,
        board: &BoardEntry,
        run: i64,
        look: &Look,
        windows: Vec<Window<'_>>,
    ) -> store::Result<()> {
        let now = self.now;
        let after = shown(board, &look.places);
        let mut until: BTreeMap<UserId, Timestamp> = BTreeMap::new();
        let mut known: BTreeMap<i64, Window<'_>> = BTreeMap::new();
        for window in windows {
            let end = until.entry(window.key.user).or_insert(window.until);
            *end = window.until.max(*end);
            if window.key.run == run {
                known.insert(window.key.user.0, window);
            }
        }
        // Whoever is shown is known from the first look on.
        let before = if known.is_empty() {
            shown(board, &look.before())
        } else {
            BTreeMap::new()
        };
        let users: BTreeSet<i64> = [&after, &before]
            .into_iter()
            .flat_map(BTreeMap::keys)
            .chain(known.keys())
            .copied()
            .collect();
        let mut kept = Vec::new();
        let mut changed = Vec::new();
        for user in users {
            let window = known.remove(&user);
            let is_known = window.is_some();
            let last: Option<Rank> = match &window {
                Some(window) => told(window)?,
                None => before.get(&user).copied(),
            };
            let rank = after.get(&user).copied();
            let user = UserId(user);
            let mut window = window.unwrap_or(Window {
                key: Key {
                    kind: RANK_CHANGED,
                    subject: board.id().0,
                    run,
                    user,
                },
                until: now,
                due: None,
                told: None,
            });
            let is_other = rank.map(|(rank, _)| rank) != last.map(|(rank, _)| rank);
            let open = until.get(&user).copied().filter(|until| *until > now);
            if is_other && open.is_none() {
                changed.push((window, last, rank));
                continue;
            }
            let due = open.filter(|_| is_other);
            if !is_known || window.due != due {
                window.due = due;
                window.told = last.map(|last| json(&last)).transpose()?.flatten();
                kept.push(window);
            }
        }
        let ids: Vec<UserId> = changed.iter().map(|(window, ..)| window.key.user).collect();
        let users = store::user::by_ids(self.tx, self.space, &ids)?;
        for (mut window, last, rank) in changed {
            let user = users
                .get(&window.key.user)
                .filter(|user| run_on(board, user.zone().date(now)) == Some(run));
            if let Some(user) = user {
                let payload = self.sender.rank_changed(board, user, rank, last, now);
                self.push(RANK_CHANGED, payload)?;
                window.until = self.window();
            }
            window.due = None;
            window.told = rank.map(|rank| json(&rank)).transpose()?.flatten();
            kept.push(window);
        }
        throttle::save(self.tx, self.space, &kept)
    }
}
