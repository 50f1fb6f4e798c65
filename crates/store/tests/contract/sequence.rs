//! Random commands over three spaces: two that share batches, and one that is told what the first
//! was told, command by command. Whatever the company, the rows must be those of the model.

use std::collections::BTreeSet;

use engine::amount::Amount;
use engine::calendar::{Frequency, Zone};
use engine::command::{Command, CompleteAchievement, RecordEvent, SaveUser};
use engine::id::{AchievementId, Ids, UserId};
use engine::outcome::{Notice, Outcome, Reply};
use engine::user::{Change, Patch};
use jiff::SignedDuration;
use store::{Space, Store, batch};

use crate::configuration;
use crate::dump::dump;
use crate::model::Model;
use crate::world::{Ask, World, catalog, day, read, write};

const USERS: [&str; 5] = ["ada", "bo", "Žofka 馬🐟 \"'\\", "$1 {hold}", "ADA"];
const ZONES: [&str; 4] = [
    "Asia/Tokyo",
    "America/New_York",
    "Pacific/Kiritimati",
    "UTC",
];

/// What a run of random commands leaves.
pub(crate) struct Ran<'s> {
    pub(crate) world: World<'s>,
    /// The first two, and the one that was told command by command.
    pub(crate) spaces: [Space; 3],
    /// Of the first two.
    pub(crate) models: [Model; 2],
}

/// Random choices.
struct Chance(Ids);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap();
        usize::try_from(self.0.random() % limit).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn change(&mut self, values: &[&str]) -> Change<String> {
        match self.below(4) {
            0 => Change::Clear,
            _ => Change::Set(self.pick(values).to_owned()),
        }
    }

    fn patch(&mut self, is_first: bool) -> Patch {
        let mut patch = Patch::default();
        if self.one_in(4) {
            patch.tz = self.change(&ZONES);
        }
        if self.one_in(3) {
            for (key, values) in [("plan", ["pro", "free"]), ("team", ["red", "blå"])] {
                if self.one_in(2) {
                    let value = (!self.one_in(4)).then(|| self.pick(&values).to_owned());
                    patch.attributes.insert(key.to_owned(), value);
                }
            }
        }
        if self.one_in(4) {
            patch.name = self.change(&["Ada", "Łucja 🏆", ""]);
        }
        if self.one_in(6) {
            patch.email = self.change(&["ada@example.com"]);
            patch.is_subscribed = self.pick(&[None, None, Some(true), Some(false)]);
        }
        if self.one_in(6) {
            patch.device_tokens = match self.below(3) {
                0 => Change::Clear,
                1 => Change::Set(Vec::new()),
                _ => Change::Set(vec!["a\"b".to_owned(), "ü".to_owned()]),
            };
        }
        // Known from the beginning or never: which closed runs a command may touch does not depend
        // then on the company it comes in.
        if is_first && self.one_in(2) {
            let date = self.pick(&["2025-02-24", "2025-03-01", "2024-02-29", "2025-02-20"]);
            patch.sign_up_date = Change::Set(day(date));
        }
        patch
    }

    fn command(&mut self, is_first: bool) -> Command {
        match self.below(20) {
            0..=11 => {
                let metric = self.pick(&["runs", "runs", "words", "words", "coins", "unknown"]);
                let value = self.pick(&["1", "2", "3", "0.5", "0", "-1", "1.25"]);
                // Beyond the range of exact sums: the second of them is refused.
                let value = if metric == "coins" && self.one_in(3) {
                    "-9000000000000"
                } else {
                    value
                };
                let mut attributes = std::collections::BTreeMap::new();
                if self.one_in(2) {
                    let kind = self.pick(&["a", "a", "b", "ç"]);
                    attributes.insert("kind".to_owned(), kind.to_owned());
                }
                let user = if self.one_in(4) {
                    self.patch(is_first)
                } else {
                    Patch::default()
                };
                let key = self.pick(&["k0", "k1", "k2", "k3", "k4", "k5", "🔑"]);
                Command::RecordEvent(RecordEvent {
                    metric: metric.to_owned(),
                    value: Amount::parse(value).unwrap(),
                    attributes,
                    user,
                    idempotency_key: self.one_in(3).then(|| key.to_owned()),
                })
            }
            12..=14 => Command::SaveUser(SaveUser {
                user: self.patch(is_first),
                may_create: !self.one_in(3),
                must_be_new: None,
            }),
            15 => Command::CompleteAchievement(CompleteAchievement {
                key: self
                    .pick(&["hello", "hello", "ten-runs", "none"])
                    .to_owned(),
                user: self.patch(is_first),
            }),
            16..=18 => Command::Settle,
            _ => {
                let achievement: AchievementId = self.pick(&[
                    configuration::KIND_A,
                    configuration::KIND_B,
                    configuration::TEN_RUNS,
                    configuration::YEAR,
                ]);
                Command::Backdate { achievement }
            }
        }
    }
}

/// Carries out random batches and compares each outcome. `has_changes`: also changes the
/// configuration on the way.
pub(crate) fn run(store: &Store, seed: u64, batches: usize, has_changes: bool) -> Ran<'_> {
    let mut world = World::new(store);
    let spaces = [world.space, world.tenant("second"), world.tenant("third")];
    let now = world.now;
    for space in spaces {
        write(store, |tx| configuration::insert(tx, space, now));
    }
    let mut models = [Model::default(), Model::default()];
    let mut chance = Chance(Ids::seeded(seed));
    let mut mentioned = BTreeSet::new();
    for step in 0..batches {
        let hours = chance.pick(&[0, 1, 5, 11, 20, 26, 30, 75]);
        world.now += SignedDuration::from_hours(hours);
        if has_changes {
            reconfigure(&world, &spaces, step * 6 / batches, step * 6 % batches < 6);
        }
        for (model, space) in models.iter_mut().zip(spaces) {
            model.catalog = read(store, |tx| catalog(tx, space));
        }
        let mut asks = Vec::new();
        for _ in 0..=chance.below(20) {
            let index = chance.below(2);
            let name = chance.pick(&USERS);
            let command = chance.command(mentioned.insert((index, name)));
            let ask = world.ask(spaces[index], name, command);
            asks.push((index, name, ask));
        }
        let batch: Vec<Ask> = asks.iter().map(|(_, _, ask)| ask.clone()).collect();
        let outcomes = world.carry_out(&batch);
        for ((index, name, ask), outcome) in asks.into_iter().zip(outcomes) {
            let outcome = outcome.unwrap();
            let expected = models[index].carry_out(name, &ask.command, ask.now, ask.seed);
            assert_same(
                &outcome,
                &expected,
                &format!("seed {seed}, batch {step}: {ask:?}"),
            );
            if index == 0 {
                let alone = Ask {
                    space: spaces[2],
                    ..ask
                };
                let outcome = world.carry_out(std::slice::from_ref(&alone)).pop().unwrap();
                assert_same(
                    &outcome.unwrap(),
                    &expected,
                    &format!("seed {seed}: {alone:?}"),
                );
            }
        }
    }
    Ran {
        world,
        spaces,
        models,
    }
}

/// Changes the configuration of all spaces at the beginning of each sixth of a sequence.
fn reconfigure(world: &World<'_>, spaces: &[Space], part: usize, is_beginning: bool) {
    if !is_beginning {
        return;
    }
    let now = world.now;
    for &space in spaces {
        write(world.store, |tx| match part {
            2 => configuration::insert_late(tx, space, now),
            3 => configuration::set_frequency(tx, space, Frequency::Weekly, now),
            4 => configuration::renew_trigger(tx, space, now),
            5 => configuration::set_frequency(tx, space, Frequency::Daily, now),
            _ => Ok(()),
        });
    }
}

/// Compares outcomes apart from our ids of users.
#[track_caller]
fn assert_same(outcome: &Outcome, expected: &Outcome, what: &str) {
    let (outcome, expected) = (nameless(outcome), nameless(expected));
    match (&outcome.reply, &expected.reply) {
        (Reply::User(user), Reply::User(wanted)) => {
            let mut user = user.clone();
            user.id = wanted.id;
            assert_eq!(user, *wanted, "{what}");
        }
        (reply, wanted) => assert_eq!(reply, wanted, "{what}"),
    }
    assert_eq!(outcome.appended, expected.appended, "{what}");
    assert_eq!(outcome.notices, expected.notices, "{what}");
    assert_eq!(outcome.moves.len(), expected.moves.len(), "{what}");
    for (step, wanted) in outcome.moves.iter().zip(&expected.moves) {
        assert_eq!((step.board, step.run), (wanted.board, wanted.run), "{what}");
        for (side, wanted) in [(&step.from, &wanted.from), (&step.to, &wanted.to)] {
            let plain = |side: &Option<(engine::state::Group, engine::rank::Place)>| {
                side.as_ref()
                    .map(|(group, place)| (group.clone(), place.value, place.reached))
            };
            assert_eq!(plain(side), plain(wanted), "{what}");
        }
    }
}

/// An outcome without our ids of users.
fn nameless(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    let changes = match &mut outcome.reply {
        Reply::Event(event) => event.points.as_mut_slice(),
        Reply::Completion(completion) => completion.points.as_mut_slice(),
        _ => &mut [],
    };
    let told = outcome
        .notices
        .iter_mut()
        .filter_map(|notice| match notice {
            Notice::PointsChanged(change) => Some(change),
            _ => None,
        });
    changes
        .iter_mut()
        .chain(told)
        .flat_map(|change| change.awards.iter_mut())
        .chain(outcome.appended.ledger.iter_mut())
        .for_each(|award| award.user = UserId(0));
    outcome
}

impl Ran<'_> {
    /// Compares all tables of all spaces with the models.
    pub(crate) fn assert_stored(&self) {
        for (index, space) in self.spaces.into_iter().enumerate() {
            let expected = self.models[index % 2].dump();
            let stored = dump(self.world.store, space);
            stored
                .without("counter")
                .assert_eq(&expected, &format!("space {index}"));
        }
    }

    /// Loads every user in every way and compares the states.
    pub(crate) fn assert_loaded(&mut self) {
        let (store, now) = (self.world.store, self.world.now);
        for (index, space) in self.spaces.into_iter().enumerate() {
            let model = &self.models[index % 2];
            for (name, expected) in &model.users {
                let one = read(store, |tx| {
                    let catalog = catalog(tx, space)?;
                    batch::load_one(tx, space, &catalog, name, now)
                });
                let one = one.unwrap();
                let backdate = Command::Backdate {
                    achievement: configuration::KIND_A,
                };
                let item = batch::Item {
                    space,
                    user: name,
                    command: &backdate,
                    now,
                };
                let ids = &mut self.world.ids;
                let wide = write(store, |tx| {
                    let catalog = catalog(tx, space)?;
                    let find = |asked| (asked == space).then(|| catalog.clone());
                    let mut set = batch::load(tx, &find, &[item], ids, true)?;
                    Ok(set.state(space, name).unwrap().clone())
                });
                for state in [one, wide] {
                    let mut user = state.user.get().clone();
                    user.id = expected.user.get().id;
                    assert_eq!(user, *expected.user.get());
                    assert!(!state.is_new && !state.user.is_changed());
                    assert_eq!(state.totals, expected.totals, "{name}");
                    assert_eq!(state.streak, expected.streak, "{name}");
                    assert_eq!(state.completions, expected.completions, "{name}");
                    assert_eq!(state.balances, expected.balances, "{name}");
                    assert!(state.seen.is_empty(), "nobody asked");
                    assert_eq!(
                        model.counting(name, &state.counters),
                        model.counting(name, &expected.counters),
                        "{name}"
                    );
                    let today = Zone::utc().date(now - SignedDuration::from_hours(36));
                    let recent = |days: &engine::streak::Days| {
                        let recent = days.iter().filter(|((_, date), _)| *date >= today);
                        recent
                            .map(|(key, row)| (*key, *row.get()))
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(recent(&state.days), recent(&expected.days), "{name}");
                    for (key, row) in &state.days {
                        assert_eq!(row, &expected.days[key], "{name}");
                    }
                    for (key, row) in &state.boards {
                        assert_eq!(row, &expected.boards[key], "{name}");
                    }
                }
            }
        }
    }
}
