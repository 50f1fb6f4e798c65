//! What must hold for every history: replaying, loading between commands, settling early or late,
//! every time zone, and two naive models beside the rules.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engine::amount::Amount;
use engine::apply::apply;
use engine::arrival::counts_at;
use engine::calendar::{Frequency, RunUnit, Zone, days_after};
use engine::command::{Command, RecordEvent, Refusal, SaveUser};
use engine::definition::{
    AchievementTrigger, BoardStatus, Freezes, RankBy, Rounding, Run, StreakMetric, StreakMode,
    StreakSettings, TickUnit, TriggerRule,
};
use engine::id::{AchievementId, BoardId, CurrencyId, Ids, MetricId};
use engine::outcome::{EventReply, Reply};
use engine::state::{Company, Group, Row, UserState};
use engine::user::{Change, Patch, User};
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use world::{World, amount, day, every, filter, instant};

const ZONES: [&str; 8] = [
    "UTC",
    "America/New_York",
    "Europe/London",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
    "Asia/Kathmandu",
    "America/Santiago",
    "Australia/Lord_Howe",
];
const USERS: [&str; 3] = ["ada", "bob", "eve"];
const METRICS: [&str; 2] = ["km", "steps"];
const COLOURS: [&str; 3] = ["red", "blue", "green"];

/// One thing that happens, and how long after the one before.
#[derive(Clone, Debug)]
struct Step {
    user: usize,
    minutes: i64,
    deed: Deed,
}

#[derive(Clone, Debug)]
enum Deed {
    Event {
        metric: usize,
        tenths: i64,
        colour: Option<usize>,
        patch: Says,
        key: Option<u8>,
    },
    Save(Says),
    Complete,
    Settle,
}

/// What a request says of the user.
#[derive(Clone, Debug, Default)]
struct Says {
    zone: Change<usize>,
    /// An attribute (first) and its value, or null.
    attribute: Option<(bool, Option<usize>)>,
    /// So many years and days before the first instant of the history.
    signed_up: Option<(i64, i64)>,
    named: bool,
}

fn says() -> impl Strategy<Value = Says> {
    let zone = prop_oneof![
        6 => Just(Change::Keep),
        1 => Just(Change::Clear),
        3 => (0..ZONES.len()).prop_map(Change::Set),
    ];
    let attribute = prop_oneof![
        3 => Just(None),
        1 => (any::<bool>(), proptest::option::of(0..COLOURS.len())).prop_map(Some),
    ];
    let signed_up = prop_oneof![8 => Just(None), 1 => (0_i64..3, -3_i64..40).prop_map(Some)];
    (zone, attribute, signed_up, proptest::bool::weighted(0.1)).prop_map(
        |(zone, attribute, signed_up, named)| Says {
            zone,
            attribute,
            signed_up,
            named,
        },
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    let event = (
        0..METRICS.len(),
        prop_oneof![4 => 1_i64..60, 1 => -40_i64..40],
        proptest::option::of(0..COLOURS.len()),
        prop_oneof![2 => Just(Says::default()), 1 => says()],
        proptest::option::weighted(0.2, 0_u8..4),
    )
        .prop_map(|(metric, tenths, colour, patch, key)| Deed::Event {
            metric,
            tenths,
            colour,
            patch,
            key,
        });
    prop_oneof![
        10 => event,
        2 => says().prop_map(Deed::Save),
        1 => Just(Deed::Complete),
        1 => Just(Deed::Settle),
    ]
}

/// A history whose pauses run from minutes to weeks.
fn history(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let minutes = prop_oneof![
        3 => 0_i64..120,
        5 => 300_i64..1_600,
        2 => 1_400_i64..5_000,
        1 => 5_000_i64..30_000,
    ];
    let step = (0..USERS.len(), minutes, deed()).prop_map(|(user, minutes, deed)| Step {
        user,
        minutes,
        deed,
    });
    proptest::collection::vec(step, 1..length)
}

/// Every so many days, so many.
type Earned = Option<(i64, i64)>;

/// How the space is set up.
#[derive(Clone, Debug)]
struct Setup {
    frequency: Frequency,
    mode: StreakMode,
    days_off: BTreeSet<i8>,
    /// How many at the start, at most, and how many are earned.
    freezes: Option<(i64, i64, Earned)>,
}

fn frequency() -> impl Strategy<Value = Frequency> {
    prop_oneof![
        3 => Just(Frequency::Daily),
        1 => Just(Frequency::Weekly),
        1 => Just(Frequency::Monthly),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    let freezes = proptest::option::weighted(
        0.7,
        (
            1_i64..4,
            0_i64..4,
            proptest::option::weighted(0.7, (1_i64..9, 1_i64..3)),
        )
            .prop_map(|(max, start, earn)| (start.min(max), max, earn)),
    );
    let days_off = prop_oneof![
        2 => Just(BTreeSet::new()),
        1 => proptest::collection::btree_set(0_i8..7, 0..4),
    ];
    (frequency(), any::<bool>(), days_off, freezes).prop_map(
        |(frequency, and, days_off, freezes)| Setup {
            frequency,
            mode: if and { StreakMode::And } else { StreakMode::Or },
            days_off: if frequency == Frequency::Daily {
                days_off
            } else {
                BTreeSet::new()
            },
            freezes,
        },
    )
}

const START: &str = "2026-01-20T08:00:00Z";

/// A space with something of everything, ready for histories.
fn space(setup: &Setup) -> World {
    let mut w = World::new(START);
    let [km, steps] = METRICS.map(|key| w.metric(key));
    let shoe = w.event_attribute("shoe");
    let plan = w.user_attribute("plan");
    let city = w.user_attribute("city");
    w.streak(km, 2);
    w.streak(steps, 1);
    w.edit_streak(|streak| {
        streak.frequency = setup.frequency;
        streak.mode = setup.mode;
        streak.days_off.clone_from(&setup.days_off);
    });
    if let Some((start, max, earn)) = setup.freezes {
        w.freezes(start, max, earn);
    }
    let far = w.achievement("far", world::reaches(km, "20"));
    let red = w.achievement(
        "red",
        AchievementTrigger::Metric {
            metric: km,
            value: amount("6"),
            event_filters: vec![filter(shoe, "red")],
        },
    );
    w.edit_achievement(red, |achievement| {
        achievement.user_filters = vec![filter(plan, "blue")];
    });
    let long = w.achievement("long", AchievementTrigger::Streak { length: 3 });
    let tour = w.achievement("tour", AchievementTrigger::Api);
    let years: Vec<_> = (1..3)
        .map(|years| {
            w.achievement(
                &format!("year{years}"),
                AchievementTrigger::Anniversary { years },
            )
        })
        .collect();
    let all = w.achievement(
        "all",
        AchievementTrigger::Composite {
            achievements: vec![far, tour, years[0]],
        },
    );
    let xp = w.system("xp");
    w.cap(xp, 400);
    w.level(xp, "low", 0);
    w.level(xp, "high", 60);
    w.trigger(xp, TriggerRule::UserCreation, 3);
    w.trigger(xp, every(1, km), 2);
    let paid = w.trigger(xp, every(2, steps), -3);
    w.edit_trigger(paid, |trigger| {
        trigger.user_filters = vec![filter(plan, "red")];
    });
    let event_filters = vec![filter(shoe, "red")];
    w.trigger(
        xp,
        TriggerRule::Metric {
            metric: steps,
            threshold: 2,
            event_filters,
        },
        7,
    );
    w.trigger(xp, TriggerRule::Streak { length: 2 }, 11);
    for achievement in [far, red, long, tour, years[0], years[1], all] {
        w.trigger(xp, TriggerRule::Achievement { achievement }, 13);
    }
    let energy = w.system("energy");
    w.trigger(energy, TriggerRule::UserCreation, 20);
    w.trigger(energy, every(1, km), 1);
    // What falls due at a midnight may be what keeps an event from being blocked.
    w.trigger(
        energy,
        TriggerRule::Achievement {
            achievement: years[0],
        },
        9,
    );
    // Time pays and takes, also where a balance has no room for it.
    let days = |interval| TriggerRule::Time {
        unit: TickUnit::Days,
        interval,
    };
    let hours = |interval| TriggerRule::Time {
        unit: TickUnit::Hours,
        interval,
    };
    w.trigger(xp, days(1), 5);
    w.trigger(energy, hours(7), -1);
    w.trigger(energy, days(2), 4);
    let paid = w.trigger(energy, hours(11), 1);
    w.edit_trigger(paid, |trigger| {
        trigger.user_filters = vec![filter(plan, "blue")];
    });
    w.cap(energy, 60);
    for (multiplier, start, end) in [
        ("1.5", "2026-01-22", "2026-02-02"),
        ("0.7", "2026-01-30", "2026-02-20"),
    ] {
        let boost = w.boost(xp, multiplier, start);
        w.edit_boost(boost, |boost| {
            boost.end = Some(day(end));
            boost.rounding = Rounding::Nearest;
        });
    }
    let boost = w.boost(energy, "2", "2026-01-21");
    w.edit_boost(boost, |boost| {
        boost.user_filters = vec![filter(plan, "red")];
    });
    let cost = w.trigger(energy, every(1, steps), -2);
    w.edit_trigger(cost, |trigger| trigger.block_if_out_of_points = true);

    let start = "2026-01-21";
    w.board("all-time", RankBy::Metric(km), start);
    w.board("streaks", RankBy::Streak, "2026-01-01");
    for (key, rank_by, unit, interval) in [
        ("weekly", RankBy::Metric(km), RunUnit::Day, 7),
        ("monthly", RankBy::Points(xp), RunUnit::Month, 1),
        ("daily", RankBy::Metric(steps), RunUnit::Day, 1),
        ("energetic", RankBy::Points(energy), RunUnit::Day, 1),
    ] {
        let board = w.board(key, rank_by, start);
        w.edit_board(board, |board| board.run = Some(Run { unit, interval }));
    }
    for (key, rank_by, from, to) in [
        ("mornings", RankBy::Metric(km), None, "11:30"),
        ("office", RankBy::Points(xp), Some("09:00:30"), "17:00"),
    ] {
        let board = w.board(key, rank_by, start);
        w.edit_board(board, |board| {
            board.start_time = from.map(|time| time.parse().unwrap());
            board.end_time = Some(to.parse().unwrap());
            board.breakdown = vec![plan];
            board.run = Some(Run {
                unit: RunUnit::Day,
                interval: 10,
            });
        });
    }
    let grouped = w.board("grouped", RankBy::Metric(steps), start);
    w.edit_board(grouped, |board| {
        board.breakdown = vec![city];
        board.user_filters = vec![filter(plan, "red")];
        board.end = Some(day("2026-02-20"));
    });
    w
}

impl Says {
    fn patch(&self) -> Patch {
        let mut patch = Patch::default();
        match self.zone {
            Change::Keep => {}
            Change::Clear => patch.tz = Change::Clear,
            Change::Set(zone) => patch.tz = Change::Set(ZONES[zone].to_owned()),
        }
        if let Some((is_plan, value)) = self.attribute {
            let key = if is_plan { "plan" } else { "city" };
            patch
                .attributes
                .insert(key.to_owned(), value.map(|value| COLOURS[value].to_owned()));
        }
        if let Some((years, days)) = self.signed_up {
            let date = engine::calendar::years_after(day("2026-01-19"), -years).unwrap();
            patch.sign_up_date = Change::Set(days_after(date, days));
        }
        if self.named {
            patch.name = Change::Set(format!("{:?}", self.zone));
        }
        patch
    }
}

impl Step {
    fn command(&self) -> Command {
        match &self.deed {
            Deed::Event {
                metric,
                tenths,
                colour,
                patch,
                key,
            } => {
                let value = Amount::from_millionths(tenths * 100_000);
                Command::RecordEvent(RecordEvent {
                    metric: METRICS[*metric].to_owned(),
                    value,
                    attributes: colour
                        .map(|colour| ("shoe".to_owned(), COLOURS[colour].to_owned()))
                        .into_iter()
                        .collect(),
                    user: patch.patch(),
                    idempotency_key: key.map(|key| key.to_string()),
                })
            }
            Deed::Save(says) => Command::SaveUser(SaveUser {
                user: says.patch(),
                may_create: true,
                must_be_new: None,
            }),
            Deed::Complete => Command::CompleteAchievement(engine::command::CompleteAchievement {
                key: "tour".to_owned(),
                user: Patch::default(),
            }),
            Deed::Settle => Command::Settle,
        }
    }
}

/// What can be seen of a user, apart from ids, which come from another sequence in another world.
#[derive(Debug, PartialEq)]
struct Seen {
    user: User,
    totals: Vec<(MetricId, String)>,
    days: Vec<(MetricId, Date, i64, i64)>,
    counters: Vec<(uuid::Uuid, String)>,
    streak: Option<String>,
    completions: Vec<(AchievementId, Timestamp)>,
    balances: Vec<(CurrencyId, i64)>,
    boards: Vec<((BoardId, i64), String)>,
}

fn seen(state: &UserState) -> Seen {
    Seen {
        user: User {
            id: engine::id::UserId(0),
            ..state.user.get().clone()
        },
        totals: state
            .totals
            .iter()
            .map(|(id, row)| (*id, format!("{:?}", row.get())))
            .collect(),
        days: state
            .days
            .iter()
            .map(|((id, date), row)| (*id, *date, row.get().sum.millionths(), row.get().events))
            .collect(),
        counters: state
            .counters
            .iter()
            .map(|(id, row)| (*id, format!("{:?}", row.get())))
            .collect(),
        streak: state.streak.as_ref().map(|row| {
            let streak = row.get();
            format!(
                "{:?}",
                (
                    streak.length,
                    streak.started,
                    streak.met,
                    streak.extended,
                    streak.freezes,
                    &streak.zone,
                    streak.settle_at,
                )
            )
        }),
        completions: state
            .completions
            .iter()
            .map(|(id, held)| (*id, held.at))
            .collect(),
        balances: state
            .balances
            .iter()
            .map(|(id, row)| (*id, *row.get()))
            .collect(),
        boards: state
            .boards
            .iter()
            .map(|(key, row)| {
                let held = row.get();
                // When a value that is not ranked was reached decides nothing.
                let reached = (held.value > 0).then_some(held.reached);
                (*key, format!("{:?}", (held.value, reached, &held.group)))
            })
            .collect(),
    }
}

fn all_seen(world: &World) -> BTreeMap<&String, Seen> {
    world
        .users
        .iter()
        .map(|(name, state)| (name, seen(state)))
        .collect()
}

/// Values and groups of everybody, without the instants at which they were reached.
fn values(world: &World) -> Vec<(String, BoardId, i64, i64, Option<Group>)> {
    let mut values = Vec::new();
    for (name, state) in &world.users {
        for ((board, run), row) in &state.boards {
            // A row of value zero says nothing that no row would not say.
            if row.get().value != 0 {
                let value = row.get();
                values.push((name.clone(), *board, *run, value.value, value.group.clone()));
            }
        }
    }
    values
}

/// How often somebody looks at users without being asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sweep {
    Never,
    /// At every local midnight, here and where the user was last active.
    Midnights,
    /// When the streak says so.
    Scheduled,
}

fn midnights(state: &UserState, after: Timestamp, until: Timestamp) -> BTreeSet<Timestamp> {
    let last = state.streak.as_ref().and_then(|row| row.get().zone.clone());
    let mut found = BTreeSet::new();
    for zone in [state.user.get().zone(), Zone::of(last.as_deref())] {
        let mut date = zone.date(after);
        while zone.start_of(date) <= until {
            found.insert(zone.start_of(date));
            date = days_after(date, 1);
        }
    }
    found.retain(|at| *at > after && *at < until);
    found
}

fn sweep(world: &mut World, user: &str, sweep: Sweep, until: Timestamp) {
    match sweep {
        Sweep::Never => {}
        Sweep::Midnights => {
            if let Some(state) = world.users.get(user) {
                for at in midnights(state, world.now, until) {
                    world.now = at;
                    world.settle(user);
                }
            }
        }
        Sweep::Scheduled => {
            while let Some(at) = world
                .users
                .get(user)
                .and_then(|state| state.streak.as_ref()?.get().settle_at)
                .filter(|at| *at < until)
            {
                assert!(
                    at >= world.now,
                    "a look that is overdue: {at} {}",
                    world.now
                );
                world.now = at;
                world.settle(user);
                let next = world.state(user).streak.as_ref().unwrap().get().settle_at;
                assert!(
                    next.is_none_or(|next| next > at),
                    "a look that settles nothing"
                );
            }
        }
    }
}

/// What an event says that it completed and paid.
fn changes(reply: &EventReply) -> (Vec<AchievementId>, Vec<(CurrencyId, i64, i64)>) {
    let completed = reply.completed.iter().map(|(id, _)| *id).collect();
    let points = reply
        .points
        .iter()
        .map(|change| (change.system, change.added, change.total))
        .collect();
    (completed, points)
}

/// Plays a history and returns what is to be seen after each step and at the end.
fn play(mut world: World, steps: &[Step], how: Sweep, reload: bool) -> (World, Vec<String>) {
    let mut log = Vec::new();
    let mut clock = world.now;
    for step in steps {
        let before = clock;
        clock += SignedDuration::from_mins(step.minutes);
        for user in USERS {
            world.now = before;
            sweep(&mut world, user, how, clock);
        }
        world.now = clock;
        let user = USERS[step.user];
        let outcome = world.send(user, &step.command());
        let periods: Vec<_> = world
            .periods
            .iter()
            .filter(|((who, ..), _)| who == user)
            .collect();
        log.push(match (&outcome.reply, world.users.get(user)) {
            (Reply::Event(reply), Some(state)) => format!(
                "{:?}",
                (
                    reply.is_replay,
                    reply.total,
                    &reply.streak,
                    reply.is_extended,
                    changes(reply),
                    seen(state).streak,
                    seen(state).balances,
                    seen(state).completions,
                    periods,
                )
            ),
            (Reply::Refused(refusal), _) => refusal.to_string(),
            (_, Some(state)) => format!("{:?}", (seen(state), periods)),
            (reply, None) => format!("{reply:?}"),
        });
        if reload {
            world.reload(user);
        }
    }
    for user in USERS {
        world.now = clock;
        if world.users.contains_key(user) {
            world.settle(user);
        }
    }
    world.check();
    (world, log)
}

/// The same cases on every run; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more and others.
fn config(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig {
        cases: if asked.cases == 256 {
            cases
        } else {
            asked.cases
        },
        rng_seed: match asked.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            seed @ RngSeed::Fixed(_) => seed,
        },
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(config(60))]

    /// The event log, with what requests said of users, leads to the same state again.
    #[test]
    fn replaying_the_log_gives_the_same_state(setup in setup(), steps in history(60)) {
        let (live, _) = play(space(&setup), &steps, Sweep::Never, false);
        let mut again = space(&setup);
        let mut clock = again.now;
        let mut logged = live.events.iter();
        // The same history, with each event taken from the log; refused ones only say something of
        // the user, or nothing.
        let mut first = space(&setup);
        for step in &steps {
            clock += SignedDuration::from_mins(step.minutes);
            first.now = clock;
            again.now = clock;
            let user = USERS[step.user];
            let outcome = first.send(user, &step.command());
            let command = match (step.command(), &outcome.reply) {
                (Command::RecordEvent(event), Reply::Event(reply)) if !reply.is_replay => {
                    let (who, log) = logged.next().unwrap();
                    prop_assert_eq!(who, user);
                    prop_assert_eq!(log.at, clock);
                    Command::RecordEvent(RecordEvent {
                        metric: live.catalog.metric(log.metric).unwrap().body.key.clone(),
                        value: log.value,
                        attributes: log.attributes.clone(),
                        user: event.user,
                        idempotency_key: log.idempotency_key.clone(),
                    })
                }
                (Command::RecordEvent(_), Reply::Event(_)) => Command::Settle,
                (Command::RecordEvent(event), Reply::Refused(Refusal::OutOfPoints(_))) => {
                    Command::SaveUser(SaveUser { user: event.user, may_create: true, must_be_new: None })
                }
                (_, Reply::Refused(_)) => continue,
                (command, _) => command,
            };
            again.send(user, &command);
        }
        prop_assert!(logged.next().is_none());
        for user in USERS {
            if again.users.contains_key(user) {
                again.settle(user);
            }
        }
        again.check();
        prop_assert_eq!(all_seen(&live), all_seen(&again));
        prop_assert_eq!(&live.periods, &again.periods);
        prop_assert_eq!(live.ledger.len(), again.ledger.len());
    }

    /// Commands in one batch see what the ones before did, as if it had been saved and loaded.
    #[test]
    fn a_batch_equals_saving_between_commands(setup in setup(), steps in history(40)) {
        let (batch, one) = play(space(&setup), &steps, Sweep::Never, false);
        let (single, two) = play(space(&setup), &steps, Sweep::Never, true);
        prop_assert_eq!(one, two);
        prop_assert_eq!(all_seen(&batch), all_seen(&single));
        prop_assert_eq!(batch.ledger, single.ledger);
        prop_assert_eq!(batch.events, single.events);
    }

    /// Days long past and runs that are over change nothing, so that nobody has to load them.
    #[test]
    fn commands_need_no_more_than_they_ask_for(setup in setup(), steps in history(60)) {
        let (whole, _) = play(space(&setup), &steps, Sweep::Never, false);
        let mut lean = space(&setup);
        lean.is_lean = true;
        let (lean, _) = play(lean, &steps, Sweep::Never, false);
        prop_assert_eq!(&whole.ledger, &lean.ledger);
        prop_assert_eq!(&whole.completions, &lean.completions);
        prop_assert_eq!(&whole.periods, &lean.periods);
        // Groups may differ: those of runs that are over do not follow the attributes.
        let values = |world: &World| -> Vec<_> {
            values(world).into_iter().map(|(a, b, c, value, _)| (a, b, c, value)).collect()
        };
        prop_assert_eq!(values(&whole), values(&lean));
    }

    /// Whoever looks, and when, makes no difference.
    #[test]
    fn settling_late_equals_settling_at_every_midnight(setup in setup(), steps in history(40)) {
        let (lazy, one) = play(space(&setup), &steps, Sweep::Never, false);
        for how in [Sweep::Midnights, Sweep::Scheduled] {
            let (swept, two) = play(space(&setup), &steps, how, false);
            for (number, (one, two)) in one.iter().zip(&two).enumerate() {
                prop_assert_eq!(one, two, "{:?} step {}", how, number);
            }
            prop_assert_eq!(&lazy.periods, &swept.periods);
            prop_assert_eq!(values(&lazy), values(&swept));
            let ledger = |world: &World| -> Vec<_> {
                let mut all: Vec<_> = world
                    .ledger
                    .iter()
                    .map(|(who, entry)| {
                        (who.clone(), entry.at, entry.system, entry.balance, entry.amount)
                    })
                    .collect();
                all.sort();
                all
            };
            prop_assert_eq!(ledger(&lazy), ledger(&swept));
        }
    }

    /// Values are sums over the logs by local date; ranks are those of a sorted list.
    #[test]
    fn boards_equal_sums_over_the_logs(setup in setup(), steps in history(60)) {
        let (w, _) = play(space(&setup), &steps, Sweep::Never, false);
        let mut expected: BTreeMap<(String, BoardId, i64), i64> = BTreeMap::new();
        for board in w.catalog.boards() {
            let body = board.body();
            let run = |date: Date| {
                (0..200).find(|run| {
                    body.schedule().run(*run).is_some_and(|run| run.contains(date))
                })
            };
            let is_inside = |second: i64| {
                let time = Time::midnight() + SignedDuration::from_secs(second);
                body.start_time.is_none_or(|start| start <= time)
                    && body.end_time.is_none_or(|end| time < end)
            };
            let mut add = |user: &String, date: Date, second: i64, value: i64| {
                if let Some(run) = run(date).filter(|_| is_inside(second)) {
                    *expected.entry((user.clone(), board.id(), run)).or_default() += value;
                }
            };
            match body.rank_by {
                RankBy::Metric(metric) => {
                    for (user, event) in w.events.iter().filter(|(_, e)| e.metric == metric) {
                        add(user, event.date, event.second_of_day, event.value.millionths());
                    }
                }
                RankBy::Points(system) => {
                    for (user, entry) in w.ledger.iter().filter(|(_, e)| e.system == system) {
                        add(user, entry.date, entry.second_of_day.unwrap(), entry.amount);
                    }
                }
                RankBy::Streak => {
                    for user in w.users.keys() {
                        let live = w.value(user, board.id(), 0);
                        prop_assert_eq!(live, w.streak_of(user).0, "streak board of {}", user);
                        expected.insert((user.clone(), board.id(), 0), live);
                    }
                }
            }
        }
        expected.retain(|_, value| *value != 0);
        let found: BTreeMap<_, _> = values(&w)
            .into_iter()
            .map(|(user, board, run, value, _)| ((user, board, run), value))
            .collect();
        prop_assert_eq!(&found, &expected);

        for (user, board, run) in found.keys() {
            let attributes = |user: &String| w.state(user).user.get().attributes.clone();
            let entry = w.catalog.board(*board).unwrap();
            let takes_part = |user: &String| {
                entry.user_filters.iter().all(|f| attributes(user).get(&f.key) == Some(&f.value))
                    && entry.breakdown.iter().all(|key| attributes(user).contains_key(key))
            };
            let rivals: Vec<_> = found
                .iter()
                .filter(|((rival, b, r), value)| {
                    b == board
                        && r == run
                        && **value > 0
                        && takes_part(rival)
                        && entry
                            .breakdown
                            .iter()
                            .all(|key| attributes(rival).get(key) == attributes(user).get(key))
                })
                .map(|((rival, ..), value)| {
                    let row = w.state(rival).boards[&(*board, *run)].get();
                    (-value, row.reached, w.state(rival).user.get().id, rival)
                })
                .collect();
            let mut sorted = rivals.clone();
            sorted.sort();
            let expected = (takes_part(user) && found[&(user.clone(), *board, *run)] > 0)
                .then(|| sorted.iter().position(|rival| rival.3 == user).unwrap() + 1);
            prop_assert_eq!(w.place(user, *board, *run).map(|(_, rank)| rank), expected);
        }
    }
}

/// What of a user must never go back, whatever waited how long.
fn forward_only(state: &UserState) -> Vec<Option<Timestamp>> {
    let streak = state.streak.as_ref().map(Row::get);
    let met = streak.and_then(|streak| Some(Zone::utc().start_of(streak.met?)));
    let totals = state.totals.values().map(|row| Some(row.get().last));
    [met, streak.and_then(|streak| streak.extended)]
        .into_iter()
        .chain([totals.max().flatten()])
        .collect()
}

/// The values of runs that are over for everybody. Points for an anniversary are left out: they count at
/// its midnight, whoever finds that late.
fn closed_values(world: &World) -> Vec<(String, BoardId, i64, i64)> {
    let is_closed = |board: BoardId, run: i64| {
        let board = world.catalog.board(board).unwrap();
        let is_over = board.body().status_at(world.now) != BoardStatus::Active
            || !engine::leaderboard::open_runs(board, world.now).contains(&run);
        is_over && matches!(board.body().rank_by, RankBy::Metric(_))
    };
    values(world)
        .into_iter()
        .filter(|(_, board, run, ..)| is_closed(*board, *run))
        .map(|(user, board, run, value, _)| (user, board, run, value))
        .collect()
}

proptest! {
    #![proptest_config(config(120))]

    /// Events that wait in a queue while others act and midnights pass count when they arrived if
    /// nothing happened to their user since then, and never turn anything back.
    #[test]
    fn events_that_waited_turn_nothing_back(
        setup in setup(),
        steps in history(60),
        waits in proptest::collection::vec(0_usize..6, 60),
    ) {
        let mut w = space(&setup);
        let mut queue = VecDeque::new();
        let mut clock = w.now;
        let mut touched: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let (mut sent, mut in_time) = (0, 0);
        for (number, (step, wait)) in steps.iter().zip(&waits).enumerate() {
            clock += SignedDuration::from_mins(step.minutes) + SignedDuration::from_micros(1);
            w.now = clock;
            let user = USERS[step.user];
            let command = step.command();
            if *wait > 0 && let Command::RecordEvent(mut event) = command {
                // Items of batches say nothing of the sign-up.
                event.user.sign_up_date = Change::Keep;
                queue.push_back((number + wait, user, event, clock));
            } else {
                touched.insert(user, clock);
                w.send(user, &command);
            }
            while let Some((due, ..)) = queue.front()
                && *due <= number
            {
                let (_, user, event, arrived) = queue.pop_front().unwrap();
                clock += SignedDuration::from_micros(1);
                w.now = clock;
                let new = UserState::of(User::new(w.ids.user(clock), user.to_owned(), clock), true);
                let state = w.users.get(user).cloned().unwrap_or(new);
                let closed = closed_values(&w);
                let at = counts_at(&w.catalog, &state, &event, arrived, clock);
                prop_assert!(at == arrived || at == clock);
                if at == clock {
                    // Somebody touched the user, or a run has closed.
                    let is_touched = touched.get(user).is_some_and(|last| *last >= arrived);
                    let boards = w.catalog.live_boards(arrived).filter(|board| {
                        let tz = event.user.tz.value(state.user.get().tz.as_ref());
                        let date = Zone::of(tz.map(String::as_str)).date(arrived);
                        let run = board.body().schedule().run_at(date);
                        board.body().status_at(clock) != BoardStatus::Active
                            || board.body().rank_by != RankBy::Streak && run.is_some_and(|run| {
                                !engine::leaderboard::open_runs(board, clock).contains(&run)
                            })
                    });
                    prop_assert!(is_touched || boards.count() > 0);
                } else {
                    in_time += 1;
                }
                w.now = at;
                w.send(user, &Command::RecordEvent(event));
                touched.insert(user, at);
                w.now = clock;
                sent += 1;
                prop_assert_eq!(&closed, &closed_values(&w), "a run that was over changed");
                if let Some(after) = w.users.get(user) && !state.is_new {
                    let before = forward_only(&state);
                    for (before, after) in before.iter().zip(forward_only(after)) {
                        prop_assert!(*before <= after, "{:?} {:?}", before, after);
                    }
                }
            }
        }
        w.check();
        for user in USERS {
            let mine: Vec<_> = w.events.iter().filter(|(who, _)| who == user).collect();
            prop_assert!(mine.windows(2).all(|pair| pair[0].1.at < pair[1].1.at));
        }
        prop_assert!(in_time <= sent);
    }
}

/// Whether a date is the last of its period, by plain calendar arithmetic.
fn ends_period(frequency: Frequency, date: Date) -> bool {
    match frequency {
        Frequency::Daily => true,
        Frequency::Weekly => date.weekday() == jiff::civil::Weekday::Saturday,
        Frequency::Monthly => date.day() == date.days_in_month(),
    }
}

proptest! {
    #![proptest_config(config(150))]

    /// A model that goes through every single day, against the streaks of the engine.
    #[test]
    fn streaks_equal_a_model_that_lives_every_day(
        setup in setup(),
        zone in 0..ZONES.len(),
        // For each day the tenths of both metrics, if there is an event.
        days in proptest::collection::vec(
            proptest::option::weighted(0.7, (0..METRICS.len(), 5_i64..40, -1_i64..20)),
            2..120,
        ),
        looks in proptest::collection::vec(any::<bool>(), 120),
    ) {
        let zone_name = ZONES[zone];
        let zone = Zone::of(Some(zone_name));
        let mut w = World::new(START);
        let metrics = METRICS.map(|key| w.metric(key));
        for metric in metrics {
            w.streak(metric, 2);
        }
        w.edit_streak(|streak| {
            streak.frequency = setup.frequency;
            streak.mode = setup.mode;
            streak.days_off.clone_from(&setup.days_off);
        });
        if let Some((start, max, earn)) = setup.freezes {
            w.freezes(start, max, earn);
        }
        let first = zone.date(w.now);
        w.save("u", world::tz(zone_name));

        // The model: everything it knows.
        let mut length = 0;
        let mut freezes = setup.freezes.map_or(0, |(start, ..)| start);
        let mut sums = [0_i64; 2];
        let mut is_met = false;
        let mut started = None;

        for (number, (deeds, is_looked)) in (0_i64..).zip(days.iter().zip(looks)) {
            let date = days_after(first, number);
            if number > 0 {
                // Midnight: close the day before, then consume or lose, then grant.
                let before = days_after(date, -1);
                if ends_period(setup.frequency, before) {
                    let weekday = before.weekday().to_sunday_zero_offset();
                    if length > 0 && !is_met && !setup.days_off.contains(&weekday) {
                        if freezes > 0 {
                            freezes -= 1;
                        } else {
                            length = 0;
                            started = None;
                        }
                    }
                    sums = [0, 0];
                    is_met = false;
                }
                if let Some((_, max, Some((every, amount)))) = setup.freezes
                    && number % every == 0
                {
                    freezes = (freezes + amount).min(max).max(freezes);
                }
            }
            w.now = zone.start_of(date).max(w.now);
            if is_looked {
                w.settle("u");
                prop_assert_eq!(w.streak_of("u"), (length, freezes), "midnight of {}", date);
            }
            w.now = zone.start_of(days_after(date, 1)) - SignedDuration::from_hours(5);
            if w.now < instant(START) {
                w.now = instant(START);
            }
            if let Some((metric, one, two)) = deeds {
                for (metric, tenths) in [(*metric, *one), (1 - metric, *two)] {
                    w.now += SignedDuration::from_mins(1);
                    let reply = w.event(
                        "u",
                        METRICS[metric],
                        &format!("{}e-1", tenths),
                    );
                    sums[metric] += tenths;
                    let reached = sums.map(|sum| sum >= 20);
                    let is_enough = match setup.mode {
                        StreakMode::And => reached[0] && reached[1],
                        StreakMode::Or => reached[0] || reached[1],
                    };
                    let is_extended = is_enough && !is_met;
                    if is_extended {
                        is_met = true;
                        length += 1;
                        if length == 1 {
                            started = Some(date);
                        }
                    }
                    prop_assert_eq!(reply.is_extended, is_extended, "{}", date);
                    prop_assert_eq!(reply.streak.length, length, "{}", date);
                    prop_assert_eq!(reply.streak.freezes, freezes, "{}", date);
                    prop_assert_eq!(reply.streak.started, started, "{}", date);
                }
            }
        }
    }
}

/// A user with a daily streak and nothing else; goes without the [`World`], for speed.
struct Walker {
    catalog: engine::catalog::Catalog,
    state: UserState,
    ids: Ids,
}

impl Walker {
    fn new(now: Timestamp) -> Self {
        let mut w = World::new(START);
        let metric = w.metric("act");
        w.definitions.streak = Some(StreakSettings {
            metrics: vec![StreakMetric {
                metric,
                threshold: 1,
            }],
            freezes: None::<Freezes>,
            ..StreakSettings::default()
        });
        w.compile();
        let mut ids = Ids::seeded(3);
        let user = User::new(ids.user(now), "u".to_owned(), now);
        Self {
            catalog: w.catalog,
            state: UserState::of(user, true),
            ids,
        }
    }

    fn act(&mut self, now: Timestamp, zone: &str) -> (bool, i64) {
        let event = World::record(world::tz(zone), "act", "1", &[]);
        let command = Command::RecordEvent(event);
        let outcome = apply(
            &self.catalog,
            &mut self.state,
            &mut Company::default(),
            &command,
            now,
            &mut self.ids,
        );
        // Days long past decide nothing: the store would not load them either.
        while self.state.days.len() > 4 {
            self.state.days.pop_first();
        }
        match outcome.reply {
            Reply::Event(reply) => (reply.is_extended, reply.streak.length),
            other => panic!("{other:?}"),
        }
    }
}

/// A number below `limit`, from the pseudo-random sequence of the ids.
fn below(random: &mut Ids, limit: i64) -> i64 {
    i64::try_from(random.random() % u64::try_from(limit).unwrap()).unwrap()
}

/// A random instant of a local date, if the zone has that date at all.
fn some_time(random: &mut Ids, zone: &Zone, date: Date) -> Option<Timestamp> {
    let start = zone.start_of(date);
    if zone.date(start) != date {
        return None;
    }
    let end = zone.start_of(days_after(date, 1));
    let length = end.as_second() - start.as_second();
    // Now and then the very first and the very last moment.
    let at = match below(random, 8) {
        0 => 0,
        1 => length - 1,
        _ => below(random, length),
    };
    Some(start + SignedDuration::from_secs(at))
}

/// The zones of the world, every second one, so that two tests can share the work.
fn zones(odd: usize) -> impl Iterator<Item = String> {
    Zone::names().into_iter().skip(odd).step_by(2)
}

fn nobody_loses_a_day_in(zones: impl Iterator<Item = String>) {
    let mut count = 0;
    for name in zones {
        let Some(zone) = Zone::named(&name) else {
            continue;
        };
        count += 1;
        let mut random = Ids::seeded(count);
        // Any two years that begin from 2011, when Apia left out a day, to 2030.
        let year = 2011 + i16::try_from(below(&mut random, 20)).unwrap();
        let first = days_after(jiff::civil::date(year, 1, 1), below(&mut random, 365));
        let mut walker = Walker::new(zone.start_of(first));
        let mut acted = 0;
        for number in 0..730 {
            let date = days_after(first, number);
            let Some(now) = some_time(&mut random, &zone, date) else {
                continue;
            };
            acted += 1;
            assert_eq!(walker.act(now, &name), (true, acted), "{name} {date} {now}");
        }
    }
    assert!(count > 250, "there are zones: {count}");
}

#[test]
fn nobody_loses_a_day_to_the_clock_in_half_of_the_zones() {
    nobody_loses_a_day_in(zones(0));
}

#[test]
fn nobody_loses_a_day_to_the_clock_in_the_other_half() {
    nobody_loses_a_day_in(zones(1));
}

/// Acts on every local date, wherever the traveller is; each journey ends with an event.
#[test]
fn travellers_never_lose_a_streak() {
    let names: Vec<_> = Zone::names()
        .into_iter()
        .filter(|name| Zone::named(name).is_some())
        .collect();
    for seed in 0..60 {
        let mut random = Ids::seeded(seed);
        let pick = |random: &mut Ids| {
            let at = below(random, i64::try_from(names.len()).unwrap());
            names[usize::try_from(at).unwrap()].clone()
        };
        let mut name = pick(&mut random);
        let mut zone = Zone::of(Some(&name));
        let mut now = instant("2024-06-01T00:00:00Z");
        let mut walker = Walker::new(now);
        let (mut last, _) = walker.act(now, &name);
        assert!(last);
        let mut length = 1;
        for _ in 0..400 {
            // Some time on the next date of where the traveller is, then perhaps already elsewhere.
            let next = days_after(zone.date(now), 1);
            let Some(at) = some_time(&mut random, &zone, next) else {
                continue;
            };
            now = at;
            if below(&mut random, 4) == 0 {
                name = pick(&mut random);
                zone = Zone::of(Some(&name));
            }
            let (is_extended, now_length) = walker.act(now, &name);
            last = is_extended;
            assert_eq!(
                now_length,
                length + i64::from(last),
                "seed {seed} {name} {now}"
            );
            length = now_length;
        }
        assert!(length > 300, "seed {seed}: {length}");
    }
}

/// A row says that it has to be written exactly when it changed.
#[test]
fn settling_twice_writes_nothing_the_second_time() {
    let mut w = World::new(START);
    let km = w.metric("km");
    w.streak(km, 1);
    w.freezes(1, 2, Some((3, 1)));
    w.event("u", "km", "1");
    w.at("2026-01-25T12:00:00Z").settle("u");
    w.reload("u");
    w.settle("u");
    let state = w.state("u");
    assert!(!state.user.is_changed());
    assert!(!state.streak.as_ref().is_some_and(Row::is_changed));
    assert!(!state.totals.values().any(Row::is_changed));
    assert!(w.notices.is_empty());
}
