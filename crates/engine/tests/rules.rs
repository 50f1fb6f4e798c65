//! One test for each rule that is easy to get wrong; the rules are those of spec/trophy.md.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use engine::amount::Amount;
use engine::calendar::{Frequency, RunUnit};
use engine::command::Refusal;
use engine::definition::{
    AchievementStatus, AchievementTrigger, AttributeKind, BoardStatus, RankBy, Run, StreakMode,
    TriggerRule,
};
use engine::id::CurrencyId;
use engine::outcome::Notice;
use engine::state::PeriodMark;
use engine::user::{Change, Patch};
use jiff::Timestamp;
use world::{World, amount, attributes, day, every, filter, instant, points_of, reaches, tz};

fn patch() -> Patch {
    Patch::default()
}

fn set(text: &str) -> Change<String> {
    Change::Set(text.to_owned())
}

fn added(changes: &[engine::outcome::PointsChange], system: CurrencyId) -> i64 {
    points_of(changes, system).map_or(0, |change| change.added)
}

fn completed_notices(world: &World) -> usize {
    world
        .notices
        .iter()
        .filter(|n| matches!(n, Notice::AchievementCompleted { .. }))
        .count()
}

mod users {
    use super::*;

    #[test]
    fn present_overwrites_absent_stays_null_clears() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let first = Patch {
            email: set("a@example.org"),
            name: set("Ada"),
            tz: set("Europe/Rome"),
            device_tokens: Change::Set(vec!["one".to_owned(), "two".to_owned()]),
            ..patch()
        };
        w.save("u", first);
        let kept = w.save("u", patch());
        assert_eq!(kept.name.as_deref(), Some("Ada"));
        assert_eq!(kept.tz.as_deref(), Some("Europe/Rome"));
        let cleared = w.save(
            "u",
            Patch {
                name: Change::Clear,
                tz: Change::Clear,
                device_tokens: Change::Set(vec!["three".to_owned()]),
                ..patch()
            },
        );
        assert_eq!((cleared.name, cleared.tz), (None, None));
        assert_eq!(cleared.device_tokens, Some(vec!["three".to_owned()]));
        assert_eq!(cleared.email.as_deref(), Some("a@example.org"));
    }

    #[test]
    fn updated_moves_with_the_fields_of_the_user_and_not_with_events() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        w.metric("km");
        w.save(
            "u",
            Patch {
                name: set("Ada"),
                ..patch()
            },
        );
        let made = w.now;
        w.at("2026-03-10T10:00:00Z").event("u", "km", "1");
        w.save(
            "u",
            Patch {
                name: set("Ada"),
                ..patch()
            },
        );
        assert_eq!(w.state("u").user.get().updated, made);
        assert_eq!(
            w.save(
                "u",
                Patch {
                    name: set("Eva"),
                    ..patch()
                }
            )
            .updated,
            w.now
        );
        assert_eq!(w.state("u").user.get().created, made);
    }

    #[test]
    fn only_an_explicit_subscription_needs_an_address() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        assert!(w.save("default", patch()).is_subscribed);
        let yes = || Patch {
            is_subscribed: Some(true),
            ..patch()
        };
        assert!(matches!(w.try_save("u", yes()), Err(Refusal::Invalid(_))));
        assert!(!w.users.contains_key("u"));
        let with_address = Patch {
            email: set("a@example.org"),
            ..yes()
        };
        assert!(w.save("u", with_address).is_subscribed);
        // The stored address is enough; one that goes in the same request is not.
        w.save("u", yes());
        let going = Patch {
            email: Change::Clear,
            ..yes()
        };
        assert!(matches!(w.try_save("u", going), Err(Refusal::Invalid(_))));
    }

    #[test]
    fn unsubscribed_users_have_no_address_and_stay_unsubscribed() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        w.metric("km");
        let user = w.save(
            "u",
            Patch {
                email: set("a@example.org"),
                is_subscribed: Some(false),
                ..patch()
            },
        );
        assert_eq!((user.email, user.is_subscribed), (None, false));
        // The default of the schema applies on creation only.
        w.event_of(
            "u",
            Patch {
                email: set("b@example.org"),
                ..patch()
            },
            "km",
            "1",
        );
        let user = w.state("u").user.get();
        assert_eq!((&user.email, user.is_subscribed), (&None, false));
        let back = Patch {
            email: set("c@example.org"),
            is_subscribed: Some(true),
            ..patch()
        };
        assert_eq!(w.save("u", back).email.as_deref(), Some("c@example.org"));
        let out = Patch {
            is_subscribed: Some(false),
            ..patch()
        };
        assert_eq!(w.save("u", out).email, None);
    }

    #[test]
    fn attributes_merge_key_by_key_and_null_removes() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        w.user_attribute("city");
        w.user_attribute("plan");
        w.save("u", attributes(&[("city", "rome"), ("plan", "free")]));
        let mut change = attributes(&[("plan", "")]);
        change.attributes.insert("city".to_owned(), None);
        let user = w.save("u", change);
        let expected = BTreeMap::from([("plan".to_owned(), String::new())]);
        assert_eq!(user.attributes, expected, "the empty text is a value");
    }

    #[test]
    fn unknown_attributes_are_all_listed_and_nothing_changes() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        w.metric("km");
        w.user_attribute("city");
        w.event_attribute("shoe");
        w.save("u", attributes(&[("city", "rome")]));
        let bad = attributes(&[("city", "oslo"), ("x", "1"), ("shoe", "1")]);
        assert_eq!(
            w.try_save("u", bad),
            Err(Refusal::UnknownAttributes {
                kind: AttributeKind::User,
                keys: vec!["shoe".to_owned(), "x".to_owned()],
            })
        );
        let bad = World::record(
            attributes(&[("city", "oslo")]),
            "km",
            "1",
            &[("city", "a"), ("shoe", "b"), ("z", "c")],
        );
        assert_eq!(
            w.try_event("u", bad),
            Err(Refusal::UnknownAttributes {
                kind: AttributeKind::Event,
                keys: vec!["city".to_owned(), "z".to_owned()],
            })
        );
        assert_eq!(w.state("u").user.get().attributes["city"], "rome");
        assert!(w.events.is_empty());
    }

    #[test]
    fn sign_up_is_not_in_the_future_of_the_users_own_clock() {
        let mut w = World::new("2026-03-10T12:00:00Z");
        let tomorrow = || Patch {
            sign_up_date: Change::Set(day("2026-03-11")),
            ..patch()
        };
        assert!(matches!(
            w.try_save("utc", tomorrow()),
            Err(Refusal::Invalid(_))
        ));
        // The zone of the same request counts, and then the stored one.
        let east = Patch {
            tz: set("Pacific/Kiritimati"),
            ..tomorrow()
        };
        assert_eq!(w.save("east", east).sign_up_date, Some(day("2026-03-11")));
        w.save("stored", tz("Pacific/Kiritimati"));
        w.save("stored", tomorrow());
        let cleared = Patch {
            sign_up_date: Change::Clear,
            ..patch()
        };
        assert_eq!(w.save("stored", cleared).sign_up_date, None);
        let west = Patch {
            tz: set("Pacific/Honolulu"),
            ..tomorrow()
        };
        assert!(matches!(
            w.try_save("stored", west),
            Err(Refusal::Invalid(_))
        ));
    }

    #[test]
    fn unknown_zones_metrics_and_ids_are_refused() {
        let mut w = World::new("2026-03-10T12:00:00Z");
        assert!(matches!(
            w.try_save("u", tz("Mars/Base")),
            Err(Refusal::Invalid(_))
        ));
        assert!(matches!(
            w.try_save("a/b", patch()),
            Err(Refusal::Invalid(_))
        ));
        let event = World::record(patch(), "nope", "1", &[]);
        assert_eq!(
            w.try_event("u", event),
            Err(Refusal::NotFound("metric", "nope".to_owned()))
        );
        assert!(w.users.is_empty());
    }
}

mod achievements {
    use super::*;

    #[test]
    fn event_filters_count_a_sum_of_their_own() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let shoe = w.event_attribute("shoe");
        let red = w.achievement("red", reaches(km, "10"));
        w.edit_achievement(red, |achievement| {
            achievement.trigger = AchievementTrigger::Metric {
                metric: km,
                value: amount("10"),
                event_filters: vec![filter(shoe, "red")],
            };
        });
        w.event_with("u", "km", "100", &[("shoe", "blue")]);
        w.event_with("u", "km", "6", &[("shoe", "red")]);
        w.event_with("u", "km", "6", &[("shoe", "Red")]);
        assert!(!w.holds("u", red));
        let reply = w.event_with("u", "km", "4", &[("shoe", "red")]);
        assert_eq!(reply.completed.len(), 1);
    }

    #[test]
    fn only_active_ones_complete_and_none_completes_twice_or_is_revoked() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let ten = w.achievement("ten", reaches(km, "10"));
        for status in [AchievementStatus::Inactive, AchievementStatus::Locked] {
            w.edit_achievement(ten, |achievement| achievement.status = status);
            assert!(w.event("u", "km", "10").completed.is_empty(), "{status:?}");
        }
        w.edit_achievement(ten, |achievement| {
            achievement.status = AchievementStatus::Active;
        });
        assert_eq!(w.event("u", "km", "1").completed.len(), 1);
        w.event("u", "km", "-21");
        assert!(w.holds("u", ten));
        assert!(w.event("u", "km", "50").completed.is_empty());
        w.edit_achievement(ten, |achievement| {
            achievement.status = AchievementStatus::Locked;
        });
        assert!(w.event("u", "km", "50").completed.is_empty());
        assert!(w.holds("u", ten));
    }

    #[test]
    fn composites_follow_in_chains() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let a = w.achievement("a", reaches(km, "1"));
        let b = w.achievement("b", AchievementTrigger::Api);
        // Made in the wrong order, so that one pass in order of creation would not do.
        let top = w.achievement("top", AchievementTrigger::Api);
        let both = w.achievement(
            "both",
            AchievementTrigger::Composite {
                achievements: vec![a, b],
            },
        );
        w.edit_achievement(top, |achievement| {
            achievement.trigger = AchievementTrigger::Composite {
                achievements: vec![both],
            };
        });
        w.try_complete("u", "b", patch()).unwrap();
        assert!(!w.holds("u", both));
        let ids: Vec<_> = w
            .event("u", "km", "1")
            .completed
            .iter()
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(ids, [a, both, top]);
        assert_eq!(completed_notices(&w), 3);
    }

    #[test]
    fn a_composite_waits_for_its_user_filters() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let plan = w.user_attribute("plan");
        let a = w.achievement("a", reaches(km, "1"));
        let pro = w.achievement(
            "pro",
            AchievementTrigger::Composite {
                achievements: vec![a],
            },
        );
        w.edit_achievement(pro, |achievement| {
            achievement.user_filters = vec![filter(plan, "pro")];
        });
        w.event_of("u", attributes(&[("plan", "free")]), "km", "1");
        assert!(w.holds("u", a) && !w.holds("u", pro));
        w.save("u", attributes(&[("plan", "pro")]));
        assert!(w.holds("u", pro));
        assert_eq!(completed_notices(&w), 1);
    }

    #[test]
    fn a_metric_achievement_is_looked_at_again_when_attributes_change() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        w.metric("other");
        let plan = w.user_attribute("plan");
        let ten = w.achievement("ten", reaches(km, "10"));
        w.edit_achievement(ten, |achievement| {
            achievement.user_filters = vec![filter(plan, "pro")];
        });
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::Achievement { achievement: ten }, 5);
        for user in ["by-save", "by-event"] {
            w.event(user, "km", "10");
            assert!(!w.holds(user, ten));
        }
        w.save("by-save", attributes(&[("plan", "pro")]));
        assert_eq!(completed_notices(&w), 1, "no back-dating: it is told");
        assert_eq!(w.balance("by-save", xp), 5);
        // Also by an event of another metric, which then says so.
        let reply = w.event_of("by-event", attributes(&[("plan", "pro")]), "other", "1");
        assert_eq!(reply.completed.len(), 1);
        assert_eq!(added(&reply.points, xp), 5);
    }

    #[test]
    fn api_achievements_complete_once_and_answer_the_same_again() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let tour = w.achievement("tour", AchievementTrigger::Api);
        let km = w.metric("km");
        w.achievement("km", reaches(km, "1"));
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::Achievement { achievement: tour }, 7);
        let first = w.try_complete("u", "tour", patch()).unwrap();
        assert_eq!(added(&first.points, xp), 7);
        w.at("2026-03-11T09:00:00Z");
        let again = w.try_complete("u", "tour", patch()).unwrap();
        assert_eq!(again.completion, first.completion);
        assert!(again.points.is_empty() && w.notices.is_empty());
        assert_eq!(w.balance("u", xp), 7);
        let other = w.try_complete("u", "km", patch());
        assert!(matches!(other, Err(Refusal::Invalid(_))), "another trigger");
        let unknown = w.try_complete("u", "nope", patch());
        assert!(matches!(unknown, Err(Refusal::NotFound("achievement", _))));
    }

    #[test]
    fn api_achievements_respect_status_and_filters() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let plan = w.user_attribute("plan");
        let tour = w.achievement("tour", AchievementTrigger::Api);
        w.edit_achievement(tour, |achievement| {
            achievement.user_filters = vec![filter(plan, "pro")];
        });
        assert!(matches!(
            w.try_complete("u", "tour", patch()),
            Err(Refusal::Invalid(_))
        ));
        assert!(w.users.is_empty(), "refused, so nobody was made");
        w.try_complete("holder", "tour", attributes(&[("plan", "pro")]))
            .unwrap();
        w.edit_achievement(tour, |achievement| {
            achievement.status = AchievementStatus::Locked;
        });
        let pro = attributes(&[("plan", "pro")]);
        assert!(matches!(
            w.try_complete("u", "tour", pro),
            Err(Refusal::Invalid(_))
        ));
        w.try_complete("holder", "tour", patch()).unwrap();
        w.edit_achievement(tour, |achievement| {
            achievement.status = AchievementStatus::Inactive;
        });
        let hidden = w.try_complete("holder", "tour", patch());
        assert!(matches!(hidden, Err(Refusal::NotFound(..))));
    }

    #[test]
    fn back_dating_is_silent_and_pays() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        w.event("u", "km", "10");
        w.event("v", "km", "9");
        w.at("2026-03-11T09:00:00Z");
        let ten = w.achievement("ten", reaches(km, "10"));
        let top = w.achievement(
            "top",
            AchievementTrigger::Composite {
                achievements: vec![ten],
            },
        );
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::Achievement { achievement: ten }, 5);
        for user in ["u", "v"] {
            w.backdate(user, ten);
            assert!(w.notices.is_empty());
        }
        assert!(w.holds("u", ten) && w.holds("u", top) && !w.holds("v", ten));
        assert_eq!(w.state("u").completions[&ten].at, w.now);
        assert_eq!(w.balance("u", xp), 5);
        w.check();
    }

    #[test]
    fn back_dating_counts_filtered_events_of_the_past() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let shoe = w.event_attribute("shoe");
        w.event_with("u", "km", "10", &[("shoe", "red")]);
        w.event_with("v", "km", "10", &[("shoe", "blue")]);
        w.at("2026-03-11T09:00:00Z");
        let red = w.achievement(
            "red",
            AchievementTrigger::Metric {
                metric: km,
                value: amount("10"),
                event_filters: vec![filter(shoe, "red")],
            },
        );
        w.backdate("u", red);
        w.backdate("v", red);
        assert!(w.holds("u", red) && !w.holds("v", red));
    }

    #[test]
    fn back_dating_looks_at_the_streak_of_today_and_tells_of_its_loss() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        w.event("alive", "km", "1");
        w.event("lost", "km", "1");
        w.at("2026-03-11T09:00:00Z").event("alive", "km", "1");
        w.event("lost", "km", "1");
        w.at("2026-03-12T09:00:00Z").event("alive", "km", "1");
        w.at("2026-03-13T09:00:00Z");
        let two = w.achievement("two", AchievementTrigger::Streak { length: 2 });
        w.backdate("alive", two);
        assert!(w.holds("alive", two));
        w.backdate("lost", two);
        assert!(!w.holds("lost", two));
        assert_eq!(w.notices, [Notice::StreakLost { length: 2 }]);
    }

    #[test]
    fn streak_achievements_complete_when_the_streak_grows() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        let two = w.achievement("two", AchievementTrigger::Streak { length: 2 });
        w.event("u", "km", "1");
        w.event("u", "km", "1");
        assert!(!w.holds("u", two));
        assert_eq!(
            w.at("2026-03-11T09:00:00Z")
                .event("u", "km", "1")
                .completed
                .len(),
            1
        );
    }

    #[test]
    fn anniversaries_complete_at_local_midnight() {
        let mut w = World::new("2024-03-01T12:00:00Z");
        let year = w.achievement("year", AchievementTrigger::Anniversary { years: 1 });
        let top = w.achievement(
            "top",
            AchievementTrigger::Composite {
                achievements: vec![year],
            },
        );
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::Achievement { achievement: year }, 5);
        let member = Patch {
            sign_up_date: Change::Set(day("2024-02-29")),
            ..tz("America/New_York")
        };
        w.save("u", member);
        let midnight = instant("2025-02-28T05:00:00Z");
        let due = w.state("u").streak.as_ref().unwrap().get().settle_at;
        assert_eq!(
            due,
            Some(midnight),
            "29 February falls on the 28th in common years"
        );
        w.at("2025-02-28T04:59:59Z").settle("u");
        assert!(!w.holds("u", year));
        // Nobody looked for two days, and then a change of the user came: it counts from midnight.
        w.at("2025-03-02T12:00:00Z").save(
            "u",
            Patch {
                name: set("Ada"),
                ..patch()
            },
        );
        for id in [year, top] {
            assert_eq!(w.state("u").completions[&id].at, midnight);
        }
        assert_eq!(completed_notices(&w), 2);
        assert_eq!(w.ledger[0].1.date, day("2025-02-28"));
    }

    #[test]
    fn anniversaries_that_passed_are_back_dated_or_follow_the_sign_up_date() {
        let mut w = World::new("2026-03-10T12:00:00Z");
        let member = || Patch {
            sign_up_date: Change::Set(day("2020-01-01")),
            ..patch()
        };
        w.save("old", member());
        w.save("none", patch());
        w.at("2026-03-11T12:00:00Z");
        let five = w.achievement("five", AchievementTrigger::Anniversary { years: 5 });
        for user in ["old", "none"] {
            w.backdate(user, five);
            assert!(w.notices.is_empty());
        }
        assert_eq!(w.state("old").completions[&five].at, w.now);
        assert!(!w.holds("none", five));
        // A user update is an ordinary completion.
        w.at("2026-03-12T12:00:00Z").save("none", member());
        assert_eq!(w.state("none").completions[&five].at, w.now);
        assert_eq!(completed_notices(&w), 1);
    }
}

mod streaks {
    use super::*;

    fn daily(now: &str) -> World {
        let mut w = World::new(now);
        let km = w.metric("km");
        w.streak(km, 1);
        w
    }

    #[test]
    fn without_metrics_no_streak_starts() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        w.metric("km");
        let reply = w.event("u", "km", "5");
        assert_eq!((reply.streak.length, reply.is_extended), (0, false));
        assert_eq!((reply.streak.period, reply.streak.expires), (None, None));
    }

    #[test]
    fn the_sum_of_the_period_decides_and_a_met_period_stays_met() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        w.streak(km, 5);
        assert!(!w.event("u", "km", "4").is_extended);
        assert!(!w.event("u", "km", "-2").is_extended);
        assert!(!w.event("u", "km", "2.9").is_extended);
        assert!(w.event("u", "km", "0.1").is_extended);
        w.event("u", "km", "-5");
        assert!(!w.event("u", "km", "9").is_extended, "once in a period");
        w.at("2026-03-11T09:00:00Z");
        assert!(
            !w.event("u", "km", "4.9").is_extended,
            "yesterday does not count"
        );
        assert_eq!(w.streak_of("u").0, 1);
    }

    #[test]
    fn weeks_and_months_are_met_once_and_missed_at_their_end() {
        for (frequency, days, lost) in [
            (
                Frequency::Weekly,
                ["2026-03-07", "2026-03-08", "2026-03-21"],
                "2026-03-29T00:00:00Z",
            ),
            (
                Frequency::Monthly,
                ["2026-01-31", "2026-02-01", "2026-03-31"],
                "2026-05-01T00:00:00Z",
            ),
        ] {
            let mut w = daily("2026-01-01T00:00:00Z");
            w.edit_streak(|streak| streak.frequency = frequency);
            for (length, date) in (1..).zip(days) {
                w.at(&format!("{date}T09:00:00Z"));
                let reply = w.event("u", "km", "1");
                assert_eq!(
                    (reply.streak.length, reply.is_extended),
                    (length, true),
                    "{date}"
                );
                assert!(!w.event("u", "km", "1").is_extended);
            }
            let end = instant(lost);
            assert_eq!(
                w.state("u").streak.as_ref().unwrap().get().settle_at,
                Some(end)
            );
            w.now = end - jiff::SignedDuration::from_micros(1);
            w.settle("u");
            assert_eq!(w.streak_of("u").0, 3);
            w.now = end;
            w.settle("u");
            assert_eq!(w.notices, [Notice::StreakLost { length: 3 }]);
        }
    }

    #[test]
    fn days_off_neither_break_nor_use_a_freeze_but_can_extend() {
        let mut w = daily("2026-03-02T09:00:00Z");
        w.edit_streak(|streak| streak.days_off = BTreeSet::from([0, 6]));
        w.freezes(1, 1, None);
        // 2026-03-06 is a Friday.
        w.at("2026-03-06T09:00:00Z");
        let view = w.event("u", "km", "1").streak;
        assert_eq!(view.expires, Some(day("2026-03-09")));
        w.at("2026-03-09T09:00:00Z").settle("u");
        assert_eq!(w.streak_of("u"), (1, 1));
        assert_eq!(w.event("u", "km", "1").streak.length, 2);
        let off: Vec<_> = w
            .periods
            .values()
            .filter(|period| period.mark == PeriodMark::DayOff)
            .map(|period| period.start)
            .collect();
        assert_eq!(off, [day("2026-03-07"), day("2026-03-08")]);
        w.at("2026-03-14T09:00:00Z").settle("u");
        assert_eq!(
            w.streak_of("u").0,
            0,
            "Tuesday took the freeze, Wednesday the streak"
        );

        w.at("2026-03-13T09:00:00Z").event("v", "km", "1");
        let reply = w.at("2026-03-14T09:00:00Z").event("v", "km", "1");
        assert_eq!((reply.is_extended, reply.streak.length), (true, 2));
    }

    #[test]
    fn a_freeze_that_falls_due_at_midnight_does_not_save_the_day_before() {
        let mut w = World::new("2026-01-01T00:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        w.freezes(0, 1, Some((2, 1)));
        w.at("2026-01-01T09:00:00Z").event("u", "km", "1");
        w.at("2026-01-03T00:00:00Z").settle("u");
        assert_eq!(
            w.notices,
            [
                Notice::StreakLost { length: 1 },
                Notice::FreezeEarned {
                    earned: 1,
                    freezes: 1
                }
            ]
        );
    }

    #[test]
    fn several_missed_periods_use_freezes_one_by_one_in_order() {
        let mut w = daily("2026-01-01T00:00:00Z");
        w.freezes(2, 2, Some((3, 1)));
        w.at("2026-01-01T09:00:00Z").event("u", "km", "1");
        // 02 and 03 use the two; 04: one earned at 01-04; 05 has none; 01-07 earns again.
        w.at("2026-01-08T09:00:00Z").settle("u");
        assert_eq!(
            w.notices,
            [
                Notice::FreezeConsumed { freezes: 1 },
                Notice::FreezeConsumed { freezes: 0 },
                Notice::FreezeEarned {
                    earned: 1,
                    freezes: 1
                },
                Notice::FreezeConsumed { freezes: 0 },
                Notice::StreakLost { length: 1 },
                Notice::FreezeEarned {
                    earned: 1,
                    freezes: 1
                },
            ]
        );
        assert_eq!(w.streak_of("u"), (0, 1));
        // With nothing to protect nothing is used.
        w.at("2026-01-09T09:00:00Z").settle("u");
        assert_eq!(w.streak_of("u"), (0, 1));
    }

    #[test]
    fn freezes_that_found_no_room_are_not_owed() {
        let mut w = daily("2026-01-01T00:00:00Z");
        w.freezes(1, 1, Some((3, 1)));
        for date in ["01", "02", "03", "04", "05", "06"] {
            w.at(&format!("2026-01-{date}T09:00:00Z"))
                .event("u", "km", "1");
        }
        // 07 is missed: the freeze goes at 01-08; the next falls due at 01-10.
        w.at("2026-01-08T09:00:00Z").event("u", "km", "1");
        assert_eq!(w.streak_of("u"), (7, 0));
        let next = w.state("u").streak.as_ref().unwrap().get().settle_at;
        assert_eq!(next, Some(instant("2026-01-10T00:00:00Z")));
        w.at("2026-01-10T00:00:00Z").settle("u");
        assert_eq!(w.notices[0], Notice::StreakLost { length: 7 });
        assert_eq!(w.streak_of("u"), (0, 1));
    }

    #[test]
    fn users_from_before_freezes_only_accumulate() {
        let mut w = daily("2026-01-01T00:00:00Z");
        w.event("u", "km", "1");
        w.at("2026-01-02T00:00:00Z");
        w.freezes(1, 3, Some((5, 2)));
        for date in ["02", "03", "04", "05", "06"] {
            w.at(&format!("2026-01-{date}T09:00:00Z"))
                .event("u", "km", "1");
        }
        assert_eq!(w.streak_of("u"), (6, 0));
        w.at("2026-01-07T00:00:00Z").settle("u");
        assert_eq!(
            w.streak_of("u"),
            (6, 2),
            "five days after they were switched on"
        );
        w.event("new", "km", "1");
        assert_eq!(w.streak_of("new"), (1, 1));
    }

    #[test]
    fn a_lost_streak_starts_again_at_one() {
        let mut w = daily("2026-03-10T09:00:00Z");
        w.event("u", "km", "1");
        w.at("2026-03-12T09:00:00Z");
        let reply = w.event("u", "km", "1");
        assert_eq!((reply.streak.length, reply.is_extended), (1, true));
        assert_eq!(reply.streak.started, Some(day("2026-03-12")));
        assert!(matches!(
            &w.notices[..],
            [Notice::StreakLost { length: 1 }, Notice::StreakStarted(_)]
        ));
    }

    #[test]
    fn and_needs_all_thresholds_inside_one_period() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let a = w.metric("a");
        let b = w.metric("b");
        w.streak(a, 1);
        w.streak(b, 1);
        w.edit_streak(|streak| streak.mode = StreakMode::And);
        w.event("u", "a", "1");
        w.at("2026-03-11T09:00:00Z");
        assert!(!w.event("u", "b", "1").is_extended);
        assert!(w.event("u", "a", "1").is_extended);
    }

    #[test]
    fn a_switch_of_the_frequency_counts_anew() {
        let mut w = daily("2026-03-01T00:00:00Z");
        // Three weeks running, never two days running. 03-01 is a Sunday.
        for date in ["2026-03-02", "2026-03-05", "2026-03-10", "2026-03-19"] {
            w.at(&format!("{date}T09:00:00Z"));
            assert_eq!(w.event("u", "km", "1").streak.length, 1);
        }
        w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
        w.at("2026-03-20T09:00:00Z").settle("u");
        let streak = w.state("u").streak.as_ref().unwrap().get();
        assert_eq!(
            (streak.length, streak.started),
            (3, Some(day("2026-03-02")))
        );
        w.edit_streak(|streak| streak.frequency = Frequency::Monthly);
        w.settle("u");
        assert_eq!(w.streak_of("u").0, 1);
        w.edit_streak(|streak| streak.frequency = Frequency::Daily);
        w.settle("u");
        assert_eq!(w.streak_of("u").0, 1);
        w.at("2026-03-21T00:00:00Z").settle("u");
        assert_eq!(w.streak_of("u").0, 0);
    }

    #[test]
    fn a_switch_of_the_frequency_counts_who_met_no_period_before() {
        let mut w = World::new("2026-02-01T00:00:00Z");
        let km = w.metric("km");
        w.streak(km, 5);
        // Never five in a day, but six in each month.
        for date in ["02-03", "02-10", "02-17", "03-03", "03-10", "03-17"] {
            w.at(&format!("2026-{date}T09:00:00Z"));
            assert!(!w.event("u", "km", "2").is_extended);
        }
        let streak = w.state("u").streak.as_ref().unwrap().get();
        assert_eq!((streak.length, streak.frequency), (0, Frequency::Daily));
        w.edit_streak(|streak| streak.frequency = Frequency::Monthly);
        let mut by_event = w.clone();
        w.at("2026-03-18T09:00:00Z").settle("u");
        let streak = w.state("u").streak.as_ref().unwrap().get();
        assert_eq!(
            (streak.length, streak.started),
            (2, Some(day("2026-02-17"))),
            "the day on which the sum was reached"
        );
        // The first to look may also be an event.
        by_event.at("2026-04-01T09:00:00Z");
        let reply = by_event.event("u", "km", "5");
        assert_eq!((reply.streak.length, reply.is_extended), (3, true));
    }

    #[test]
    fn the_first_event_after_a_switch_still_extends() {
        let mut w = daily("2026-03-01T00:00:00Z");
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::Streak { length: 1 }, 5);
        let two = w.achievement("two", AchievementTrigger::Streak { length: 2 });
        w.at("2026-03-03T09:00:00Z").event("u", "km", "1");
        w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
        w.at("2026-03-10T09:00:00Z");
        let reply = w.event("u", "km", "1");
        assert_eq!((reply.streak.length, reply.is_extended), (2, true));
        assert_eq!(added(&reply.points, xp), 5);
        assert!(w.holds("u", two));
        assert!(
            w.notices
                .iter()
                .any(|n| matches!(n, Notice::StreakExtended(_)))
        );
    }

    #[test]
    fn a_journey_east_over_the_date_line_costs_nothing() {
        let mut w = daily("2026-03-10T00:00:00Z");
        // 03-09 20:00 in Honolulu.
        w.at("2026-03-10T06:00:00Z")
            .event_of("u", tz("Pacific/Honolulu"), "km", "1");
        // 03-11 09:00 in Kiritimati: 03-10 was never over in Honolulu.
        w.at("2026-03-10T19:00:00Z");
        let reply = w.event_of("u", tz("Pacific/Kiritimati"), "km", "1");
        assert_eq!((reply.streak.length, reply.is_extended), (2, true));
        let skipped: Vec<_> = w
            .periods
            .values()
            .filter(|period| period.mark == PeriodMark::Skipped)
            .map(|period| period.start)
            .collect();
        assert_eq!(skipped, [day("2026-03-10")]);
    }

    #[test]
    fn the_date_line_costs_nothing_even_if_the_first_event_behind_it_is_small() {
        let mut w = daily("2026-03-10T00:00:00Z");
        w.at("2026-03-10T06:00:00Z")
            .event_of("u", tz("Pacific/Honolulu"), "km", "1");
        w.at("2026-03-10T19:00:00Z");
        let reply = w.event_of("u", tz("Pacific/Kiritimati"), "km", "0.5");
        assert_eq!((reply.streak.length, reply.is_extended), (1, false));
        w.at("2026-03-10T20:00:00Z");
        let reply = w.event("u", "km", "0.5");
        assert_eq!((reply.streak.length, reply.is_extended), (2, true));
    }

    #[test]
    fn a_journey_west_gives_no_day_twice() {
        let mut w = daily("2026-03-10T00:00:00Z");
        // 03-11 09:00 in Kiritimati, then 03-10 10:00 and 03-11 10:00 in Honolulu.
        w.at("2026-03-10T19:00:00Z")
            .event_of("u", tz("Pacific/Kiritimati"), "km", "1");
        w.at("2026-03-10T20:00:00Z");
        assert!(
            !w.event_of("u", tz("Pacific/Honolulu"), "km", "1")
                .is_extended
        );
        w.at("2026-03-11T20:00:00Z");
        assert!(!w.event("u", "km", "1").is_extended);
        w.at("2026-03-12T20:00:00Z");
        let reply = w.event("u", "km", "1");
        assert_eq!((reply.streak.length, reply.is_extended), (2, true));
    }

    #[test]
    fn the_first_zone_of_a_user_costs_nothing_either() {
        let mut w = daily("2026-03-10T00:00:00Z");
        w.at("2026-03-09T23:00:00Z").event("u", "km", "1");
        // 03-10 11:00 UTC is 03-11 01:00 in Kiritimati; 03-10 was not over in UTC.
        w.at("2026-03-10T11:00:00Z");
        let reply = w.event_of("u", tz("Pacific/Kiritimati"), "km", "1");
        assert_eq!((reply.streak.length, reply.is_extended), (2, true));
    }

    #[test]
    fn a_midnight_that_passed_is_judged_by_the_clock_of_then() {
        let mut w = daily("2026-03-10T00:00:00Z");
        w.at("2026-03-10T15:00:00Z")
            .event_of("u", tz("America/New_York"), "km", "1");
        // 03-12 00:30 in New York, 03-11 18:30 in Honolulu: the 11th was lost half an hour ago,
        // whether or not anybody looked before the user said to be elsewhere.
        w.at("2026-03-12T04:30:00Z");
        let reply = w.event_of("u", tz("Pacific/Honolulu"), "km", "1");
        assert_eq!((reply.streak.length, reply.is_extended), (1, true));
        assert_eq!(w.notices[0], Notice::StreakLost { length: 1 });
    }

    #[test]
    fn a_date_that_a_zone_left_out_costs_nothing() {
        let mut w = daily("2011-12-01T00:00:00Z");
        // Apia went from 29 to 31 December 2011.
        w.at("2011-12-29T20:00:00Z")
            .event_of("u", tz("Pacific/Apia"), "km", "1");
        assert_eq!(w.events[0].1.date, day("2011-12-29"));
        w.at("2011-12-30T20:00:00Z");
        let reply = w.event("u", "km", "1");
        assert_eq!(w.events[1].1.date, day("2011-12-31"));
        assert_eq!((reply.streak.length, reply.is_extended), (2, true));
    }
}

mod points {
    use super::*;

    #[test]
    fn a_trigger_activated_in_the_middle_pays_only_what_comes() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let xp = w.system("xp");
        w.event("u", "km", "250");
        w.at("2026-03-10T10:00:00Z");
        w.trigger(xp, every(100, km), 10);
        assert_eq!(added(&w.event("u", "km", "40").points, xp), 0);
        assert_eq!(added(&w.event("u", "km", "10").points, xp), 10);
        assert_eq!(added(&w.event("u", "km", "250").points, xp), 20);
    }

    #[test]
    fn a_total_that_fell_before_the_activation_counts_from_where_it_stands() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let xp = w.system("xp");
        w.event("u", "km", "500");
        w.event("u", "km", "-400");
        w.event("v", "km", "-50");
        w.at("2026-03-10T10:00:00Z");
        w.trigger(xp, every(100, km), 10);
        for (value, awarded) in [("99", 0), ("1", 10), ("-100", 0), ("100", 0), ("100", 10)] {
            assert_eq!(
                added(&w.event("u", "km", value).points, xp),
                awarded,
                "{value}"
            );
        }
        // Below zero nothing is passed on the way up to it.
        assert_eq!(added(&w.event("v", "km", "149").points, xp), 0);
        assert_eq!(added(&w.event("v", "km", "1").points, xp), 10);
    }

    #[test]
    fn a_trigger_activated_again_does_not_pay_for_the_pause() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let xp = w.system("xp");
        let trigger = w.trigger(xp, every(100, km), 10);
        assert_eq!(added(&w.event("u", "km", "150").points, xp), 10);
        w.edit_trigger(trigger, |trigger| trigger.is_active = false);
        assert_eq!(added(&w.event("u", "km", "300").points, xp), 0);
        w.at("2026-03-10T10:00:00Z");
        let now = w.now;
        w.edit_trigger(trigger, |trigger| {
            trigger.is_active = true;
            trigger.active_since = now;
        });
        assert_eq!(added(&w.event("u", "km", "49").points, xp), 0);
        assert_eq!(added(&w.event("u", "km", "1").points, xp), 10);
    }

    #[test]
    fn filtered_triggers_count_their_own_sum() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let shoe = w.event_attribute("shoe");
        let xp = w.system("xp");
        w.event_with("u", "km", "4", &[("shoe", "red")]);
        w.at("2026-03-10T10:00:00Z");
        let event_filters = vec![filter(shoe, "red")];
        w.trigger(
            xp,
            TriggerRule::Metric {
                metric: km,
                threshold: 5,
                event_filters,
            },
            10,
        );
        let pay = |w: &mut World, value: &str, colour: &str| {
            added(
                &w.event_with("u", "km", value, &[("shoe", colour)]).points,
                xp,
            )
        };
        assert_eq!(pay(&mut w, "100", "blue"), 0);
        assert_eq!(
            pay(&mut w, "1", "red"),
            10,
            "the matching events of before are known"
        );
        assert_eq!(pay(&mut w, "-5", "red"), 0);
        assert_eq!(pay(&mut w, "9", "red"), 0);
        assert_eq!(pay(&mut w, "1", "red"), 10);
    }

    #[test]
    fn user_filters_decide_at_the_moment_of_the_award() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let plan = w.user_attribute("plan");
        let xp = w.system("xp");
        let trigger = w.trigger(xp, every(10, km), 1);
        w.edit_trigger(trigger, |trigger| {
            trigger.user_filters = vec![filter(plan, "pro")];
        });
        assert_eq!(added(&w.event("u", "km", "25").points, xp), 0);
        let reply = w.event_of("u", attributes(&[("plan", "pro")]), "km", "5");
        assert_eq!(
            added(&reply.points, xp),
            1,
            "what was passed before is gone"
        );
    }

    #[test]
    fn a_lowered_maximum_cuts_nothing_and_lets_nothing_in() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let up = w.metric("up");
        let down = w.metric("down");
        let xp = w.system("xp");
        w.trigger(xp, every(1, up), 10);
        w.trigger(xp, every(1, down), -10);
        w.event("u", "up", "5");
        w.cap(xp, 45);
        assert!(w.event("u", "up", "1").points.is_empty());
        assert_eq!(w.balance("u", xp), 50);
        w.event("u", "down", "1");
        assert_eq!(added(&w.event("u", "up", "1").points, xp), 5);
        w.check();
    }

    #[test]
    fn several_triggers_act_in_the_order_they_were_made() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let xp = w.system("xp");
        let cost = w.trigger(xp, every(1, km), -5);
        let gift = w.trigger(xp, every(1, km), 8);
        let more = w.trigger(xp, every(1, km), 4);
        w.cap(xp, 10);
        let entries = |w: &mut World| -> Vec<_> {
            let reply = w.event("u", "km", "1");
            let awards = &points_of(&reply.points, xp).unwrap().awards;
            awards
                .iter()
                .map(|award| (award.trigger.unwrap(), award.amount, award.balance))
                .collect()
        };
        // The first event: nothing to deduct, so no entry.
        assert_eq!(entries(&mut w), [(gift, 8, 8), (more, 2, 10)]);
        assert_eq!(entries(&mut w), [(cost, -5, 5), (gift, 5, 10)]);
        w.check();
    }

    #[test]
    fn metric_awards_come_before_streak_awards_before_achievement_awards() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let plan = w.user_attribute("plan");
        w.streak(km, 1);
        let first = w.achievement("first", reaches(km, "1"));
        let pro = w.achievement("pro", reaches(km, "1"));
        w.edit_achievement(pro, |achievement| {
            achievement.user_filters = vec![filter(plan, "pro")];
        });
        let xp = w.system("xp");
        for achievement in [pro, first] {
            w.trigger(xp, TriggerRule::Achievement { achievement }, 4);
        }
        w.trigger(xp, TriggerRule::Streak { length: 1 }, 2);
        w.trigger(xp, every(1, km), 1);
        w.trigger(xp, TriggerRule::UserCreation, 8);
        let reply = w.event_of("u", attributes(&[("plan", "pro")]), "km", "1");
        assert_eq!(reply.completed.len(), 2);
        let change = points_of(&reply.points, xp).unwrap();
        let amounts: Vec<_> = change.awards.iter().map(|award| award.amount).collect();
        assert_eq!(amounts, [8, 1, 2, 4, 4]);
        let by_event = change
            .awards
            .iter()
            .filter(|award| award.event == Some(reply.event));
        assert_eq!(by_event.count(), 4);
    }

    #[test]
    fn levels_before_the_first_award_are_none() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let up = w.metric("up");
        let down = w.metric("down");
        let xp = w.system("xp");
        let bronze = w.level(xp, "bronze", 0);
        w.trigger(xp, every(1, up), 10);
        w.trigger(xp, every(1, down), -10);
        let level = |w: &mut World, metric: &str| {
            let reply = w.event("u", metric, "1");
            points_of(&reply.points, xp).and_then(|change| change.level)
        };
        assert_eq!(level(&mut w, "up"), Some((None, Some(bronze))));
        assert_eq!(level(&mut w, "down"), None);
        assert_eq!(
            level(&mut w, "up"),
            None,
            "back from zero is no first award"
        );
    }

    #[test]
    fn user_creation_pays_once_by_any_path() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        w.metric("km");
        w.achievement("tour", AchievementTrigger::Api);
        let plan = w.user_attribute("plan");
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::UserCreation, 5);
        let pro = w.trigger(xp, TriggerRule::UserCreation, 3);
        w.edit_trigger(pro, |trigger| {
            trigger.user_filters = vec![filter(plan, "pro")];
        });
        w.save("save", patch());
        assert!(matches!(&w.notices[..], [Notice::PointsChanged(change)] if change.added == 5));
        let reply = w.event_of("event", attributes(&[("plan", "pro")]), "km", "1");
        assert_eq!(added(&reply.points, xp), 8);
        let reply = w.try_complete("complete", "tour", patch()).unwrap();
        assert_eq!(added(&reply.points, xp), 5);
        for user in ["save", "event", "complete"] {
            w.save(user, attributes(&[("plan", "pro")]));
        }
        assert_eq!(w.ledger.len(), 4);
    }

    #[test]
    fn a_completion_from_before_the_trigger_never_pays() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let tour = w.achievement("tour", AchievementTrigger::Api);
        w.try_complete("u", "tour", patch()).unwrap();
        let xp = w.system("xp");
        w.trigger(xp, TriggerRule::Achievement { achievement: tour }, 5);
        assert!(
            w.try_complete("u", "tour", patch())
                .unwrap()
                .points
                .is_empty()
        );
        w.backdate("u", tour);
        assert_eq!(w.balance("u", xp), 0);
    }

    #[test]
    fn streak_triggers_pay_at_every_multiple_of_every_run() {
        let mut w = World::new("2026-03-01T00:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        let each = w.system("each");
        let third = w.system("third");
        w.trigger(each, TriggerRule::Streak { length: 1 }, 1);
        w.trigger(third, TriggerRule::Streak { length: 3 }, 50);
        let mut paid = Vec::new();
        // The 8th is missed, so that the second run reaches three on the 11th.
        for date in [1, 2, 3, 4, 5, 6, 7, 9, 10, 11] {
            w.at(&format!("2026-03-{date:02}T09:00:00Z"));
            let reply = w.event("u", "km", "1");
            assert_eq!(added(&reply.points, each), 1);
            assert!(w.event("u", "km", "1").points.is_empty());
            if added(&reply.points, third) == 50 {
                paid.push(date);
            }
        }
        assert_eq!(paid, [3, 6, 11]);
    }

    #[test]
    fn out_of_points_keeps_the_user_part_alone() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let act = w.metric("act");
        let km = w.metric("km");
        w.user_attribute("city");
        w.streak(act, 1);
        let shoe = w.event_attribute("shoe");
        let energy = w.system("energy");
        w.trigger(energy, TriggerRule::UserCreation, 4);
        let cost = w.trigger(energy, every(1, act), -5);
        w.edit_trigger(cost, |trigger| trigger.block_if_out_of_points = true);
        let event_filters = vec![filter(shoe, "red")];
        w.trigger(
            energy,
            TriggerRule::Metric {
                metric: act,
                threshold: 1,
                event_filters,
            },
            1,
        );
        let board = w.board("board", RankBy::Metric(act), "2026-01-01");
        w.event("old", "km", "1");

        for user in ["new", "old"] {
            let mut event = World::record(
                attributes(&[("city", "rome")]),
                "act",
                "1",
                &[("shoe", "red")],
            );
            event.idempotency_key = Some("k".to_owned());
            let refused = w.try_event(user, event.clone());
            assert_eq!(
                refused,
                Err(Refusal::OutOfPoints("energy".to_owned())),
                "{user}"
            );
            let state = w.state(user);
            assert!(!state.is_new);
            assert_eq!(state.user.get().attributes["city"], "rome");
            assert_eq!(w.balance(user, energy), 4);
            assert!(!state.totals.contains_key(&act) && state.counters.is_empty());
            assert!(!state.days.keys().any(|(metric, _)| *metric == act));
            assert_eq!((w.streak_of(user).0, w.value(user, board, 0)), (0, 0));
            assert!(state.seen.is_empty(), "the key stays free");
        }
        assert_eq!(w.events.len(), 1);
        w.edit_trigger(cost, |trigger| trigger.points = -4);
        assert_eq!(w.event("new", "act", "1").total, amount("1"));
        assert_eq!(w.state("new").total(km), Amount::ZERO);
        w.check();
    }

    /// A user with a balance of 4 and an anniversary that pays 100 at the midnight of 2026-03-02, who
    /// at nine of that day spends on `act` if the balance allows it.
    fn anniversary_before_a_cost(cost: i64, is_swept: bool) -> (World, CurrencyId) {
        let mut w = World::new("2026-03-01T12:00:00Z");
        let act = w.metric("act");
        let year = w.achievement("year", AchievementTrigger::Anniversary { years: 1 });
        let energy = w.system("energy");
        w.trigger(energy, TriggerRule::UserCreation, 4);
        w.trigger(energy, TriggerRule::Achievement { achievement: year }, 100);
        let spends = w.trigger(energy, every(1, act), cost);
        w.edit_trigger(spends, |trigger| trigger.block_if_out_of_points = true);
        w.board("earned", RankBy::Points(energy), "2026-03-01");
        let member = Patch {
            sign_up_date: Change::Set(day("2025-03-02")),
            ..patch()
        };
        w.save("u", member);
        assert_eq!(w.balance("u", energy), 4);
        if is_swept {
            w.at("2026-03-02T00:00:00Z").settle("u");
            assert_eq!(w.balance("u", energy), 104);
        }
        w.at("2026-03-02T09:00:00Z");
        (w, energy)
    }

    fn told(world: &World) -> Vec<(i64, i64)> {
        let changes = world.notices.iter().filter_map(|notice| match notice {
            Notice::PointsChanged(change) => Some((change.added, change.total)),
            _ => None,
        });
        changes.collect()
    }

    #[test]
    fn what_fell_due_at_midnight_is_there_before_the_verdict_on_an_event() {
        let spent = |is_swept| {
            let (mut w, energy) = anniversary_before_a_cost(-10, is_swept);
            let reply = w.event("u", "act", "1");
            w.check();
            let entries: Vec<_> = w
                .ledger
                .iter()
                .map(|(_, entry)| (entry.at, entry.date, entry.amount, entry.balance))
                .collect();
            let held: Vec<_> = w.completions.values().map(|held| held.at).collect();
            (
                reply.total,
                added(&reply.points, energy),
                w.balance("u", energy),
                entries,
                held,
            )
        };
        let (total, added, balance, entries, held) = spent(false);
        assert_eq!((total, added, balance), (amount("1"), -10, 94));
        assert_eq!(held, [instant("2026-03-02T00:00:00Z")]);
        assert_eq!((total, added, balance, entries, held), spent(true));
    }

    #[test]
    fn what_fell_due_at_midnight_is_told_but_is_no_result_of_the_event() {
        let (mut w, energy) = anniversary_before_a_cost(-10, false);
        let reply = w.event("u", "act", "1");
        assert!(reply.completed.is_empty());
        let change = points_of(&reply.points, energy).unwrap();
        assert_eq!((change.added, change.total), (-10, 94));
        assert_eq!(change.awards.len(), 1);
        assert_eq!(completed_notices(&w), 1);
        assert_eq!(told(&w), [(100, 104), (-10, 94)]);

        // An event that changes no points says nothing of points.
        let (mut w, _) = anniversary_before_a_cost(-10, false);
        assert!(w.event("u", "act", "0").points.is_empty());
        assert_eq!(told(&w), [(100, 104)]);

        // What is due stays, and is told, although the event is refused.
        let (mut w, energy) = anniversary_before_a_cost(-200, false);
        let refused = w.try_event("u", World::record(patch(), "act", "1", &[]));
        assert_eq!(refused, Err(Refusal::OutOfPoints("energy".to_owned())));
        assert_eq!(w.balance("u", energy), 104);
        assert_eq!((completed_notices(&w), told(&w)), (1, vec![(100, 104)]));
        w.check();

        // What being first seen pays is a result of the event.
        let reply = w.event("new", "act", "0");
        assert_eq!(added(&reply.points, energy), 4);
    }

    #[test]
    fn a_block_looks_at_the_balance_the_triggers_before_it_leave() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let xp = w.system("xp");
        w.trigger(xp, every(1, km), 6);
        let cost = w.trigger(xp, every(1, km), -5);
        w.edit_trigger(cost, |trigger| trigger.block_if_out_of_points = true);
        assert_eq!(w.event("u", "km", "1").points[0].total, 1);
        w.edit_trigger(cost, |trigger| trigger.points = -8);
        assert!(
            w.try_event("u", World::record(patch(), "km", "1", &[]))
                .is_err()
        );
        assert_eq!(w.balance("u", xp), 1);
    }
}

mod boards {
    use super::*;

    #[test]
    fn values_belong_to_the_run_of_the_local_date() {
        let mut w = World::new("2026-01-01T00:00:00Z");
        let km = w.metric("km");
        let xp = w.system("xp");
        w.trigger(xp, every(1, km), 2);
        let monthly = Some(Run {
            unit: RunUnit::Month,
            interval: 1,
        });
        let by_metric = w.board("metric", RankBy::Metric(km), "2026-01-01");
        let by_points = w.board("points", RankBy::Points(xp), "2026-01-01");
        for board in [by_metric, by_points] {
            w.edit_board(board, |board| board.run = monthly);
        }
        w.at("2026-02-01T04:59:59Z")
            .event_of("u", tz("America/New_York"), "km", "3");
        w.at("2026-02-01T05:00:00Z").event("u", "km", "4");
        for (run, value) in [(0, 3), (1, 4)] {
            assert_eq!(w.value("u", by_metric, run), value * 1_000_000);
            assert_eq!(w.value("u", by_points, run), value * 2);
        }
        w.check();
    }

    #[test]
    fn boards_that_are_not_active_or_over_count_nothing() {
        let mut w = World::new("2026-01-01T00:00:00Z");
        let km = w.metric("km");
        let board = w.board("board", RankBy::Metric(km), "2026-01-10");
        w.edit_board(board, |board| {
            board.status = BoardStatus::Scheduled;
            board.end = Some(day("2026-01-20"));
        });
        for (at, counts) in [
            ("2026-01-09T23:59:59Z", false),
            ("2026-01-10T00:00:00Z", true),
            ("2026-01-20T23:59:59Z", true),
            ("2026-01-21T00:00:00Z", false),
        ] {
            w.at(at);
            assert_eq!(
                w.event("u", "km", "1").boards.len(),
                usize::from(counts),
                "{at}"
            );
        }
        w.edit_board(board, |board| board.status = BoardStatus::Inactive);
        assert!(
            w.at("2026-01-15T00:00:00Z")
                .event("u", "km", "1")
                .boards
                .is_empty()
        );
        assert_eq!(w.value("u", board, 0), 2_000_000);
    }

    #[test]
    fn filters_and_groups_follow_the_attributes_with_the_whole_value() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let city = w.user_attribute("city");
        let team = w.user_attribute("team");
        let plan = w.user_attribute("plan");
        let board = w.board("board", RankBy::Metric(km), "2026-01-01");
        w.edit_board(board, |board| {
            board.breakdown = vec![city, team];
            board.user_filters = vec![filter(plan, "pro")];
        });
        let group = |city: &str, team: &str| vec![city.to_owned(), team.to_owned()];
        let rome = attributes(&[("city", "rome"), ("team", "a"), ("plan", "pro")]);
        w.event_of("first", rome, "km", "5");
        assert_eq!(w.place("first", board, 0), Some((group("rome", "a"), 1)));

        // Without one of the attributes, or against the filter: counted, but not ranked.
        let reply = w.event_of("u", attributes(&[("city", "rome")]), "km", "7");
        assert!(reply.boards.is_empty());
        assert_eq!(w.value("u", board, 0), 7_000_000);
        w.save("u", attributes(&[("team", "a")]));
        assert_eq!(w.place("u", board, 0), None);
        w.save("u", attributes(&[("plan", "pro")]));
        assert_eq!(w.place("u", board, 0), Some((group("rome", "a"), 1)));
        assert_eq!(w.place("first", board, 0), Some((group("rome", "a"), 2)));

        // An event that also changes the group.
        let reply = w.event_of("u", attributes(&[("city", "oslo")]), "km", "1");
        assert_eq!(reply.boards[0].group, Some(group("oslo", "a")));
        assert_eq!(w.place("u", board, 0), Some((group("oslo", "a"), 1)));
        assert_eq!(w.value("u", board, 0), 8_000_000);
        w.check();
        let mut gone = patch();
        gone.attributes.insert("city".to_owned(), None);
        w.save("u", gone);
        assert_eq!(w.place("u", board, 0), None);
        w.check();
    }

    #[test]
    fn a_group_change_does_not_lose_the_seniority_of_the_value() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let city = w.user_attribute("city");
        let board = w.board("board", RankBy::Metric(km), "2026-01-01");
        w.edit_board(board, |board| board.breakdown = vec![city]);
        w.event_of("early", attributes(&[("city", "oslo")]), "km", "5");
        w.at("2026-03-10T10:00:00Z");
        w.event_of("late", attributes(&[("city", "rome")]), "km", "5");
        w.at("2026-03-10T11:00:00Z")
            .save("early", attributes(&[("city", "rome")]));
        assert_eq!(w.place("early", board, 0).unwrap().1, 1);
    }

    #[test]
    fn streak_boards_follow_extension_and_loss() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        let board = w.board("streaks", RankBy::Streak, "2026-01-01");
        let reply = w.event("u", "km", "1");
        assert_eq!(reply.boards.len(), 1);
        assert!(w.event("u", "km", "1").boards.is_empty(), "nothing grew");
        w.at("2026-03-11T09:00:00Z").event("u", "km", "1");
        assert_eq!(
            (w.value("u", board, 0), w.ranks[&board]),
            (2, (Some(1), Some(1)))
        );
        w.at("2026-03-13T00:00:00Z").settle("u");
        assert_eq!((w.value("u", board, 0), w.place("u", board, 0)), (0, None));
        w.event("u", "km", "1");
        assert_eq!(
            (w.value("u", board, 0), w.ranks[&board]),
            (1, (None, Some(1)))
        );
        // Lost and begun anew by one event.
        w.at("2026-03-14T09:00:00Z").event("u", "km", "1");
        w.at("2026-03-20T09:00:00Z").event("u", "km", "1");
        assert_eq!(w.value("u", board, 0), 1);
        w.check();
    }

    #[test]
    fn streak_boards_rank_in_every_zone_before_their_date_is_there() {
        let mut w = World::new("2026-03-10T05:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        let streaks = w.board("streaks", RankBy::Streak, "2026-03-10");
        let sums = w.board("sums", RankBy::Metric(km), "2026-03-10");
        // 03-09 19:00 in Honolulu: the sums of the user have not begun, the streak has.
        let reply = w.event_of("west", tz("Pacific/Honolulu"), "km", "1");
        assert_eq!(reply.boards.len(), 1);
        assert_eq!((reply.boards[0].board, reply.boards[0].run), (streaks, 0));
        assert_eq!(w.value("west", sums, 0), 0);
        w.event_of("east", tz("Pacific/Kiritimati"), "km", "1");
        assert_eq!(w.place("west", streaks, 0), Some((Vec::new(), 1)));
        assert_eq!(w.place("east", streaks, 0), Some((Vec::new(), 2)));
        assert_eq!(w.place("east", sums, 0), Some((Vec::new(), 1)));
        // Losing takes out of it, also before the date of the user is there.
        w.edit_board(streaks, |board| board.start = day("2026-04-01"));
        w.at("2026-03-12T10:00:00Z").settle("west");
        assert_eq!(w.place("west", streaks, 0), None);
        w.check();
    }

    #[test]
    fn nothing_and_less_is_not_ranked() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let board = w.board("board", RankBy::Metric(km), "2026-01-01");
        assert!(
            w.event("u", "km", "0").boards.is_empty(),
            "the value did not change"
        );
        w.event("u", "km", "5");
        w.event("u", "km", "-5");
        assert_eq!(w.ranks[&board], (Some(1), None));
        w.event("u", "km", "-1");
        assert_eq!(
            (w.value("u", board, 0), w.place("u", board, 0)),
            (-1_000_000, None)
        );
        w.event("u", "km", "2");
        assert_eq!(w.ranks[&board], (None, Some(1)));
        w.check();
    }

    #[test]
    fn points_boards_rank_what_was_earned_not_the_balance() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        let spent = w.metric("spent");
        let xp = w.system("xp");
        w.trigger(xp, every(1, km), 10);
        w.trigger(xp, every(1, spent), -4);
        w.event("u", "km", "3");
        w.at("2026-03-11T09:00:00Z");
        let board = w.board("board", RankBy::Points(xp), "2026-03-11");
        w.event("u", "km", "1");
        w.event("u", "spent", "1");
        assert_eq!((w.balance("u", xp), w.value("u", board, 0)), (36, 6));
        w.check();
    }
}

mod ranges {
    use super::*;

    #[test]
    fn sums_out_of_range_are_refused_and_leave_everything_as_it_was() {
        let mut w = World::new("2026-03-10T09:00:00Z");
        let km = w.metric("km");
        w.board("board", RankBy::Metric(km), "2026-01-01");
        w.event("u", "km", "9000000000000");
        // `send` asserts that a refusal leaves the rows as they were.
        for value in ["0.000001", "1", "9000000000000"] {
            let event = World::record(tz("Europe/Rome"), "km", value, &[]);
            assert!(
                matches!(w.try_event("u", event), Err(Refusal::Invalid(_))),
                "{value}"
            );
        }
        assert_eq!(w.state("u").user.get().tz, None);
        w.event("u", "km", "-9000000000000");
        w.event("u", "km", "-9000000000000");
        let event = World::record(patch(), "km", "-1", &[]);
        assert!(matches!(w.try_event("u", event), Err(Refusal::Invalid(_))));
        w.check();
    }

    #[test]
    fn a_run_can_leave_the_range_although_the_total_does_not() {
        let mut w = World::new("2026-01-01T09:00:00Z");
        let km = w.metric("km");
        let board = w.board("board", RankBy::Metric(km), "2026-01-02");
        w.event("u", "km", "-9000000000000");
        w.at("2026-01-02T09:00:00Z")
            .event("u", "km", "9000000000000");
        let event = World::record(patch(), "km", "1", &[]);
        assert!(matches!(w.try_event("u", event), Err(Refusal::Invalid(_))));
        assert_eq!(w.value("u", board, 0), Amount::MAX.millionths());
        w.check();
    }

    #[test]
    fn balances_stop_at_what_doubles_hold_exactly() {
        let mut w = World::new("2026-01-01T09:00:00Z");
        let km = w.metric("km");
        let xp = w.system("xp");
        w.trigger(xp, every(1, km), engine::definition::POINTS_MAX);
        w.event("u", "km", "9000000000000");
        assert_eq!(w.balance("u", xp), engine::definition::POINTS_MAX);
        assert!(w.event("u", "km", "-1").points.is_empty());
    }

    #[test]
    fn an_event_of_nothing_is_recorded_and_changes_nothing() {
        let mut w = World::new("2026-01-01T09:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        let reply = w.event("u", "km", "0");
        assert!(!reply.is_extended && reply.points.is_empty());
        assert_eq!(w.events.len(), 1);
        let total = w.state("u").totals[&km].get();
        assert_eq!((total.events, total.last), (1, w.now));
    }

    #[test]
    fn the_ends_of_time_are_survived() {
        let mut w = World::new("2026-01-01T09:00:00Z");
        let km = w.metric("km");
        w.streak(km, 1);
        w.freezes(1, 1, Some((2, 1)));
        w.event("u", "km", "1");
        w.now = Timestamp::MAX;
        w.settle("u");
        assert_eq!(w.streak_of("u").0, 0);
    }
}
