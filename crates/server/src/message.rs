//! What is told outside of what happened (spec/trophy.md 9.4): from notices of the rules to the payloads of webhooks.
//!
//! What a payload shows is as it was when it happened, so it is rendered in the transaction of the command. What is told little
//! of is kept in a form that can be merged. Must not know who is told, or when.

use std::collections::BTreeMap;

use engine::catalog::{BoardEntry, Catalog};
use engine::id::{AchievementId, BoardId, BoostId, LevelId};
use engine::outcome::{Move, Notice, Outcome, PointsChange};
use engine::state::{Completion, Group, UserState};
use engine::user::User;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::driver::Tx;
use store::{Error, Result, Space};
use uuid::Uuid;
use wire::trophy_app as w;
use wire::vocabulary::BoostStatus;
use wire::webhook::{self, Message, Payload};

use crate::api::trophy_app::{render, streaks};

/// Points were gained or lost; told once in a while.
pub const POINTS_CHANGED: &str = "points.changed";
/// The level changed; always told.
pub const LEVEL_CHANGED: &str = "points.level_changed";
/// The first places of a board changed; told once in a while.
pub const BOARD_CHANGED: &str = "leaderboard.changed";
/// A run of a board began.
pub const BOARD_STARTED: &str = "leaderboard.started";
/// A run of a board is over.
pub const BOARD_FINISHED: &str = "leaderboard.finished";
/// The rank of a user changed; told once in a while.
pub const RANK_CHANGED: &str = "leaderboard.rank_changed";

/// What waits in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The kind of message it leads to.
    pub kind: &'static str,
    /// JSON: the payload itself, or [`Points`], [`Moved`].
    pub body: String,
}

/// Points that were gained or lost, so that several changes can be told as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Points {
    /// What happened.
    pub change: webhook::PointsChange,
    /// The level before it, if it changed the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Level>,
}

/// A level, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Its id; nothing: below all levels.
    pub id: Option<String>,
}

impl Points {
    /// Adds a later change: sums, all awards, the level before all of it against the one after all of it.
    pub fn add(&mut self, later: Self) {
        let before = std::mem::replace(&mut self.change, later.change);
        let (old, new) = (before.points, &mut self.change.points);
        new.added = new.added.saturating_add(old.added);
        let mut awards = old.awards;
        awards.append(&mut new.awards);
        new.awards = awards;
        new.level = new.level.take().or(old.level);
        self.from = self.from.take().or(later.from);
        let after = new.level.as_ref().map(|level| Level {
            id: level.as_ref().map(|level| level.id.clone()),
        });
        if after == self.from {
            new.level = None;
            self.from = None;
        }
    }
}

/// The users whom the commands of a batch moved on a run of a board, and where they stood before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The board.
    pub board: Uuid,
    /// The run.
    pub run: i64,
    /// User, and where the user stood.
    pub from: Vec<(i64, Option<Stood>)>,
}

/// Where a user stood on a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    /// The group.
    pub group: Group,
    /// The value.
    pub value: i64,
    /// When it was reached, in microseconds UTC.
    pub reached: i64,
}

/// What the moves of a batch, in their order, come to by board and run.
pub fn moved<'a>(moves: impl IntoIterator<Item = &'a Move>) -> Vec<Moved> {
    let mut runs: BTreeMap<(BoardId, i64), BTreeMap<i64, Option<Stood>>> = BTreeMap::new();
    for change in moves {
        let place = change.from.as_ref().or(change.to.as_ref());
        let Some((_, place)) = place else {
            continue;
        };
        let from = change.from.as_ref().map(|(group, place)| Stood {
            group: group.clone(),
            value: place.value,
            reached: place.reached,
        });
        let users = runs.entry((change.board, change.run)).or_default();
        users.entry(place.user).or_insert(from);
    }
    runs.into_iter()
        .map(|((board, run), from)| Moved {
            board: board.0,
            run,
            from: from.into_iter().collect(),
        })
        .collect()
}

/// The run of a board that a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Run {
    /// The board.
    pub board: BoardId,
    /// The run.
    pub run: i64,
}

/// Whom a notice is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: &'a User,
    /// What the user completed.
    pub completions: &'a BTreeMap<AchievementId, Completion>,
    /// The streak with its past, for reminders of it.
    pub streak: Option<&'a w::StreakResponse>,
}

/// Messages of one space.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The configuration.
    pub catalog: &'a Catalog,
    /// The customer id of the tenant, if the space is one's (AMB-47).
    pub tenant: Option<&'a str>,
}

impl Sender<'_> {
    /// The text that is sent.
    pub fn write(&self, payload: Payload) -> Result<String> {
        let message = Message {
            payload,
            tenant_id: self.tenant.map(str::to_owned),
        };
        serde_json::to_string(&message).map_err(Error::broken)
    }

    /// What is kept of a notice, as far as somebody wants to be told; `at`: when it happened.
    pub fn tell(&self, subject: Subject<'_>, notice: &Notice, at: Timestamp) -> Result<Vec<Told>> {
        let mut told = Vec::new();
        if !is_meant(subject.user, notice.kind()) {
            return Ok(told);
        }
        if let Notice::PointsChanged(change) = notice {
            self.tell_points(subject.user, change, at, &mut told)?;
        } else if self.catalog.listens(notice.kind())
            && let Some(payload) = self.payload(subject, notice, at)
        {
            told.push(Told {
                kind: notice.kind(),
                body: self.write(payload)?,
            });
        }
        Ok(told)
    }

    fn tell_points(
        &self,
        user: &User,
        change: &PointsChange,
        at: Timestamp,
        told: &mut Vec<Told>,
    ) -> Result<()> {
        if self.catalog.listens(POINTS_CHANGED)
            && let Some(points) = self.points(user, change, at)
        {
            told.push(Told {
                kind: POINTS_CHANGED,
                body: serde_json::to_string(&points).map_err(Error::broken)?,
            });
        }
        if self.catalog.listens(LEVEL_CHANGED)
            && let Some(payload) = self.level_changed(user, change)
        {
            told.push(Told {
                kind: LEVEL_CHANGED,
                body: self.write(payload)?,
            });
        }
        Ok(())
    }

    fn points(&self, user: &User, change: &PointsChange, at: Timestamp) -> Option<Points> {
        let points = render::points_change(self.catalog, change, at)?;
        let user = render::user(user);
        let from = change.level.map(|(before, _)| Level {
            id: before.map(|level| level.to_string()),
        });
        let change = webhook::PointsChange { user, points };
        Some(Points { change, from })
    }

    fn level_changed(&self, user: &User, change: &PointsChange) -> Option<Payload> {
        let (before, after) = change.level?;
        let system = self.catalog.system(change.system)?;
        let level = |id: Option<LevelId>| id.and_then(|id| system.level(id)).map(render::level);
        Some(Payload::LevelChanged(Box::new(webhook::LevelChange {
            user: render::user(user),
            points: webhook::Balance {
                system: render::system(system),
                total: change.total,
            },
            previous_level: level(before),
            new_level: level(after),
        })))
    }

    /// The payload of what happened to a user; nothing for what is told by other means, and for what is not known any
    /// more.
    fn payload(&self, subject: Subject<'_>, notice: &Notice, at: Timestamp) -> Option<Payload> {
        let user = render::user(subject.user);
        let timestamp = render::instant(at);
        let achievement = |id: AchievementId, completion: Option<&Completion>| {
            let entry = self.catalog.achievement(id)?;
            Some(render::user_achievement(self.catalog, entry, completion))
        };
        let streak = |view| render::streak(&self.catalog.streak, view);
        Some(match notice {
            Notice::AchievementCompleted {
                achievement: id, ..
            } => Payload::AchievementCompleted {
                achievement: achievement(*id, subject.completions.get(id))?,
                user,
            },
            Notice::StreakStarted(view) => Payload::StreakStarted(webhook::StreakChange {
                user,
                streak: streak(view),
            }),
            Notice::StreakExtended(view) => Payload::StreakExtended(webhook::StreakChange {
                user,
                streak: streak(view),
            }),
            Notice::StreakLost { length } => Payload::StreakLost {
                user,
                length: *length,
            },
            Notice::FreezeConsumed { freezes } => Payload::FreezeConsumed {
                user,
                consumed: 1,
                freezes: *freezes,
            },
            Notice::FreezeEarned { earned, freezes } => Payload::FreezeEarned {
                user,
                earned: *earned,
                freezes: *freezes,
            },
            Notice::RecapDue { period } => Payload::RecapDue {
                timestamp,
                user,
                recap: webhook::Recap {
                    period_start: period.start.to_string(),
                    period_end: period.end.to_string(),
                },
            },
            Notice::ReactivationDue { message, days } => Payload::ReactivationDue {
                timestamp,
                user,
                reactivation: webhook::Reactivation {
                    message_number: *message,
                    days_since_last_active: *days,
                },
            },
            Notice::StreakReminderDue(_) => Payload::StreakReminderDue {
                timestamp,
                user,
                streak: Box::new(subject.streak?.clone()),
            },
            Notice::AchievementDue {
                achievement: id, ..
            } => Payload::AchievementDue {
                timestamp,
                achievement: achievement(*id, subject.completions.get(id))?,
                user,
            },
            Notice::PointsChanged(_)
            | Notice::BoostStarted { .. }
            | Notice::BoostFinished { .. }
            | Notice::BoardStarted { .. }
            | Notice::BoardFinished { .. } => return None,
        })
    }

    /// What is kept of something that begins or ends by the clock, if somebody wants to be told; `at`: when.
    pub fn tell_moment(&self, notice: &Notice, at: Timestamp) -> Result<Option<Told>> {
        if !self.catalog.listens(notice.kind()) {
            return Ok(None);
        }
        let body = match notice {
            Notice::BoostStarted { boost } | Notice::BoostFinished { boost } => {
                let is_start = matches!(notice, Notice::BoostStarted { .. });
                let Some(payload) = self.boost(*boost, is_start, at) else {
                    return Ok(None);
                };
                self.write(payload)?
            }
            notice => serde_json::to_string(notice).map_err(Error::broken)?,
        };
        Ok(Some(Told {
            kind: notice.kind(),
            body,
        }))
    }

    /// The payload of a boost that begins, or ends; nothing if it or its system is not known any more.
    fn boost(&self, id: BoostId, is_start: bool, at: Timestamp) -> Option<Payload> {
        let boost = self.catalog.boost(id)?.body();
        let system = self.catalog.system(boost.system)?;
        let moment = webhook::BoostMoment {
            timestamp: render::instant(at),
            boost: webhook::Boost {
                id: id.to_string(),
                name: boost.name.clone(),
                status: if is_start {
                    BoostStatus::Active
                } else {
                    BoostStatus::Finished
                },
                user_id: boost.user.as_ref().map(|user| user.name.clone()),
                points_system_id: system.stored.id.to_string(),
                points_system_key: system.body().key.clone(),
                points_system_name: system.body().name.clone(),
                start: boost.start.to_string(),
                end: boost.end.map(|end| end.to_string()),
                multiplier: boost.multiplier.to_f64(),
                rounding: render::rounding(boost.rounding),
            },
        };
        Some(if is_start {
            Payload::BoostStarted(moment)
        } else {
            Payload::BoostFinished(moment)
        })
    }

    /// A board with its first places.
    pub fn rankings(
        &self,
        board: &BoardEntry,
        rankings: Vec<w::LeaderboardRanking>,
        now: Timestamp,
    ) -> webhook::Rankings {
        webhook::Rankings {
            leaderboard: w::LeaderboardResponseWithRankings {
                leaderboard: render::leaderboard(self.catalog, board, now),
                rankings,
            },
        }
    }

    /// A user's place on a board, and the one last told, each a rank and a value.
    pub fn rank_changed(
        &self,
        board: &BoardEntry,
        user: &User,
        rank: Option<(i64, i64)>,
        previous: Option<(i64, i64)>,
        now: Timestamp,
    ) -> Payload {
        Payload::RankChanged(Box::new(webhook::RankChange {
            user: render::user(user),
            leaderboard: webhook::RankOnLeaderboard {
                leaderboard: w::UserLeaderboardResponse {
                    leaderboard: render::leaderboard(self.catalog, board, now),
                    rank: rank.map(|(rank, _)| rank),
                    value: rank.map(|(_, value)| value),
                },
                previous_rank: previous.map(|(rank, _)| rank),
                previous_value: previous.map(|(_, value)| value),
            },
        }))
    }
}

/// The streak with its past as reminders of it show it, if a command led to one.
pub fn reminded(
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &Catalog,
    state: &UserState,
    outcome: &Outcome,
    at: Timestamp,
) -> Result<Option<w::StreakResponse>> {
    let is_due = |notice: &Notice| matches!(notice, Notice::StreakReminderDue(_));
    if !outcome.notices.iter().any(is_due) {
        return Ok(None);
    }
    let appended = &outcome.appended;
    streaks::response(tx, space, catalog, state, appended, at, streaks::PERIODS).map(Some)
}

/// Whether a user's affairs of a kind are told at all: nothing of a streak to users who have none (5.11), no mail to the
/// control group (2.7).
fn is_meant(user: &User, kind: &str) -> bool {
    let is_of_streak = kind.starts_with("streak.");
    let is_mail = kind.starts_with("emails.");
    !(is_of_streak && !user.preferences.has_streak() || is_mail && user.is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::catalog::Definitions;
    use engine::definition::{PointsBoost, PointsSystem, Stored};
    use engine::id::{CurrencyId, UserId};
    use engine::outcome::Notice;
    use engine::preferences::StreakPreferences;
    use engine::rank::Place;
    use serde_json::{Value, json};
    use testkit::contract::{Contract, Findings};

    const NOW: &str = "2026-03-10T09:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn user() -> User {
        let mut user = User::new(UserId(1), "u".to_owned(), at(NOW));
        user.name = Some("Ada".to_owned());
        user
    }

    /// Somebody listens to everything.
    fn catalog() -> Catalog {
        let kinds = Contract::read("trophy/application.json").webhooks();
        let definitions = Definitions {
            listened: kinds.into_iter().map(|(kind, _)| kind).collect(),
            ..Definitions::default()
        };
        Catalog::compile(1, definitions)
    }

    /// What is told of a notice.
    fn told(user: &User, streak: Option<&w::StreakResponse>, notice: &Notice) -> Vec<Value> {
        let catalog = catalog();
        let sender = Sender {
            catalog: &catalog,
            tenant: Some("acme"),
        };
        let subject = Subject {
            user,
            completions: &BTreeMap::new(),
            streak,
        };
        let told = sender.tell(subject, notice, at(NOW)).unwrap_or_default();
        told.iter().map(|one| sound(&one.body)).collect()
    }

    /// The payload, if it is as the contract says.
    fn sound(body: &str) -> Value {
        let contract = Contract::read("trophy/application.json");
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        let schema = contract
            .webhooks()
            .into_iter()
            .find(|(kind, _)| value["type"] == **kind);
        let mut findings = Findings::default();
        let (kind, schema) = schema.unwrap_or_default();
        contract.check(&schema, &value, &kind, &mut findings);
        assert_eq!(findings.faults, [], "{body}");
        assert_eq!(value["tenantId"], "acme");
        value
    }

    fn reminder() -> w::StreakResponse {
        w::StreakResponse {
            streak: w::BaseStreakResponse {
                length: 3,
                frequency: w::StreakFrequency::Daily,
                started: Some("2026-03-07".to_owned()),
                period_start: Some("2026-03-10".to_owned()),
                period_end: Some("2026-03-10".to_owned()),
                expires: Some("2026-03-10".to_owned()),
                freezes: None,
                max_freezes: None,
                freeze_auto_earn_interval: None,
                freeze_auto_earn_amount: None,
            },
            extended: Some("2026-03-09T09:00:00.000Z".to_owned()),
            streak_history: Vec::new(),
            pauses: Vec::new(),
            rank: Some(1),
        }
    }

    fn view() -> engine::outcome::StreakView {
        engine::outcome::StreakView {
            length: 3,
            frequency: engine::calendar::Frequency::Daily,
            started: None,
            period: None,
            expires: None,
            extended: None,
            freezes: 0,
        }
    }

    #[test]
    fn mail_that_is_due_is_told() {
        let period = engine::calendar::Period {
            start: jiff::civil::date(2026, 3, 1),
            end: jiff::civil::date(2026, 3, 7),
        };
        let recap = &told(&user(), None, &Notice::RecapDue { period })[0];
        assert_eq!(recap["timestamp"], "2026-03-10T09:00:00.000Z");
        let expected = json!({"periodStart": "2026-03-01", "periodEnd": "2026-03-07"});
        assert_eq!(recap["recap"], expected);
        let back = Notice::ReactivationDue {
            message: 2,
            days: 14,
        };
        let expected = json!({"messageNumber": 2, "daysSinceLastActive": 14});
        assert_eq!(told(&user(), None, &back)[0]["reactivation"], expected);
        let streak = reminder();
        let due = Notice::StreakReminderDue(view());
        let reminder = &told(&user(), Some(&streak), &due)[0];
        assert_eq!(reminder["streak"]["length"], 3);
        assert_eq!(reminder["streak"]["pauses"], json!([]));
        // An achievement that is not there any more cannot be shown.
        let gone = Notice::AchievementDue {
            achievement: AchievementId(Uuid::nil()),
            at: at(NOW),
        };
        assert_eq!(told(&user(), None, &gone), Vec::<Value>::new());
    }

    #[test]
    fn the_control_group_gets_no_mail_and_who_has_no_streak_hears_nothing_of_it() {
        let period = engine::calendar::Period {
            start: jiff::civil::date(2026, 3, 1),
            end: jiff::civil::date(2026, 3, 7),
        };
        let recap = Notice::RecapDue { period };
        let lost = Notice::StreakLost { length: 4 };
        let count = |user: &User| [&recap, &lost].map(|notice| told(user, None, notice).len());
        assert_eq!(count(&user()), [1, 1]);
        let control = User {
            is_control: true,
            ..user()
        };
        assert_eq!(count(&control), [0, 1]);
        let mut without = user();
        without.preferences.streak = Some(StreakPreferences {
            is_enabled: Some(false),
            ..StreakPreferences::default()
        });
        assert_eq!(count(&without), [1, 0]);
    }

    #[test]
    fn boosts_are_told_with_their_system() {
        fn stored<T>(id: u128, body: T) -> Stored<T> {
            Stored {
                id: Uuid::from_u128(id),
                created: at(NOW),
                updated: at(NOW),
                is_archived: false,
                body,
            }
        }
        let system = PointsSystem {
            name: "XP".to_owned(),
            key: "xp".to_owned(),
            description: String::new(),
            badge_url: None,
            max_points: None,
        };
        let boost = PointsBoost {
            system: CurrencyId(Uuid::from_u128(1)),
            name: "Double".to_owned(),
            start: jiff::civil::date(2026, 3, 11),
            end: None,
            multiplier: engine::amount::Amount::from_units(2),
            rounding: engine::definition::Rounding::Down,
            user: None,
            user_filters: Vec::new(),
        };
        let definitions = Definitions {
            listened: catalog().listened,
            systems: vec![stored(1, system)],
            boosts: vec![stored(2, boost)],
            ..Definitions::default()
        };
        let catalog = Catalog::compile(1, definitions);
        let sender = Sender {
            catalog: &catalog,
            tenant: Some("acme"),
        };
        let boost = BoostId(Uuid::from_u128(2));
        for (notice, status) in [
            (Notice::BoostStarted { boost }, "active"),
            (Notice::BoostFinished { boost }, "finished"),
        ] {
            let kept = sender.tell_moment(&notice, at(NOW)).unwrap_or_default();
            let told = sound(&kept.map(|kept| kept.body).unwrap_or_default());
            assert_eq!(told["type"], notice.kind());
            assert_eq!(told["timestamp"], "2026-03-10T09:00:00.000Z");
            let expected = json!({
                "id": boost.to_string(), "name": "Double", "status": status, "userId": null,
                "pointsSystemId": Uuid::from_u128(1).to_string(), "pointsSystemKey": "xp", "pointsSystemName": "XP",
                "start": "2026-03-11", "end": null, "multiplier": 2.0, "rounding": "down",
            });
            assert_eq!(told["boost"], expected);
        }
    }

    fn points(total: i64, added: i64, levels: Option<(Option<&str>, Option<&str>)>) -> Points {
        let level = |id: &str| w::PointsLevel {
            id: id.to_owned(),
            key: id.to_owned(),
            name: id.to_owned(),
            description: String::new(),
            badge_url: None,
            points: 0,
        };
        Points {
            change: webhook::PointsChange {
                user: render::user(&user()),
                points: w::MetricEventPointsResponse {
                    id: CurrencyId(Uuid::nil()).to_string(),
                    key: "xp".to_owned(),
                    name: "XP".to_owned(),
                    description: None,
                    badge_url: None,
                    max_points: None,
                    total,
                    level: levels.map(|(_, after)| after.map(level)),
                    added,
                    awards: Vec::new(),
                },
            },
            from: levels.map(|(before, _)| Level {
                id: before.map(str::to_owned),
            }),
        }
    }

    /// `spec/trophy.md` 9.4: sums, and the level before all against the level after all.
    #[test]
    fn changes_of_points_add_up() {
        let add = |changes: &[Points]| {
            let mut sum = changes[0].clone();
            for later in &changes[1..] {
                sum.add(later.clone());
            }
            sum
        };
        let up = points(60, 20, Some((Some("bronze"), Some("silver"))));
        let down = points(45, -15, Some((Some("silver"), Some("bronze"))));
        let out = points(0, -45, Some((Some("bronze"), None)));
        let flat = points(65, 5, None);
        let sum = add(&[points(40, 1, None), up.clone(), flat.clone()]);
        assert_eq!((sum.change.points.total, sum.change.points.added), (65, 26));
        let level = |sum: &Points| {
            let level = sum.change.points.level.clone();
            level.map(|level| level.map(|level| level.id))
        };
        assert_eq!(level(&sum), Some(Some("silver".to_owned())));
        let sum = add(&[up.clone(), down.clone()]);
        assert_eq!((level(&sum), sum.from.clone()), (None, None));
        assert_eq!(sum.change.points.added, 5);
        let sum = add(&[up, down, out, flat]);
        assert_eq!(level(&sum), Some(None));
        assert_eq!(sum.from.and_then(|from| from.id), Some("bronze".to_owned()));
    }

    #[test]
    fn the_moves_of_a_batch_start_where_its_first_move_started() {
        let place = |user, value| {
            let place = Place {
                value,
                reached: 1,
                user,
            };
            Some((Vec::new(), place))
        };
        let step = |user, run, from: Option<i64>, to: Option<i64>| Move {
            board: BoardId(Uuid::nil()),
            run,
            from: from.and_then(|value| place(user, value)),
            to: to.and_then(|value| place(user, value)),
        };
        let moves = [
            step(1, 0, Some(5), Some(6)),
            step(2, 0, None, Some(3)),
            step(1, 0, Some(6), Some(9)),
            step(1, 1, Some(2), None),
        ];
        let stood = |value| Stood {
            group: Vec::new(),
            value,
            reached: 1,
        };
        let of_run = |run, from| Moved {
            board: Uuid::nil(),
            run,
            from,
        };
        let expected = [
            of_run(0, vec![(1, Some(stood(5))), (2, None)]),
            of_run(1, vec![(1, Some(stood(2)))]),
        ];
        assert_eq!(moved(&moves), expected);
    }
}
