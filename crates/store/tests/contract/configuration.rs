//! A configuration in which every rule has something to do.

use std::collections::BTreeSet;

use engine::amount::Amount;
use engine::calendar::{Frequency, RunUnit};
use engine::definition::{
    Achievement, AchievementStatus, AchievementTrigger, Attribute, AttributeKind, Board,
    BoardStatus, Filter, Freezes, Metric, PointsLevel, PointsSystem, PointsTrigger, RankBy, Run,
    StreakMetric, StreakMode, StreakSettings, TriggerRule, UnitType,
};
use engine::id::{AchievementId, AttributeId, BoardId, CurrencyId, MetricId};
use jiff::Timestamp;
use jiff::civil::time;
use store::driver::Tx;
use store::{Space, definition};
use uuid::Uuid;

use crate::world::day;

/// Ids are the same in every space: what two spaces share must not make them meet.
pub(crate) const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub(crate) const PLAN: AttributeId = AttributeId(id(1));
pub(crate) const TEAM: AttributeId = AttributeId(id(2));
pub(crate) const KIND: AttributeId = AttributeId(id(3));
pub(crate) const RUNS: MetricId = MetricId(id(11));
pub(crate) const WORDS: MetricId = MetricId(id(12));
pub(crate) const COINS: MetricId = MetricId(id(13));
pub(crate) const TEN_RUNS: AchievementId = AchievementId(id(21));
pub(crate) const KIND_A: AchievementId = AchievementId(id(22));
pub(crate) const PRO: AchievementId = AchievementId(id(23));
pub(crate) const STREAK_3: AchievementId = AchievementId(id(24));
pub(crate) const HELLO: AchievementId = AchievementId(id(25));
pub(crate) const BOTH: AchievementId = AchievementId(id(26));
pub(crate) const YEAR: AchievementId = AchievementId(id(27));
/// Comes later: see [`insert_late`].
pub(crate) const KIND_B: AchievementId = AchievementId(id(28));
pub(crate) const XP: CurrencyId = CurrencyId(id(31));
pub(crate) const GOLD: CurrencyId = CurrencyId(id(32));
pub(crate) const LEVEL: Uuid = id(42);
pub(crate) const FILTERED_TRIGGER: Uuid = id(52);
pub(crate) const STREAK: Uuid = id(61);
/// Weekly runs, by team.
pub(crate) const WEEKLY: BoardId = BoardId(id(71));
/// All words of those on the pro plan, by plan.
pub(crate) const WORD_BOARD: BoardId = BoardId(id(72));
/// Monthly points.
pub(crate) const XP_BOARD: BoardId = BoardId(id(73));
/// Gold by team.
pub(crate) const GOLD_BOARD: BoardId = BoardId(id(74));
pub(crate) const STREAK_BOARD: BoardId = BoardId(id(75));
/// What was run in the morning, on runs of three days.
pub(crate) const MORNINGS: BoardId = BoardId(id(76));
/// Points of the afternoon, by team.
pub(crate) const AFTERNOONS: BoardId = BoardId(id(77));
pub(crate) const BOARDS: [BoardId; 7] = [
    WEEKLY,
    WORD_BOARD,
    XP_BOARD,
    GOLD_BOARD,
    STREAK_BOARD,
    MORNINGS,
    AFTERNOONS,
];

fn is(attribute: AttributeId, value: &str) -> Filter {
    Filter {
        attribute,
        value: value.to_owned(),
    }
}

pub(crate) fn attribute(key: &str, kind: AttributeKind) -> Attribute {
    Attribute {
        name: format!("The {key}"),
        key: key.to_owned(),
        kind,
    }
}

pub(crate) fn metric(key: &str) -> Metric {
    Metric {
        name: format!("The {key}"),
        key: key.to_owned(),
        unit_type: UnitType::Number,
        units: "žluťoučké 🐎 \"quoted\"".to_owned(),
    }
}

pub(crate) fn achievement(key: &str, trigger: AchievementTrigger, since: Timestamp) -> Achievement {
    Achievement {
        name: key.to_owned(),
        description: Some("Well done".to_owned()),
        badge_url: None,
        status: AchievementStatus::Active,
        rule_since: since,
        trigger,
        key: Some(key.to_owned()),
        user_filters: Vec::new(),
    }
}

pub(crate) fn reaches(
    metric: MetricId,
    units: i64,
    event_filters: Vec<Filter>,
) -> AchievementTrigger {
    AchievementTrigger::Metric {
        metric,
        value: Amount::from_units(units),
        event_filters,
    }
}

pub(crate) fn system(key: &str, max_points: Option<i64>) -> PointsSystem {
    PointsSystem {
        name: key.to_owned(),
        key: key.to_owned(),
        description: String::new(),
        badge_url: None,
        max_points,
    }
}

pub(crate) fn level(system: CurrencyId, key: &str, points: i64) -> PointsLevel {
    PointsLevel {
        system,
        name: key.to_owned(),
        key: key.to_owned(),
        description: String::new(),
        badge_url: None,
        points,
    }
}

pub(crate) fn trigger(
    system: CurrencyId,
    rule: TriggerRule,
    points: i64,
    since: Timestamp,
) -> PointsTrigger {
    PointsTrigger {
        system,
        rule,
        points,
        is_active: true,
        active_since: since,
        user_filters: Vec::new(),
        block_if_out_of_points: false,
    }
}

fn every(threshold: i64, metric: MetricId, event_filters: Vec<Filter>) -> TriggerRule {
    TriggerRule::Metric {
        metric,
        threshold,
        event_filters,
    }
}

pub(crate) fn board(key: &str, rank_by: RankBy) -> Board {
    Board {
        name: key.to_owned(),
        key: key.to_owned(),
        description: None,
        status: BoardStatus::Active,
        rank_by,
        max_participants: 100,
        start: day("2026-02-02"),
        end: None,
        start_time: None,
        end_time: None,
        run: None,
        breakdown: Vec::new(),
        user_filters: Vec::new(),
    }
}

pub(crate) fn streak(frequency: Frequency, since: Timestamp) -> StreakSettings {
    StreakSettings {
        frequency,
        mode: StreakMode::Or,
        is_customizable: false,
        days_off: BTreeSet::new(),
        metrics: vec![
            StreakMetric {
                metric: RUNS,
                threshold: 1,
            },
            StreakMetric {
                metric: WORDS,
                threshold: 3,
            },
        ],
        freezes: Some(Freezes {
            start_count: 1,
            max_count: 3,
            auto_earn: Some((4, 1)),
            since,
        }),
    }
}

/// Publishes everything but what comes late.
pub(crate) fn insert(tx: &mut Tx<'_>, space: Space, now: Timestamp) -> store::Result<()> {
    for (id, key, kind) in [
        (PLAN, "plan", AttributeKind::User),
        (TEAM, "team", AttributeKind::User),
        (KIND, "kind", AttributeKind::Event),
    ] {
        definition::insert(tx, space, id.0, &attribute(key, kind), now)?;
    }
    for (id, key) in [(RUNS, "runs"), (WORDS, "words"), (COINS, "coins")] {
        definition::insert(tx, space, id.0, &metric(key), now)?;
    }
    let kind_a = || vec![is(KIND, "a")];
    let only_pro = || vec![is(PLAN, "pro")];
    let composite = AchievementTrigger::Composite {
        achievements: vec![TEN_RUNS, STREAK_3],
    };
    for (id, key, rule) in [
        (TEN_RUNS, "ten-runs", reaches(RUNS, 10, vec![])),
        (KIND_A, "kind-a", reaches(WORDS, 5, kind_a())),
        (
            STREAK_3,
            "streak-3",
            AchievementTrigger::Streak { length: 3 },
        ),
        (HELLO, "hello", AchievementTrigger::Api),
        (BOTH, "both", composite),
        (YEAR, "year", AchievementTrigger::Anniversary { years: 1 }),
    ] {
        definition::insert(tx, space, id.0, &achievement(key, rule, now), now)?;
    }
    let mut pro = achievement("pro", reaches(RUNS, 3, vec![]), now);
    pro.user_filters = only_pro();
    definition::insert(tx, space, PRO.0, &pro, now)?;
    definition::insert(tx, space, XP.0, &system("xp", None), now)?;
    definition::insert(tx, space, GOLD.0, &system("gold", Some(50)), now)?;
    definition::insert(tx, space, id(41), &level(XP, "low", 0), now)?;
    definition::insert(tx, space, LEVEL, &level(XP, "high", 20), now)?;
    let achieved = TriggerRule::Achievement { achievement: YEAR };
    for (number, system, rule, points) in [
        (51, XP, every(2, RUNS, vec![]), 3),
        (52, XP, every(2, WORDS, kind_a()), 5),
        (53, XP, TriggerRule::Streak { length: 2 }, 7),
        (54, XP, achieved, 11),
        (55, GOLD, TriggerRule::UserCreation, 4),
        (56, GOLD, every(5, WORDS, vec![]), 6),
    ] {
        definition::insert(
            tx,
            space,
            id(number),
            &trigger(system, rule, points, now),
            now,
        )?;
    }
    let mut taking = trigger(GOLD, every(1, COINS, vec![]), -2, now);
    taking.block_if_out_of_points = true;
    definition::insert(tx, space, id(57), &taking, now)?;
    let mut fee = trigger(XP, every(3, RUNS, vec![]), -1, now);
    fee.user_filters = only_pro();
    definition::insert(tx, space, id(58), &fee, now)?;
    definition::insert(tx, space, STREAK, &streak(Frequency::Daily, now), now)?;
    let run = |unit, interval| Some(Run { unit, interval });
    for (id, board) in [
        (
            WEEKLY,
            Board {
                run: run(RunUnit::Day, 7),
                breakdown: vec![TEAM],
                ..board("weekly", RankBy::Metric(RUNS))
            },
        ),
        (
            WORD_BOARD,
            Board {
                breakdown: vec![PLAN],
                user_filters: only_pro(),
                ..board("words", RankBy::Metric(WORDS))
            },
        ),
        (
            XP_BOARD,
            Board {
                run: run(RunUnit::Month, 1),
                ..board("xp", RankBy::Points(XP))
            },
        ),
        (
            GOLD_BOARD,
            Board {
                breakdown: vec![TEAM],
                ..board("gold", RankBy::Points(GOLD))
            },
        ),
        (STREAK_BOARD, board("streak", RankBy::Streak)),
        (
            MORNINGS,
            Board {
                end_time: Some(time(12, 0, 0, 0)),
                run: run(RunUnit::Day, 3),
                ..board("mornings", RankBy::Metric(RUNS))
            },
        ),
        (
            AFTERNOONS,
            Board {
                start_time: Some(time(12, 0, 0, 0)),
                end_time: Some(time(23, 59, 59, 0)),
                breakdown: vec![TEAM],
                ..board("afternoons", RankBy::Points(XP))
            },
        ),
    ] {
        definition::insert(tx, space, id.0, &board, now)?;
    }
    Ok(())
}

/// Publishes rules that count events of the past: their counters have to come from the log.
pub(crate) fn insert_late(tx: &mut Tx<'_>, space: Space, now: Timestamp) -> store::Result<()> {
    let kind_b = || vec![is(KIND, "b")];
    let late = achievement("kind-b", reaches(WORDS, 4, kind_b()), now);
    definition::insert(tx, space, KIND_B.0, &late, now)?;
    let paying = trigger(XP, every(3, RUNS, kind_b()), 2, now);
    definition::insert(tx, space, id(59), &paying, now)?;
    definition::bump(tx, space)
}

/// Switches the frequency: streaks are counted anew.
pub(crate) fn set_frequency(
    tx: &mut Tx<'_>,
    space: Space,
    frequency: Frequency,
    now: Timestamp,
) -> store::Result<()> {
    let mut settings = definition::streak_settings(tx, space)?.unwrap();
    settings.body.frequency = frequency;
    definition::update(tx, space, &settings, now)?;
    definition::bump(tx, space)
}

/// Says that the filtered trigger's rule changed: its counters are stale.
pub(crate) fn renew_trigger(tx: &mut Tx<'_>, space: Space, now: Timestamp) -> store::Result<()> {
    let mut stored = definition::find::<PointsTrigger>(tx, space, FILTERED_TRIGGER)?.unwrap();
    stored.body.active_since = now;
    definition::update(tx, space, &stored, now)?;
    definition::bump(tx, space)
}
