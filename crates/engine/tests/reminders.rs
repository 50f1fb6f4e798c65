//! Messages fall due at the hours of spec/trophy.md 10.3, for those of 10.2, each once.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::BTreeSet;

use engine::calendar::{Frequency, Period};
use engine::definition::{AchievementTrigger, Aggregation, Settings};
use engine::outcome::Notice;
use engine::preferences::{Channel, MessageType, StreakPreferences};
use engine::state::UserState;
use engine::user::{Patch, User};
use world::{World, day, instant, reaches, tz};

const EVERYTHING: [&str; 4] = [
    "emails.achievement_due",
    "emails.recap_due",
    "emails.reactivation_due",
    "emails.streak_reminder_due",
];

fn listen(world: &mut World, kinds: &[&str]) {
    world.definitions.listened = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    world.compile();
}

fn world(now: &str, kinds: &[&str]) -> World {
    let mut world = World::new(now);
    let metric = world.metric("m");
    world.streak(metric, 1);
    listen(&mut world, kinds);
    world
}

fn told(notices: &[Notice]) -> Vec<String> {
    let text = |notice: &Notice| match notice {
        Notice::RecapDue { period } => Some(format!("recap {}..{}", period.start, period.end)),
        Notice::ReactivationDue { message, days } => Some(format!("call {message} after {days}")),
        Notice::StreakReminderDue(view) => Some(format!("streak {}", view.length)),
        Notice::AchievementDue { at, .. } => Some(format!("achievement of {at}")),
        _ => None,
    };
    notices.iter().filter_map(text).collect()
}

/// Lets the sweep do its work, each time at the instant for which it was woken; answers what was told when.
fn sweep(world: &mut World, user: &str, until: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    loop {
        let streak = world.state(user).streak.as_ref();
        let next = streak.and_then(|row| row.get().settle_at);
        let Some(next) = next.filter(|at| *at <= instant(until)) else {
            break;
        };
        assert!(next > world.now, "the sweep would spin at {next}");
        world.now = next;
        world.settle(user);
        let at = next.to_string();
        all.extend(
            told(&world.notices)
                .into_iter()
                .map(|text| (at.clone(), text)),
        );
    }
    world.at(until);
    all
}

fn expected(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(at, text): &(&str, &str)| ((*at).to_owned(), (*text).to_owned());
    lines.iter().map(owned).collect()
}

fn edit(world: &mut World, user: &str, edit: impl FnOnce(&mut User)) {
    let state: &mut UserState = world.users.get_mut(user).unwrap();
    edit(state.user.edit());
    state.user.saved();
}

/// One event, then nothing any more. New York has summer time.
#[test]
fn whoever_stays_away_is_reminded_called_back_and_summed_up() {
    let mut w = world("2026-03-10T13:00:00Z", &EVERYTHING);
    w.event_of("u", tz("America/New_York"), "m", "1");
    assert_eq!(
        sweep(&mut w, "u", "2026-04-12T00:00:00Z"),
        expected(&[
            ("2026-03-12T00:00:00Z", "streak 1"),
            ("2026-03-13T13:00:00Z", "call 1 after 3"),
            ("2026-03-15T13:00:00Z", "recap 2026-03-08..2026-03-14"),
            ("2026-03-15T13:00:00Z", "call 2 after 5"),
            ("2026-03-17T13:00:00Z", "call 3 after 7"),
            ("2026-03-22T13:00:00Z", "recap 2026-03-15..2026-03-21"),
            ("2026-03-24T13:00:00Z", "call 4 after 14"),
            ("2026-03-29T13:00:00Z", "recap 2026-03-22..2026-03-28"),
            ("2026-04-05T13:00:00Z", "recap 2026-03-29..2026-04-04"),
            ("2026-04-09T13:00:00Z", "call 5 after 30"),
        ])
    );
}

#[test]
fn everybody_lives_by_the_own_clock_and_without_one_by_that_of_new_york() {
    for (zone, at) in [
        (Some("Pacific/Kiritimati"), "2026-03-12T06:00:00Z"),
        (Some("Asia/Kathmandu"), "2026-03-11T14:15:00Z"),
        (Some("Europe/London"), "2026-03-11T20:00:00Z"),
    ] {
        let mut w = world("2026-03-10T13:00:00Z", &["emails.streak_reminder_due"]);
        w.event_of("u", tz(zone.unwrap()), "m", "1");
        let all = sweep(&mut w, "u", "2026-03-13T12:00:00Z");
        assert_eq!(all, expected(&[(at, "streak 1")]), "{zone:?}");
    }
    let mut w = world("2026-03-10T13:00:00Z", &["emails.reactivation_due"]);
    w.event("u", "m", "1");
    assert_eq!(
        sweep(&mut w, "u", "2026-03-14T00:00:00Z"),
        expected(&[("2026-03-13T13:00:00Z", "call 1 after 3")])
    );
    // The streak of whoever has no zone counts by UTC, where 20:00 in New York is the next date.
    let mut w = world("2026-03-10T13:00:00Z", &["emails.streak_reminder_due"]);
    w.event("u", "m", "1");
    assert_eq!(
        sweep(&mut w, "u", "2026-03-13T12:00:00Z"),
        expected(&[("2026-03-11T00:00:00Z", "streak 1")])
    );
}

#[test]
fn an_activity_begins_the_absence_anew() {
    let mut w = world("2026-03-10T09:00:00Z", &["emails.reactivation_due"]);
    w.event_of("u", tz("UTC"), "m", "1");
    let first = sweep(&mut w, "u", "2026-03-16T12:00:00Z");
    assert_eq!(first.len(), 2);
    w.event("u", "m", "1");
    assert_eq!(told(&w.notices), Vec::<String>::new());
    assert_eq!(
        sweep(&mut w, "u", "2026-03-20T00:00:00Z"),
        expected(&[("2026-03-19T09:00:00Z", "call 1 after 3")])
    );
    // Who was never active is not called back.
    w.save("idle", Patch::default());
    assert_eq!(sweep(&mut w, "idle", "2026-06-01T00:00:00Z"), []);
}

#[test]
fn a_period_that_is_met_or_counts_not_needs_no_reminder() {
    let mut w = world("2026-03-10T09:00:00Z", &["emails.streak_reminder_due"]);
    w.edit_streak(|streak| {
        // Thursdays are off: 2026-03-12 is one.
        streak.days_off = BTreeSet::from([4]);
    });
    w.event_of("u", tz("UTC"), "m", "1");
    w.at("2026-03-11T10:00:00Z").event("u", "m", "1");
    assert_eq!(
        sweep(&mut w, "u", "2026-03-14T12:00:00Z"),
        expected(&[("2026-03-13T20:00:00Z", "streak 2")])
    );
}

#[test]
fn weekly_streaks_are_reminded_on_fridays_and_monthly_ones_on_the_25th() {
    for (frequency, at) in [
        // 2026-03-20 is the Friday of the week after.
        (Frequency::Weekly, "2026-03-20T09:00:00Z"),
        (Frequency::Monthly, "2026-04-25T09:00:00Z"),
    ] {
        let mut w = world("2026-03-10T09:00:00Z", &["emails.streak_reminder_due"]);
        w.edit_streak(|streak| streak.frequency = frequency);
        w.event_of("u", tz("UTC"), "m", "1");
        let all = sweep(&mut w, "u", "2026-06-10T00:00:00Z");
        assert_eq!(all, expected(&[(at, "streak 1")]), "{frequency:?}");
    }
}

#[test]
fn months_are_summed_up_on_the_first() {
    let mut w = world("2026-01-31T10:00:00Z", &["emails.recap_due"]);
    w.definitions.settings = Some(Settings {
        aggregation: Aggregation::Monthly,
        ..Settings::default()
    });
    w.compile();
    w.save("u", tz("UTC"));
    assert_eq!(
        sweep(&mut w, "u", "2026-03-02T00:00:00Z"),
        expected(&[
            ("2026-02-01T09:00:00Z", "recap 2026-01-01..2026-01-31"),
            ("2026-03-01T09:00:00Z", "recap 2026-02-01..2026-02-28"),
        ])
    );
    // A server that slept for months sums up the last month only.
    w.at("2026-08-05T12:00:00Z").settle("u");
    let period = Period {
        start: day("2026-07-01"),
        end: day("2026-07-31"),
    };
    assert_eq!(w.notices, [Notice::RecapDue { period }]);
}

#[test]
fn achievements_are_told_when_one_talks() {
    for (completed, told_at) in [
        ("2026-03-10T09:00:00Z", "2026-03-10T17:00:00Z"),
        ("2026-03-10T16:59:59Z", "2026-03-10T17:00:00Z"),
        ("2026-03-10T17:00:00Z", "2026-03-10T17:00:00Z"),
        ("2026-03-10T20:59:59Z", "2026-03-10T20:59:59Z"),
        ("2026-03-10T21:00:00Z", "2026-03-11T17:00:00Z"),
        ("2026-03-10T23:30:00Z", "2026-03-11T17:00:00Z"),
    ] {
        let mut w = world("2026-03-01T09:00:00Z", &["emails.achievement_due"]);
        let metric = engine::id::MetricId(w.definitions.metrics[0].id);
        w.achievement("ten", reaches(metric, "10"));
        w.at(completed).event_of("u", tz("UTC"), "m", "10");
        let mut all: Vec<_> = told(&w.notices)
            .into_iter()
            .map(|text| (completed.to_owned(), text))
            .collect();
        all.extend(sweep(&mut w, "u", "2026-03-13T00:00:00Z"));
        let text = format!("achievement of {completed}");
        assert_eq!(all, expected(&[(told_at, &text)]));
    }
}

#[test]
fn back_dated_achievements_are_not_told() {
    let mut w = world("2026-03-10T18:00:00Z", &EVERYTHING);
    let metric = engine::id::MetricId(w.definitions.metrics[0].id);
    w.event_of("u", tz("UTC"), "m", "10");
    let id = w.achievement("ten", reaches(metric, "10"));
    w.backdate("u", id);
    assert!(w.holds("u", id));
    assert_eq!(told(&w.notices), Vec::<String>::new());
    let api = w.achievement("api", AchievementTrigger::Api);
    w.try_complete("u", "api", Patch::default()).unwrap();
    assert!(w.holds("u", api));
    assert_eq!(told(&w.notices), ["achievement of 2026-03-10T18:00:00Z"]);
}

#[test]
fn nobody_is_told_who_must_not_be() {
    let stops: [fn(&mut User); 4] = [
        |user| user.is_control = true,
        |user| user.is_subscribed = false,
        |user| {
            for message in [
                MessageType::Recap,
                MessageType::Reactivation,
                MessageType::StreakReminder,
            ] {
                let push = BTreeSet::from([Channel::Push]);
                user.preferences.messages.insert(message, push);
            }
        },
        |user| {
            for message in [
                MessageType::Recap,
                MessageType::Reactivation,
                MessageType::StreakReminder,
            ] {
                user.preferences.messages.insert(message, BTreeSet::new());
            }
        },
    ];
    for stop in stops {
        let mut w = world("2026-03-10T09:00:00Z", &EVERYTHING);
        w.event_of("u", tz("UTC"), "m", "1");
        edit(&mut w, "u", stop);
        assert_eq!(sweep(&mut w, "u", "2026-05-01T00:00:00Z"), []);
    }
    let mut w = world("2026-03-10T09:00:00Z", &["emails.streak_reminder_due"]);
    w.event_of("u", tz("UTC"), "m", "1");
    edit(&mut w, "u", |user| {
        user.preferences.streak = Some(StreakPreferences {
            is_enabled: Some(false),
            ..StreakPreferences::default()
        });
    });
    assert_eq!(sweep(&mut w, "u", "2026-03-20T00:00:00Z"), []);
}

/// Whoever begins to listen is not flooded with what was due before.
#[test]
fn what_was_due_before_somebody_listened_is_not_made_up_for() {
    let mut w = world("2026-01-01T09:00:00Z", &[]);
    w.event_of("u", tz("UTC"), "m", "1");
    w.at("2026-03-10T22:00:00Z").settle("u");
    assert!(
        w.state("u").reminders.is_none(),
        "nobody listens: nothing is kept"
    );
    listen(&mut w, &EVERYTHING);
    w.settle("u");
    assert_eq!(told(&w.notices), Vec::<String>::new());
    assert_eq!(
        sweep(&mut w, "u", "2026-03-16T00:00:00Z"),
        expected(&[("2026-03-15T09:00:00Z", "recap 2026-03-08..2026-03-14")])
    );
}

/// Looking twice, or late, tells nothing twice.
#[test]
fn nothing_is_told_twice() {
    let mut w = world("2026-03-10T09:00:00Z", &EVERYTHING);
    w.event_of("u", tz("UTC"), "m", "1");
    for now in [
        "2026-03-11T20:30:00Z",
        "2026-03-13T10:00:00Z",
        "2026-03-15T11:00:00Z",
    ] {
        w.at(now).settle("u");
        assert!(!told(&w.notices).is_empty(), "{now}");
        w.settle("u");
        assert_eq!(told(&w.notices), Vec::<String>::new(), "{now}");
        w.reload("u");
        w.settle("u");
        assert_eq!(told(&w.notices), Vec::<String>::new(), "{now}");
    }
}
