//! Boosts and points for time: worked cases, single rules, and two slow models (spec/trophy.md 6.3, 6.7, D.4).

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::BTreeMap;

use engine::calendar::{RunUnit, Zone, days_after};
use engine::definition::{BoostUser, RankBy, Rounding, Run, TickUnit, TriggerRule};
use engine::id::{BoostId, CurrencyId, UserId};
use engine::moment;
use engine::outcome::Notice;
use engine::user::Patch;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use world::{World, amount, attributes, day, every, filter, instant, points_of, tz};

const NOON: &str = "2026-03-10T12:00:00Z";

fn every_days(interval: i64) -> TriggerRule {
    TriggerRule::Time {
        unit: TickUnit::Days,
        interval,
    }
}

fn every_hours(interval: i64) -> TriggerRule {
    TriggerRule::Time {
        unit: TickUnit::Hours,
        interval,
    }
}

/// A world with a metric `m` that pays `points` for each unit.
fn paying(points: i64) -> (World, CurrencyId) {
    let mut w = World::new(NOON);
    let metric = w.metric("m");
    let xp = w.system("xp");
    w.trigger(xp, every(1, metric), points);
    (w, xp)
}

/// What the last entries of a user's ledger were: amount, instant, date.
fn awards(w: &World, user: &str) -> Vec<(i64, String, String)> {
    w.ledger
        .iter()
        .filter(|(who, _)| who == user)
        .map(|(_, entry)| (entry.amount, entry.at.to_string(), entry.date.to_string()))
        .collect()
}

mod boosts {
    use super::*;

    /// Rows of spec/trophy.md D.4 with boosts: base, multipliers, rounding, awarded.
    #[test]
    fn d4_boosts() {
        use Rounding::{Down, Nearest, Up};
        let cases: [(i64, &[&str], Rounding, i64); 6] = [
            (10, &["1.5", "1.5"], Down, 22),
            (10, &["1.5", "1.5"], Up, 23),
            (10, &["1.5", "1.5"], Nearest, 23),
            (1, &["1.2"], Nearest, 1),
            (1, &["1.7"], Nearest, 2),
            (10, &["2", "1.5", "3"], Down, 90),
        ];
        for (base, multipliers, rounding, awarded) in cases {
            let (mut w, xp) = paying(base);
            let made: Vec<BoostId> = multipliers
                .iter()
                .map(|multiplier| {
                    let boost = w.boost(xp, multiplier, "2026-03-10");
                    w.edit_boost(boost, |boost| boost.rounding = rounding);
                    boost
                })
                .collect();
            let reply = w.event("u", "m", "1");
            let change = points_of(&reply.points, xp).unwrap();
            assert_eq!(change.added, awarded, "{base} {multipliers:?} {rounding:?}");
            assert_eq!(change.awards.len(), 1);
            assert_eq!(change.awards[0].boosts, made);
            w.check();
        }
    }

    #[test]
    fn amb72_deductions_are_not_boosted() {
        let (mut w, xp) = paying(50);
        let cost = w.metric("cost");
        w.trigger(xp, every(1, cost), -10);
        w.event("u", "m", "1");
        w.boost(xp, "2", "2026-03-10");
        let reply = w.event("u", "cost", "1");
        let change = points_of(&reply.points, xp).unwrap();
        assert_eq!(change.added, -10);
        assert_eq!(change.awards[0].boosts, []);
    }

    /// Several crossings are one award (AMB-29), boosted as a whole, then capped.
    #[test]
    fn amb29_the_whole_award_is_boosted_once_and_then_capped() {
        let (mut w, xp) = paying(1);
        w.boost(xp, "1.5", "2026-03-10");
        let reply = w.event("u", "m", "3");
        let change = points_of(&reply.points, xp).unwrap();
        assert_eq!((change.added, change.awards.len()), (4, 1));
        w.cap(xp, 6);
        assert_eq!(
            points_of(&w.event("u", "m", "3").points, xp).unwrap().added,
            2
        );
        assert!(points_of(&w.event("u", "m", "3").points, xp).is_none());
        w.check();
    }

    #[test]
    fn a_product_of_nothing_is_no_award() {
        let (mut w, xp) = paying(1);
        w.boost(xp, "0.5", "2026-03-10");
        assert!(points_of(&w.event("u", "m", "1").points, xp).is_none());
        assert!(w.ledger.is_empty());
    }

    /// The window is that of the user's own calendar, both dates included.
    #[test]
    fn the_window_is_in_the_users_zone() {
        let (mut w, xp) = paying(10);
        let boost = w.boost(xp, "2", "2026-03-12");
        w.edit_boost(boost, |boost| boost.end = Some(day("2026-03-12")));
        for (zone, now, added) in [
            ("Pacific/Kiritimati", "2026-03-11T09:59:59Z", 10),
            ("Pacific/Kiritimati", "2026-03-11T10:00:00Z", 20),
            ("Pacific/Kiritimati", "2026-03-12T09:59:59Z", 20),
            ("Pacific/Kiritimati", "2026-03-12T10:00:00Z", 10),
            ("Etc/GMT+12", "2026-03-12T11:59:59Z", 10),
            ("Etc/GMT+12", "2026-03-12T12:00:00Z", 20),
            ("Etc/GMT+12", "2026-03-13T11:59:59Z", 20),
            ("Etc/GMT+12", "2026-03-13T12:00:00Z", 10),
        ] {
            w.at(now);
            let reply = w.event_of(&zone.replace('/', "-"), tz(zone), "m", "1");
            assert_eq!(
                points_of(&reply.points, xp).unwrap().added,
                added,
                "{zone} {now}"
            );
        }
    }

    #[test]
    fn boosts_of_a_group_and_of_one_user_apply_to_nobody_else() {
        let (mut w, xp) = paying(10);
        let plan = w.user_attribute("plan");
        let other = w.system("other");
        w.event("own", "m", "1");
        let number = w.state("own").user.get().id.0;
        let group = w.boost(xp, "2", "2026-03-10");
        w.edit_boost(group, |boost| {
            boost.user_filters = vec![filter(plan, "pro")];
        });
        let own = w.boost(xp, "3", "2026-03-10");
        w.edit_boost(own, |boost| {
            boost.user = Some(BoostUser {
                number,
                name: "own".into(),
            });
        });
        w.boost(other, "5", "2026-03-10");
        let gone = w.boost(xp, "7", "2026-03-10");
        w.definitions.boosts.last_mut().unwrap().is_archived = true;
        w.compile();
        let mut added = |user: &str, plan: &str| {
            let reply = w.event_of(user, attributes(&[("plan", plan)]), "m", "1");
            let change = points_of(&reply.points, xp).unwrap().clone();
            (change.added, change.awards[0].boosts.clone())
        };
        assert_eq!(added("own", "free"), (30, vec![own]));
        assert_eq!(added("own", "pro"), (60, vec![group, own]));
        assert_eq!(added("else", "free"), (10, vec![]));
        assert_eq!(added("else", "pro"), (20, vec![group]));
        assert!(w.catalog.boost(gone).is_some(), "old awards still show it");
    }

    /// Awards of every kind of trigger are boosted, each by the boosts of its own date.
    #[test]
    fn awards_of_every_kind_are_boosted() {
        let mut w = World::new(NOON);
        let metric = w.metric("m");
        w.streak(metric, 1);
        let xp = w.system("xp");
        w.boost(xp, "2", "2026-03-10");
        w.trigger(xp, TriggerRule::UserCreation, 1);
        w.trigger(xp, every(1, metric), 10);
        w.trigger(xp, TriggerRule::Streak { length: 1 }, 100);
        let first = w.achievement("first", world::reaches(metric, "1"));
        w.trigger(xp, TriggerRule::Achievement { achievement: first }, 1_000);
        w.trigger(xp, every_days(1), 10_000);
        w.event("u", "m", "1");
        assert_eq!(w.balance("u", xp), 2_222);
        w.at("2026-03-11T12:00:00Z").settle("u");
        assert_eq!(w.balance("u", xp), 22_222);
    }

    #[test]
    fn a_boost_touches_nothing_from_before_it_was_made() {
        let mut w = World::new(NOON);
        let xp = w.system("xp");
        w.trigger(xp, every_days(1), 10);
        w.save("u", Patch::default());
        w.at("2026-03-11T12:00:00Z");
        w.boost(xp, "2", "2026-03-01");
        w.at("2026-03-12T12:00:00Z").settle("u");
        let amounts: Vec<i64> = awards(&w, "u").iter().map(|award| award.0).collect();
        assert_eq!(amounts, [10, 20]);
    }

    /// What an event earns before a deduction that may not be covered is boosted there too.
    #[test]
    fn a_block_looks_at_boosted_points() {
        let (mut w, xp) = paying(5);
        let metric = w.catalog.metric_by_key("m").unwrap().id;
        let cost = w.trigger(xp, every(1, engine::id::MetricId(metric)), -8);
        w.edit_trigger(cost, |trigger| trigger.block_if_out_of_points = true);
        let event = || World::record(Patch::default(), "m", "1", &[]);
        assert!(w.try_event("u", event()).is_err());
        w.boost(xp, "2", "2026-03-10");
        w.try_event("u", event()).unwrap();
        assert_eq!(w.balance("u", xp), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// Awards equal an exact fraction, rounded once.
        #[test]
        fn awards_equal_an_exact_model(
            points in 1_i64..2_000,
            value in 1_i64..50,
            cap in proptest::option::of(1_i64..100_000),
            boosts in proptest::collection::vec(
                (
                    prop_oneof![1_i64..100_000_000, (1_i64..1_000).prop_map(|m| m * 100_000)],
                    0_usize..3,
                    -3_i64..3,
                    proptest::option::of(-1_i64..3),
                    0_usize..4,
                ),
                0..4,
            ),
        ) {
            let (mut w, xp) = paying(points);
            let plan = w.user_attribute("plan");
            if let Some(cap) = cap {
                w.cap(xp, cap);
            }
            w.save("u", attributes(&[("plan", "pro")]));
            let number = w.state("u").user.get().id.0;
            let today = day("2026-03-10");
            let mut factor = 1_u128;
            let mut scale = 1_u128;
            let mut mode = None;
            let mut names = Vec::new();
            for (millionths, rounding, start, end, target) in boosts {
                if millionths == 1_000_000 || millionths >= 100_000_000 {
                    continue;
                }
                let rounding = [Rounding::Down, Rounding::Nearest, Rounding::Up][rounding];
                let (start, end) = (days_after(today, start), end.map(|end| days_after(today, end)));
                let boost = w.boost(xp, "2", "2026-03-10");
                w.edit_boost(boost, |boost| {
                    boost.multiplier = engine::amount::Amount::from_millionths(millionths);
                    boost.rounding = rounding;
                    boost.start = start;
                    boost.end = end;
                    match target {
                        0 => {}
                        1 => boost.user_filters = vec![filter(plan, "pro")],
                        2 => boost.user_filters = vec![filter(plan, "free")],
                        _ => boost.user = Some(BoostUser { number, name: "u".into() }),
                    }
                });
                if start <= today && end.is_none_or(|end| today <= end) && target != 2 {
                    factor *= u128::try_from(millionths).unwrap();
                    scale *= 1_000_000;
                    names.push((target == 3, boost));
                    mode = Some(mode.map_or(rounding, |mode: Rounding| mode.min(rounding)));
                }
            }
            let exact = u128::try_from(points * value).unwrap() * factor;
            let whole = match mode {
                None | Some(Rounding::Down) => exact / scale,
                Some(Rounding::Nearest) => (exact + scale / 2) / scale,
                Some(Rounding::Up) => exact.div_ceil(scale),
            };
            let expected = i64::try_from(whole).unwrap().min(cap.unwrap_or(i64::MAX));
            let reply = w.event("u", "m", &value.to_string());
            let change = points_of(&reply.points, xp);
            prop_assert_eq!(change.map_or(0, |change| change.added), expected);
            if let Some(change) = change {
                names.sort_by_key(|(is_own, _)| *is_own);
                let names: Vec<_> = names.into_iter().map(|(_, boost)| boost).collect();
                prop_assert_eq!(&change.awards[0].boosts, &names);
            }
            w.check();
        }
    }
}

mod moments {
    use super::*;

    fn world() -> (World, BoostId) {
        let mut w = World::new(NOON);
        let xp = w.system("xp");
        let boost = w.boost(xp, "2", "2026-03-12");
        w.edit_boost(boost, |boost| boost.end = Some(day("2026-03-13")));
        (w, boost)
    }

    #[test]
    fn a_boost_for_everybody_is_told_at_fixed_hours() {
        let (w, boost) = world();
        let from = instant(NOON);
        assert_eq!(
            moment::between(&w.catalog, from, instant("2026-04-01T00:00:00Z")),
            [
                (
                    instant("2026-03-11T10:00:00Z"),
                    Notice::BoostStarted { boost }
                ),
                (
                    instant("2026-03-14T13:00:00Z"),
                    Notice::BoostFinished { boost }
                ),
            ]
        );
        assert_eq!(
            moment::next(&w.catalog, from),
            Some(instant("2026-03-11T10:00:00Z"))
        );
        // A span holds its end and not its beginning.
        let start = instant("2026-03-11T10:00:00Z");
        assert_eq!(moment::between(&w.catalog, from, start).len(), 1);
        assert_eq!(
            moment::between(&w.catalog, start, start + SignedDuration::from_hours(1)),
            []
        );
    }

    #[test]
    fn a_deleted_boost_is_not_told() {
        let (mut w, _) = world();
        w.definitions.boosts[0].is_archived = true;
        w.compile();
        assert_eq!(moment::next(&w.catalog, instant(NOON)), None);
    }

    #[test]
    fn the_boost_of_a_user_is_told_at_the_users_midnights() {
        let (mut w, boost) = world();
        w.edit_boost(boost, |boost| {
            boost.user = Some(BoostUser {
                number: 7,
                name: "u".into(),
            });
        });
        let (from, to) = (instant(NOON), instant("2026-04-01T00:00:00Z"));
        assert_eq!(moment::between(&w.catalog, from, to), []);
        let user = UserId(7);
        assert_eq!(moment::boosted_users(&w.catalog, from, to), [user].into());
        assert!(moment::boosted_users(&w.catalog, to, to).is_empty());
        let zones = |zone: &str| BTreeMap::from([(user, Zone::named(zone).unwrap())]);
        let told =
            |zone: &str, from, to| moment::user_boosts_between(&w.catalog, &zones(zone), from, to);
        for (zone, start, end) in [
            (
                "Pacific/Kiritimati",
                "2026-03-11T10:00:00Z",
                "2026-03-13T10:00:00Z",
            ),
            (
                "Pacific/Honolulu",
                "2026-03-12T10:00:00Z",
                "2026-03-14T10:00:00Z",
            ),
            ("UTC", "2026-03-12T00:00:00Z", "2026-03-14T00:00:00Z"),
        ] {
            let expected = [
                (instant(start), user, Notice::BoostStarted { boost }),
                (instant(end), user, Notice::BoostFinished { boost }),
            ];
            assert_eq!(told(zone, from, to), expected);
            // Whoever looks often hears the same.
            let mut often = Vec::new();
            let mut at = from;
            while at < to {
                let next = at + SignedDuration::from_mins(37);
                let near = moment::boosted_users(&w.catalog, at, next);
                if near.contains(&user) {
                    often.extend(told(zone, at, next));
                }
                at = next;
            }
            assert_eq!(often, expected, "{zone}");
        }
        assert_eq!(
            moment::user_boosts_between(&w.catalog, &BTreeMap::new(), from, to),
            []
        );
    }

    /// Moments that a change leaves behind are told by the change, and only then.
    #[test]
    fn a_change_tells_what_it_leaves_behind() {
        let (w, id) = world();
        let boost = w.catalog.boost(id).unwrap().body().clone();
        let kinds =
            |before: Option<&engine::definition::PointsBoost>, after, zone: Option<&Zone>, now| {
                moment::passed(id, before, after, zone, instant(now))
                    .iter()
                    .map(Notice::kind)
                    .collect::<Vec<_>>()
            };
        let (started, finished) = ("points.boost_started", "points.boost_finished");
        let nothing: [&str; 0] = [];
        assert_eq!(kinds(None, &boost, None, "2026-03-11T09:59:59Z"), nothing);
        assert_eq!(kinds(None, &boost, None, "2026-03-11T10:00:00Z"), [started]);
        assert_eq!(
            kinds(Some(&boost), &boost, None, "2026-03-12T10:00:00Z"),
            nothing
        );
        let early = engine::definition::PointsBoost {
            start: day("2026-03-01"),
            ..boost.clone()
        };
        assert_eq!(kinds(Some(&boost), &early, None, NOON), [started]);
        let over = engine::definition::PointsBoost {
            end: Some(day("2026-03-05")),
            ..early.clone()
        };
        assert_eq!(kinds(Some(&early), &over, None, NOON), [finished]);
        assert_eq!(kinds(Some(&boost), &over, None, NOON), [started, finished]);
        assert_eq!(kinds(Some(&over), &boost, None, NOON), nothing);
        let kiritimati = Zone::named("Pacific/Kiritimati").unwrap();
        assert_eq!(
            kinds(None, &boost, Some(&kiritimati), "2026-03-11T10:00:00Z"),
            [started]
        );
    }
}

mod time {
    use super::*;

    fn ticking(rule: TriggerRule, points: i64) -> (World, CurrencyId) {
        let mut w = World::new(NOON);
        let xp = w.system("xp");
        w.trigger(xp, rule, points);
        (w, xp)
    }

    fn settle_at(w: &World, user: &str) -> Option<Timestamp> {
        w.state(user).streak.as_ref()?.get().settle_at
    }

    /// AMB-31: from the later of creation and activation, days at local midnights, hours exactly; missed
    /// ticks are made up for in order.
    #[test]
    fn amb31_missed_ticks_are_made_up_for_each_at_its_own_instant() {
        let (mut w, _) = ticking(every_days(2), 3);
        w.at("2026-03-11T03:00:00Z");
        w.save("u", tz("America/New_York"));
        // It is still the 10th there.
        assert_eq!(settle_at(&w, "u"), Some(instant("2026-03-12T04:00:00Z")));
        w.at("2026-03-16T00:00:00Z").settle("u");
        assert_eq!(
            awards(&w, "u"),
            [
                (3, "2026-03-12T04:00:00Z".into(), "2026-03-12".into()),
                (3, "2026-03-14T04:00:00Z".into(), "2026-03-14".into()),
            ]
        );
        assert_eq!(settle_at(&w, "u"), Some(instant("2026-03-16T04:00:00Z")));
        let told: Vec<_> = w.notices.iter().map(Notice::kind).collect();
        assert_eq!(told, ["points.changed"]);
        w.check();
    }

    #[test]
    fn hours_are_exact_over_a_change_of_the_clock() {
        let (mut w, _) = ticking(every_hours(24), 1);
        w.at("2026-03-28T11:30:00Z");
        w.save("u", tz("Europe/Rome"));
        w.at("2026-03-30T12:00:00Z").settle("u");
        let at: Vec<_> = awards(&w, "u").into_iter().map(|award| award.1).collect();
        assert_eq!(at, ["2026-03-29T11:30:00Z", "2026-03-30T11:30:00Z"]);
    }

    #[test]
    fn days_follow_the_clock_over_its_change() {
        let (mut w, _) = ticking(every_days(1), 1);
        w.at("2026-03-28T11:30:00Z");
        w.save("u", tz("Europe/Rome"));
        w.at("2026-03-30T12:00:00Z").settle("u");
        let at: Vec<_> = awards(&w, "u").into_iter().map(|award| award.1).collect();
        assert_eq!(at, ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
    }

    /// Users from before the trigger begin with it, also those who never sent an event; all of them are
    /// settled after an activation.
    #[test]
    fn an_activation_begins_anew_for_everybody() {
        let mut w = World::new(NOON);
        let xp = w.system("xp");
        w.save("u", Patch::default());
        let trigger = w.trigger(xp, every_hours(1), 1);
        w.edit_trigger(trigger, |trigger| {
            trigger.is_active = false;
        });
        w.at("2026-03-11T12:00:00Z").settle("u");
        assert_eq!(settle_at(&w, "u"), None);
        let now = w.now;
        w.edit_trigger(trigger, |trigger| {
            trigger.is_active = true;
            trigger.active_since = now;
        });
        w.settle("u");
        assert_eq!(settle_at(&w, "u"), Some(instant("2026-03-11T13:00:00Z")));
        w.at("2026-03-11T14:30:00Z").settle("u");
        assert_eq!(w.balance("u", xp), 2);
        // A pause pays nothing, and the rest of the hour before it is forgotten.
        let now = w.now;
        w.edit_trigger(trigger, |trigger| trigger.is_active = false);
        w.at("2026-03-11T20:00:00Z").settle("u");
        let again = w.now;
        assert!(again > now);
        w.edit_trigger(trigger, |trigger| {
            trigger.is_active = true;
            trigger.active_since = again;
        });
        w.at("2026-03-11T20:59:00Z").settle("u");
        assert_eq!(w.balance("u", xp), 2);
        w.at("2026-03-11T21:00:00Z").settle("u");
        assert_eq!(w.balance("u", xp), 3);
    }

    #[test]
    fn a_tick_that_finds_no_match_or_no_room_is_not_owed() {
        let (mut w, xp) = ticking(every_days(1), 10);
        let plan = w.user_attribute("plan");
        let paid = w.trigger(xp, every_days(1), 100);
        w.edit_trigger(paid, |trigger| {
            trigger.user_filters = vec![filter(plan, "pro")];
        });
        w.cap(xp, 125);
        w.save("u", Patch::default());
        w.at("2026-03-12T12:00:00Z");
        w.save("u", attributes(&[("plan", "pro")]));
        assert_eq!(w.balance("u", xp), 20);
        w.at("2026-03-14T12:00:00Z").settle("u");
        let amounts: Vec<i64> = awards(&w, "u").iter().map(|award| award.0).collect();
        assert_eq!(amounts, [10, 10, 10, 95]);
        w.cap(xp, 1_000);
        w.at("2026-03-14T13:00:00Z").settle("u");
        assert_eq!(w.balance("u", xp), 125);
        w.check();
    }

    #[test]
    fn who_moves_gets_no_tick_twice_and_loses_none() {
        let (mut w, _) = ticking(every_days(1), 1);
        w.save("u", tz("Asia/Tokyo"));
        // It is the 11th in Tokyo; its tick has been paid.
        w.at("2026-03-10T16:00:00Z");
        w.save("u", tz("America/New_York"));
        w.at("2026-03-12T03:00:00Z").settle("u");
        let dates = |w: &World| {
            awards(w, "u")
                .into_iter()
                .map(|award| (award.1, award.2))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            dates(&w),
            [("2026-03-10T15:00:00Z".into(), "2026-03-11".into())]
        );
        // Back east it is the 12th: the tick comes with the journey.
        w.save("u", tz("Asia/Tokyo"));
        assert_eq!(
            dates(&w)[1..],
            [("2026-03-12T03:00:00Z".into(), "2026-03-12".into())]
        );
        w.save("u", tz("UTC"));
        w.at("2026-03-12T23:00:00Z").settle("u");
        assert_eq!(dates(&w).len(), 2);
        w.at("2026-03-13T00:00:00Z").settle("u");
        assert_eq!(dates(&w).len(), 3);
        w.check();
    }

    /// An award belongs to the run of its own date, also when the run is over.
    #[test]
    fn awards_land_in_the_runs_of_their_dates() {
        let (mut w, xp) = ticking(every_hours(12), 1);
        let board = w.board("daily", RankBy::Points(xp), "2026-03-01");
        w.edit_board(board, |board| {
            board.run = Some(Run {
                unit: RunUnit::Day,
                interval: 1,
            });
        });
        w.is_lean = true;
        w.save("u", Patch::default());
        w.at("2026-03-20T12:00:00Z").settle("u");
        for run in 10..19 {
            assert_eq!(w.value("u", board, run), 2, "run {run}");
        }
        w.check();
    }

    /// A user who was away for very long is paid piece by piece; one who has no room is done at once.
    #[test]
    fn the_work_of_one_settling_is_bounded() {
        let (mut w, xp) = ticking(every_hours(1), 1);
        w.save("u", Patch::default());
        w.at("2026-05-10T12:00:00Z").settle("u");
        assert_eq!(w.balance("u", xp), 1_000);
        assert!(settle_at(&w, "u").unwrap() < w.now);
        w.settle("u");
        assert_eq!(w.balance("u", xp), 24 * 61);
        assert!(settle_at(&w, "u").unwrap() > w.now);
        w.cap(xp, 24 * 61);
        let rows = w.ledger.len();
        w.at("9000-01-01T00:00:00Z").settle("u");
        assert_eq!(w.ledger.len(), rows);
        assert!(settle_at(&w, "u").unwrap() > w.now);
        w.check();
    }

    #[test]
    fn intervals_without_end_never_fall_due() {
        let (mut w, xp) = ticking(every_days(i64::MAX), 1);
        w.trigger(xp, every_hours(i64::MAX), 1);
        w.trigger(xp, every_days(4_000_000), 1);
        w.save("u", Patch::default());
        assert_eq!(settle_at(&w, "u"), None);
        w.now = Timestamp::MAX - SignedDuration::from_hours(100);
        w.settle("u");
        assert!(w.ledger.is_empty());
    }

    #[test]
    fn settling_twice_writes_nothing_the_second_time() {
        let (mut w, _) = ticking(every_days(1), 1);
        w.save("u", Patch::default());
        w.at("2026-03-13T12:00:00Z").settle("u");
        w.reload("u");
        let rows = w.ledger.len();
        w.settle("u");
        assert_eq!(w.ledger.len(), rows);
        let state = w.state("u");
        assert!(state.counters.values().all(|row| !row.is_changed()));
        assert!(!state.streak.as_ref().unwrap().is_changed());
    }

    const ZONES: [&str; 9] = [
        "UTC",
        "America/New_York",
        "America/Santiago",
        "America/Havana",
        "Europe/Rome",
        "Pacific/Kiritimati",
        "Pacific/Honolulu",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
    ];

    /// One trigger in the model, which lives every quarter of an hour.
    struct Slow {
        unit: TickUnit,
        interval: i64,
        points: i64,
        /// The date or the quarter at which it pays next.
        next_date: Date,
        next_quarter: i64,
    }

    struct Model {
        balance: i64,
        cap: i64,
        paid: Vec<(i64, Timestamp)>,
        triggers: Vec<Slow>,
    }

    impl Model {
        /// What falls due at a quarter for somebody whose date this is.
        fn live(&mut self, quarter: i64, at: Timestamp, today: Date) {
            for trigger in &mut self.triggers {
                loop {
                    let is_due = match trigger.unit {
                        TickUnit::Days => trigger.next_date <= today,
                        TickUnit::Hours => trigger.next_quarter <= quarter,
                    };
                    if !is_due {
                        break;
                    }
                    trigger.next_date = days_after(trigger.next_date, trigger.interval);
                    trigger.next_quarter += 4 * trigger.interval;
                    let after =
                        (self.balance + trigger.points).clamp(0, self.cap.max(self.balance));
                    if after != self.balance {
                        self.paid.push((after - self.balance, at));
                        self.balance = after;
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the zones, journeys, clock changes and limits: ticks are those of a model that looks at
        /// the clock every quarter of an hour; and it makes no difference how often somebody looks.
        #[test]
        fn ticks_equal_a_model_that_lives_every_quarter(
            month in 1_i8..13,
            first_zone in 0..ZONES.len(),
            rules in proptest::collection::vec((any::<bool>(), 1_i64..40, -9_i64..12), 1..4),
            cap in 5_i64..60,
            journeys in proptest::collection::vec((1_i64..900, 0..ZONES.len()), 1..6),
            is_swept in any::<bool>(),
        ) {
            let start = format!("2026-{month:02}-20T09:15:00Z");
            let mut w = World::new(&start);
            let xp = w.system("xp");
            w.cap(xp, cap);
            let zone = |index: usize| Zone::named(ZONES[index]).unwrap();
            let mut clock = zone(first_zone);
            let mut model = Model { balance: 0, cap, paid: Vec::new(), triggers: Vec::new() };
            for (is_days, interval, points) in rules {
                if points == 0 {
                    continue;
                }
                let interval = if is_days { 1 + interval / 10 } else { interval };
                w.trigger(xp, if is_days { every_days(interval) } else { every_hours(interval) }, points);
                model.triggers.push(Slow {
                    unit: if is_days { TickUnit::Days } else { TickUnit::Hours },
                    interval,
                    points,
                    next_date: days_after(clock.date(w.now), interval),
                    next_quarter: 4 * interval,
                });
            }
            w.save("u", tz(ZONES[first_zone]));
            let began = w.now;
            let mut quarter = 0;
            for (quarters, next_zone) in journeys {
                for _ in 0..quarters {
                    quarter += 1;
                    let at = began + SignedDuration::from_mins(15 * quarter);
                    model.live(quarter, at, clock.date(at));
                    if is_swept && quarter % 7 == 0 {
                        w.now = at;
                        w.settle("u");
                    }
                }
                w.now = began + SignedDuration::from_mins(15 * quarter);
                clock = zone(next_zone);
                let now = w.now;
                w.save("u", tz(ZONES[next_zone]));
                model.live(quarter, now, clock.date(now));
            }
            let found: Vec<_> = w.ledger.iter().map(|(_, entry)| (entry.amount, entry.at)).collect();
            prop_assert_eq!(found, model.paid);
            w.check();
        }
    }
}

mod triggers {
    use super::*;

    #[test]
    fn amb74_a_streak_trigger_of_one_pays_for_every_extension() {
        let mut w = World::new(NOON);
        let metric = w.metric("m");
        w.streak(metric, 1);
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::Streak { length: 1 }, 5);
        for (now, balance) in [
            (NOON, 5),
            ("2026-03-10T13:00:00Z", 5),
            ("2026-03-11T12:00:00Z", 10),
        ] {
            w.at(now).event("u", "m", "1");
            assert_eq!(w.balance("u", xp), balance, "{now}");
        }
    }

    #[test]
    fn amb73_a_completion_from_before_an_activation_never_pays() {
        let mut w = World::new(NOON);
        let metric = w.metric("m");
        let xp = w.system("xp");
        let achievement = w.achievement("a", world::reaches(metric, "1"));
        w.event("u", "m", "1");
        w.trigger(xp, TriggerRule::Achievement { achievement }, 5);
        w.event("u", "m", "1");
        w.at("2026-03-11T12:00:00Z").settle("u");
        assert_eq!(w.balance("u", xp), 0);
    }

    #[test]
    fn amb75_an_edited_level_is_not_told() {
        let (mut w, xp) = paying(10);
        let low = w.level(xp, "low", 10);
        w.event("u", "m", "1");
        w.definitions.levels[0].body.points = 50;
        w.compile();
        w.settle("u");
        assert_eq!(w.notices, []);
        // The next award is compared with what the edited levels say of the balance before it.
        let reply = w.event("u", "m", "5");
        assert_eq!(
            points_of(&reply.points, xp).unwrap().level,
            Some((None, Some(low)))
        );
        assert_eq!(amount("60").steps(1), w.balance("u", xp));
    }
}
