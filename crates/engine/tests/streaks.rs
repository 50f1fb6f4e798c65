//! Operations on streaks and users' own rules: pauses, freezes, restores, resets, preferences (spec/trophy.md 2.6, 5, 15.3).

#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "each test file uses its own part of the world")]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use engine::calendar::{Frequency, Zone, days_after};
use engine::command::{ChangePreferences, Command, Refusal};
use engine::definition::{RankBy, StreakMode};
use engine::id::PauseId;
use engine::outcome::{Notice, Reply, StreakView};
use engine::preferences::{Channel, MessageType};
use engine::state::PeriodMark;
use engine::streak;
use engine::user::Change;
use jiff::SignedDuration;
use jiff::civil::Date;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use world::{World, amount, day, instant, tz};

impl World {
    fn view(&self, user: &str) -> StreakView {
        streak::shown(&self.catalog, self.state(user), self.now).1
    }

    fn grant_freezes(&mut self, user: &str, count: i64) -> i64 {
        match self.send(user, &Command::GrantFreezes { count }).reply {
            Reply::Freezes(granted) => granted,
            other => panic!("{other:?}"),
        }
    }

    fn pause(&mut self, user: &str, start: &str, end: &str) -> Result<PauseId, Refusal> {
        let (start, end) = (day(start), day(end));
        match self.send(user, &Command::PauseStreak { start, end }).reply {
            Reply::Pause(id) => Ok(id),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    fn corrected(&mut self, user: &str, command: &Command) -> bool {
        match self.send(user, command).reply {
            Reply::Corrected(is_done) => is_done,
            other => panic!("{other:?}"),
        }
    }

    fn restore(&mut self, user: &str) -> bool {
        self.corrected(user, &Command::RestoreStreak)
    }

    fn reset(&mut self, user: &str) -> bool {
        self.corrected(user, &Command::ResetStreak)
    }

    fn prefer(&mut self, user: &str, change: ChangePreferences) -> Result<(), Refusal> {
        match self.send(user, &Command::ChangePreferences(change)).reply {
            Reply::User(_) => Ok(()),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Length and mark of the periods that are kept in a frequency, from a date on.
    fn history(&self, frequency: Frequency, from: &str) -> Vec<(String, i64, PeriodMark)> {
        self.periods
            .iter()
            .filter(|((_, of, start), _)| *of == frequency.name() && *start >= day(from))
            .map(|((.., start), lived)| (start.to_string(), lived.length, lived.mark))
            .collect()
    }
}

/// A world with a daily streak of one `act`.
fn daily(now: &str) -> World {
    let mut w = World::new(now);
    let act = w.metric("act");
    w.streak(act, 1);
    w
}

/// A user who acts on each of these dates, at nine.
fn acting(w: &mut World, user: &str, dates: &[&str]) {
    for date in dates {
        w.at(&format!("{date}T09:00:00Z")).event(user, "act", "1");
    }
}

fn own(change: impl FnOnce(&mut ChangePreferences)) -> ChangePreferences {
    let mut all = ChangePreferences::default();
    change(&mut all);
    all
}

/// spec/trophy.md D.7 to its end: the loss, the restore, and the freeze that falls due.
#[test]
fn d7_restore_and_accumulation() {
    let mut w = World::new("2026-01-01T00:00:00Z");
    let act = w.metric("act");
    w.streak(act, 1);
    w.freezes(1, 2, Some((7, 1)));
    w.at("2026-01-05T17:00:00Z")
        .save("u", tz("America/New_York"));
    for at in ["06T04:30", "06T05:10", "08T17:00"] {
        w.at(&format!("2026-01-{at}:00Z")).event("u", "act", "1");
    }
    w.at("2026-01-10T05:00:00Z").settle("u");
    assert_eq!(w.notices, [Notice::StreakLost { length: 3 }]);

    w.at("2026-01-10T13:00:00Z");
    assert!(w.restore("u"));
    assert!(w.notices.is_empty());
    let view = w.view("u");
    assert_eq!(
        (view.length, view.freezes, view.expires, view.started),
        (3, 0, Some(day("2026-01-10")), Some(day("2026-01-05")))
    );
    assert_eq!(
        w.history(Frequency::Daily, "2026-01-08"),
        [
            ("2026-01-08".to_owned(), 3, PeriodMark::Met),
            ("2026-01-09".to_owned(), 3, PeriodMark::Restored),
        ]
    );
    // A second time at once there is nothing longer.
    assert!(!w.restore("u"));
    w.at("2026-01-10T14:00:00Z");
    let reply = w.event("u", "act", "1");
    assert_eq!(
        (reply.streak.length, reply.streak.expires, reply.is_extended),
        (4, Some(day("2026-01-11")), true)
    );
    assert!(matches!(&w.notices[..], [Notice::StreakExtended(_)]));
    w.at("2026-01-11T17:00:00Z").event("u", "act", "1");
    w.at("2026-01-12T05:00:00Z").settle("u");
    assert_eq!(
        w.notices,
        [Notice::FreezeEarned {
            earned: 1,
            freezes: 1
        }]
    );
    w.check();
}

/// spec/trophy.md D.8.
#[test]
fn d8_pause() {
    let mut w = daily("2026-02-20T00:00:00Z");
    w.freezes(1, 1, None);
    let days = ["25", "26", "27", "28"].map(|day| format!("2026-02-{day}"));
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    acting(&mut w, "u", &days);
    acting(&mut w, "u", &["2026-03-01"]);
    w.pause("u", "2026-03-02", "2026-03-04").unwrap();
    assert_eq!(w.view("u").expires, Some(day("2026-03-05")));
    w.at("2026-03-02T12:00:00Z").settle("u");
    assert_eq!(w.view("u").expires, Some(day("2026-03-05")));
    let reply = w.at("2026-03-03T09:00:00Z").event("u", "act", "1");
    assert_eq!((reply.streak.length, reply.streak.freezes), (6, 1));
    assert_eq!(reply.streak.expires, Some(day("2026-03-05")));
    w.at("2026-03-05T12:00:00Z").settle("u");
    assert!(w.notices.is_empty());
    assert_eq!(
        w.history(Frequency::Daily, "2026-03-02"),
        [
            ("2026-03-02".to_owned(), 5, PeriodMark::Paused),
            ("2026-03-03".to_owned(), 6, PeriodMark::Met),
            ("2026-03-04".to_owned(), 6, PeriodMark::Paused),
        ]
    );
    w.at("2026-03-06T00:00:00Z").settle("u");
    assert_eq!(w.notices, [Notice::FreezeConsumed { freezes: 0 }]);
    w.at("2026-03-07T00:00:00Z").settle("u");
    assert_eq!(w.notices, [Notice::StreakLost { length: 6 }]);
}

#[test]
fn pauses_begin_today_at_the_earliest_in_the_users_zone() {
    let mut w = daily("2026-03-01T09:00:00Z");
    w.save("east", tz("Pacific/Kiritimati"));
    w.save("west", tz("Pacific/Honolulu"));
    w.at("2026-03-02T08:00:00Z");
    let refused = |refusal: Refusal, word: &str| assert!(refusal.to_string().contains(word));
    // 22:00 of 03-02 there, 22:00 of 03-01 here.
    refused(
        w.pause("east", "2026-03-01", "2026-03-09").unwrap_err(),
        "start",
    );
    w.pause("west", "2026-03-01", "2026-03-01").unwrap();
    refused(
        w.pause("west", "2026-03-09", "2026-03-08").unwrap_err(),
        "end",
    );
    let unknown = w.pause("nobody", "2026-03-09", "2026-03-09").unwrap_err();
    assert!(matches!(unknown, Refusal::NotFound("user", _)));
}

/// Taken back, a pause keeps what it has covered and nothing from that day on.
#[test]
fn a_pause_that_is_taken_back_covers_the_days_before() {
    let mut w = daily("2026-03-01T09:00:00Z");
    acting(&mut w, "u", &["2026-03-01"]);
    let pause = w.pause("u", "2026-03-02", "2026-03-20").unwrap();
    w.at("2026-03-04T12:00:00Z");
    let archive = Command::ArchivePause { pause };
    assert_eq!(w.send("u", &archive).reply, Reply::Done);
    assert_eq!(w.view("u").expires, Some(day("2026-03-04")));
    assert!(matches!(
        w.send("u", &archive).reply,
        Reply::Refused(Refusal::NotFound(..))
    ));
    w.at("2026-03-05T00:00:00Z").settle("u");
    assert_eq!(w.notices, [Notice::StreakLost { length: 1 }]);
    // One that never began covers nothing.
    acting(&mut w, "u", &["2026-03-06"]);
    let pause = w.pause("u", "2026-03-06", "2026-03-20").unwrap();
    w.send("u", &Command::ArchivePause { pause });
    assert_eq!(w.view("u").expires, Some(day("2026-03-07")));
}

/// A pause without an end in sight costs nothing to look at.
#[test]
fn a_pause_may_last_to_the_end_of_the_calendar() {
    for frequency in [Frequency::Daily, Frequency::Weekly, Frequency::Monthly] {
        let mut w = daily("2026-03-01T09:00:00Z");
        w.edit_streak(|streak| streak.frequency = frequency);
        acting(&mut w, "u", &["2026-03-01"]);
        w.pause("u", "2026-03-02", "9999-12-31").unwrap();
        assert!(w.view("u").expires.is_some());
        w.at("2027-03-02T09:00:00Z").settle("u");
        assert_eq!(w.streak_of("u").0, 1, "{frequency:?}");
    }
}

#[test]
fn amb_22_users_without_a_zone_live_by_utc() {
    let mut w = daily("2026-03-01T23:59:59Z");
    assert_eq!(
        w.event("u", "act", "1").streak.started,
        Some(day("2026-03-01"))
    );
    let reply = w.at("2026-03-02T00:00:00Z").event("u", "act", "1");
    assert_eq!((reply.streak.length, reply.is_extended), (2, true));
}

/// A day counts as missed when it is over here and where the user last acted, with a pause as without.
#[test]
fn amb_23_a_pause_after_a_journey_covers_the_users_own_dates() {
    let mut w = daily("2026-03-01T09:00:00Z");
    w.save("u", tz("Pacific/Honolulu"));
    w.at("2026-03-02T08:00:00Z").event("u", "act", "1");
    // 22:00 of 03-01 there; it is 22:00 of 03-02 in Kiritimati.
    w.save("u", tz("Pacific/Kiritimati"));
    w.pause("u", "2026-03-02", "2026-03-02").unwrap();
    w.at("2026-03-03T09:59:59Z").settle("u");
    assert_eq!(w.streak_of("u").0, 1);
    // Both places have left 03-02, which was paused.
    w.at("2026-03-03T10:00:00Z").settle("u");
    assert_eq!(w.streak_of("u").0, 1);
    w.at("2026-03-04T10:00:00Z").settle("u");
    assert_eq!(w.notices, [Notice::StreakLost { length: 1 }]);
}

#[test]
fn amb_24_a_met_period_stays_met() {
    let mut w = daily("2026-03-01T09:00:00Z");
    acting(&mut w, "u", &["2026-03-01"]);
    w.event("u", "act", "-1");
    w.at("2026-03-02T00:00:00Z").settle("u");
    assert_eq!(w.streak_of("u").0, 1);
    // Also when it is counted anew after a switch there and back.
    for frequency in [Frequency::Weekly, Frequency::Daily] {
        w.edit_streak(|streak| streak.frequency = frequency);
        w.settle("u");
    }
    assert_eq!(w.streak_of("u").0, 1);
}

#[test]
fn amb_25_a_freeze_keeps_the_length() {
    let mut w = daily("2026-03-01T00:00:00Z");
    w.freezes(1, 1, None);
    acting(&mut w, "u", &["2026-03-01", "2026-03-02"]);
    w.at("2026-03-04T00:00:00Z").settle("u");
    assert_eq!(w.streak_of("u"), (2, 0));
    assert_eq!(w.notices, [Notice::FreezeConsumed { freezes: 0 }]);
}

#[test]
fn amb_26_any_covered_day_covers_a_period_and_pauses_may_overlap() {
    let mut w = daily("2026-03-01T09:00:00Z");
    w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
    acting(&mut w, "u", &["2026-03-04"]);
    // The weeks begin on 03-08, 03-15 and 03-22; the pauses touch the first two.
    w.pause("u", "2026-03-14", "2026-03-15").unwrap();
    w.pause("u", "2026-03-14", "2026-03-14").unwrap();
    assert_eq!(w.view("u").expires, Some(day("2026-03-28")));
    w.at("2026-03-28T23:59:59Z").settle("u");
    assert_eq!(w.streak_of("u").0, 1);
    w.at("2026-03-29T00:00:00Z").settle("u");
    assert_eq!(w.notices, [Notice::StreakLost { length: 1 }]);
}

#[test]
fn amb_27_a_restore_gives_the_longest_of_the_window_back() {
    let mut w = daily("2026-01-01T00:00:00Z");
    acting(&mut w, "u", &["2026-01-02", "2026-01-03", "2026-01-04"]);
    acting(&mut w, "u", &["2026-01-10", "2026-01-11"]);
    w.at("2026-01-20T09:00:00Z");
    assert!(w.restore("u"), "the longest, not the last");
    let view = w.view("u");
    assert_eq!((view.length, view.started), (3, Some(day("2026-01-02"))));
    w.at("2026-01-21T00:00:00Z").settle("u");
    assert_eq!(w.notices, [Notice::StreakLost { length: 3 }]);

    // 90 days after 01-04 are still enough, 91 are not: then the restored days count.
    let mut w = daily("2026-01-01T00:00:00Z");
    acting(&mut w, "u", &["2026-01-03", "2026-01-04"]);
    let mut later = w.clone();
    w.at("2026-04-04T09:00:00Z");
    assert!(w.restore("u"));
    later.at("2026-04-05T09:00:00Z");
    assert!(!later.restore("u"));
}

#[test]
fn amb_27_windows_of_weeks_and_months() {
    for (frequency, met, now, is_restored) in [
        // 2026-01-01 is a Thursday of the week from 2025-12-28.
        (
            Frequency::Weekly,
            "2025-12-28",
            "2026-12-30T09:00:00Z",
            true,
        ),
        (
            Frequency::Weekly,
            "2025-12-27",
            "2026-01-30T09:00:00Z",
            false,
        ),
        (
            Frequency::Monthly,
            "2025-01-01",
            "2026-12-30T09:00:00Z",
            true,
        ),
        (
            Frequency::Monthly,
            "2024-12-31",
            "2026-03-01T09:00:00Z",
            false,
        ),
    ] {
        let mut w = daily("2024-12-01T09:00:00Z");
        w.edit_streak(|streak| streak.frequency = frequency);
        acting(&mut w, "u", &[met]);
        w.at(now);
        assert_eq!(w.restore("u"), is_restored, "{frequency:?} {met}");
        let started = is_restored.then(|| day(met));
        assert_eq!(w.view("u").started, started);
    }
}

/// The action of a restored weekly run, not the first day of its week.
#[test]
fn a_restored_run_began_when_it_did() {
    let mut w = daily("2026-01-01T00:00:00Z");
    w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
    acting(&mut w, "u", &["2026-01-07", "2026-01-15"]);
    w.at("2026-02-10T09:00:00Z");
    assert!(w.restore("u"));
    let view = w.view("u");
    assert_eq!((view.length, view.started), (2, Some(day("2026-01-07"))));
    // A restored run that is lost and given back again is still the same.
    w.at("2026-03-10T09:00:00Z").settle("u");
    assert_eq!(w.streak_of("u").0, 0);
    assert!(w.restore("u"));
    assert_eq!(w.view("u").started, Some(day("2026-01-07")));
}

/// The day of a shorter streak is open again after the restore of a longer one.
#[test]
fn a_restore_over_a_shorter_streak_opens_the_period() {
    let mut w = daily("2026-01-01T00:00:00Z");
    acting(&mut w, "u", &["2026-01-02", "2026-01-03", "2026-01-06"]);
    assert!(w.restore("u"));
    assert_eq!(w.view("u").expires, Some(day("2026-01-06")));
    let mut idle = w.clone();
    let reply = w.event("u", "act", "1");
    assert_eq!((reply.streak.length, reply.is_extended), (3, true));
    idle.at("2026-01-07T00:00:00Z").settle("u");
    assert_eq!(idle.notices, [Notice::StreakLost { length: 2 }]);
    let lengths: Vec<i64> = idle
        .history(Frequency::Daily, "2026-01-02")
        .iter()
        .map(|lived| lived.1)
        .collect();
    assert_eq!(lengths, [1, 2, 2, 2, 0]);
}

#[test]
fn a_restore_moves_streak_boards_and_pays_nothing() {
    let mut w = daily("2026-01-01T00:00:00Z");
    let board = w.board("streaks", RankBy::Streak, "2026-01-01");
    let xp = w.system("xp");
    w.trigger(xp, engine::definition::TriggerRule::Streak { length: 1 }, 5);
    acting(&mut w, "u", &["2026-01-02", "2026-01-03"]);
    w.at("2026-01-09T09:00:00Z").settle("u");
    let points = w.balance("u", xp);
    assert_eq!(w.place("u", board, 0), None);
    assert!(w.restore("u"));
    assert!(w.notices.is_empty());
    assert_eq!((w.value("u", board, 0), w.balance("u", xp)), (2, points));
    assert!(w.place("u", board, 0).is_some());
    assert!(w.reset("u"));
    assert_eq!((w.value("u", board, 0), w.place("u", board, 0)), (0, None));
    w.check();
}

#[test]
fn amb_66_a_reset_is_told_as_a_loss() {
    let mut w = daily("2026-03-01T00:00:00Z");
    acting(&mut w, "u", &["2026-03-01", "2026-03-02"]);
    assert!(w.reset("u"));
    assert_eq!(w.notices, [Notice::StreakLost { length: 2 }]);
    let view = w.view("u");
    assert_eq!((view.length, view.started, view.extended), (0, None, None));
    assert!(!w.reset("u"));
    assert!(w.notices.is_empty());
}

#[test]
fn amb_67_after_a_reset_only_what_comes_later_counts() {
    for (frequency, reset_on) in [
        (Frequency::Daily, "2026-03-03"),
        (Frequency::Weekly, "2026-03-04"),
        (Frequency::Monthly, "2026-03-20"),
    ] {
        let mut w = World::new("2026-03-01T00:00:00Z");
        let act = w.metric("act");
        w.streak(act, 3);
        w.edit_streak(|streak| streak.frequency = frequency);
        w.at("2026-03-03T09:00:00Z").event("u", "act", "5");
        w.at(&format!("{reset_on}T10:00:00Z"));
        assert!(w.reset("u"));
        assert!(!w.event("u", "act", "2").is_extended, "{frequency:?}");
        let reply = w.event("u", "act", "1");
        assert_eq!(
            (reply.is_extended, reply.streak.length),
            (true, 1),
            "{frequency:?}"
        );
        assert_eq!(reply.streak.started, Some(day(reset_on)));
        assert!(matches!(&w.notices[..], [Notice::StreakStarted(_)]));
    }
}

/// A reset on one date, the next event on the date before, after a journey west.
#[test]
fn amb_67_holds_on_journeys() {
    let mut w = World::new("2026-03-01T00:00:00Z");
    let act = w.metric("act");
    w.streak(act, 3);
    w.save("u", tz("Pacific/Kiritimati"));
    w.at("2026-03-03T11:00:00Z").event("u", "act", "5");
    assert!(w.reset("u"));
    w.save("u", tz("Pacific/Honolulu"));
    w.at("2026-03-03T12:00:00Z");
    assert!(!w.event("u", "act", "2").is_extended);
    assert!(w.event("u", "act", "1").is_extended);
}

/// What was reset can be given back, with the length of the reset day.
#[test]
fn a_reset_is_no_wall_for_a_restore() {
    let mut w = daily("2026-03-01T00:00:00Z");
    acting(&mut w, "u", &["2026-03-01", "2026-03-02", "2026-03-03"]);
    assert!(w.reset("u"));
    let mut later = w.clone();
    assert!(w.restore("u"));
    let view = w.view("u");
    assert_eq!((view.length, view.started), (3, Some(day("2026-03-01"))));
    later.at("2026-03-06T09:00:00Z");
    assert!(later.restore("u"));
    assert_eq!(later.view("u").started, Some(day("2026-03-01")));
    assert_eq!(
        later.history(Frequency::Daily, "2026-03-02"),
        [
            ("2026-03-02".to_owned(), 2, PeriodMark::Met),
            ("2026-03-03".to_owned(), 3, PeriodMark::Restored),
            ("2026-03-04".to_owned(), 3, PeriodMark::Restored),
            ("2026-03-05".to_owned(), 3, PeriodMark::Restored),
        ]
    );
}

/// Every frequency has its own past: freezes that were used are not forgotten by a switch there and back.
#[test]
fn amb_68_a_switch_there_and_back_changes_nothing() {
    let mut w = daily("2026-03-01T00:00:00Z");
    w.freezes(1, 2, None);
    acting(&mut w, "u", &["2026-03-01", "2026-03-02", "2026-03-04"]);
    w.pause("u", "2026-03-05", "2026-03-06").unwrap();
    acting(&mut w, "u", &["2026-03-07"]);
    let before = w.view("u");
    assert_eq!((before.length, before.freezes), (4, 0));
    w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
    w.settle("u");
    let weekly = w.view("u");
    assert_eq!(
        (weekly.length, weekly.started, weekly.expires),
        (1, Some(day("2026-03-01")), Some(day("2026-03-14")))
    );
    // An event of a weekly day counts for the daily streak, too.
    w.at("2026-03-08T09:00:00Z").event("u", "act", "1");
    assert_eq!(w.view("u").length, 2);
    w.edit_streak(|streak| streak.frequency = Frequency::Daily);
    w.settle("u");
    assert_eq!(w.view("u").length, 5);
    assert_eq!(w.view("u").started, Some(day("2026-03-01")));
}

/// A reset ends the streak of every frequency, and a restore of one frequency does not lose what it gave.
#[test]
fn amb_68_resets_and_restores_outlive_a_switch() {
    let mut w = daily("2026-03-01T00:00:00Z");
    acting(
        &mut w,
        "u",
        &["2026-03-02", "2026-03-03", "2026-03-09", "2026-03-10"],
    );
    assert!(w.reset("u"));
    w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
    w.settle("u");
    assert_eq!(w.view("u").length, 0);
    w.at("2026-03-12T09:00:00Z").event("u", "act", "1");
    assert_eq!(w.view("u").length, 1);
    w.edit_streak(|streak| streak.frequency = Frequency::Daily);
    w.settle("u");
    assert_eq!(w.view("u").length, 1);
    assert!(w.restore("u"));
    assert_eq!(w.view("u").length, 2);
    for frequency in [Frequency::Monthly, Frequency::Daily] {
        w.edit_streak(|streak| streak.frequency = frequency);
        w.settle("u");
    }
    let view = w.view("u");
    assert_eq!((view.length, view.started), (2, Some(day("2026-03-09"))));
    assert_eq!(view.expires, Some(day("2026-03-12")));
}

#[test]
fn amb_69_a_lower_maximum_takes_nothing_away() {
    let mut w = daily("2026-03-01T00:00:00Z");
    w.freezes(3, 3, Some((1, 1)));
    acting(&mut w, "u", &["2026-03-01"]);
    w.edit_streak(|streak| {
        if let Some(freezes) = &mut streak.freezes {
            freezes.start_count = 0;
            freezes.max_count = 1;
        }
    });
    w.at("2026-03-02T09:00:00Z").settle("u");
    assert_eq!(w.streak_of("u"), (1, 3));
    assert_eq!(w.grant_freezes("u", 1), 0);
    // Used up below the maximum, they are earned again.
    w.at("2026-03-05T00:00:00Z").settle("u");
    assert_eq!(w.streak_of("u"), (1, 1));
}

#[test]
fn amb_70_start_counts_are_for_new_users() {
    let mut w = daily("2026-03-01T00:00:00Z");
    acting(&mut w, "old", &["2026-03-01"]);
    w.freezes(2, 4, Some((2, 1)));
    w.at("2026-03-01T12:00:00Z").save("new", tz("UTC"));
    w.settle("old");
    assert_eq!((w.streak_of("old").1, w.streak_of("new").1), (0, 2));
    acting(&mut w, "old", &["2026-03-02"]);
    w.at("2026-03-03T00:00:00Z").settle("old");
    assert_eq!(w.streak_of("old").1, 1);
}

#[test]
fn amb_71_granted_freezes_are_told_and_those_of_the_start_are_not() {
    let mut w = daily("2026-03-01T00:00:00Z");
    w.freezes(1, 3, None);
    w.save("u", tz("UTC"));
    assert!(w.notices.is_empty());
    assert_eq!(w.grant_freezes("u", 5), 2);
    assert_eq!(
        w.notices,
        [Notice::FreezeEarned {
            earned: 2,
            freezes: 3
        }]
    );
    assert_eq!(w.grant_freezes("u", 1), 0);
    assert!(w.notices.is_empty());
    w.edit_streak(|streak| streak.freezes = None);
    let command = Command::GrantFreezes { count: 1 };
    for user in ["u", "nobody"] {
        let reply = w.send(user, &command).reply;
        assert!(matches!(reply, Reply::Refused(Refusal::NotInUse(_))));
    }
}

#[test]
fn own_metrics_mode_and_days_off_replace_those_of_the_space() {
    let mut w = daily("2026-03-01T09:00:00Z");
    w.metric("read");
    w.save("u", tz("UTC"));
    let all = || {
        own(|change| {
            change.mode = Change::Set(StreakMode::And);
            change.metrics = Change::Set(vec![
                ("act".to_owned(), amount("0.5")),
                ("read".to_owned(), amount("2")),
            ]);
            change.days_off = Change::Set(BTreeSet::from([1]));
        })
    };
    assert_eq!(
        w.prefer("u", all()).unwrap_err(),
        Refusal::NotAllowed("customization of streaks")
    );
    w.edit_streak(|streak| streak.is_customizable = true);
    w.prefer("u", all()).unwrap();
    assert!(!w.event("u", "act", "0.5").is_extended);
    let reply = w.event("u", "read", "2");
    assert!(reply.is_extended);
    // 2026-03-02 is a Monday.
    assert_eq!(reply.streak.expires, Some(day("2026-03-03")));
    w.at("2026-03-03T12:00:00Z").settle("u");
    assert_eq!(w.streak_of("u").0, 1);
    // Others live by the settings.
    assert!(w.event("v", "act", "1").is_extended);
    // Without personalisation nobody has rules of their own; they are kept.
    w.edit_streak(|streak| streak.is_customizable = false);
    assert!(w.event("u", "act", "1").is_extended);
    w.edit_streak(|streak| streak.is_customizable = true);
    w.at("2026-03-04T12:00:00Z");
    assert!(!w.event("u", "act", "1").is_extended);
    w.prefer(
        "u",
        own(|change| {
            change.mode = Change::Clear;
            change.metrics = Change::Clear;
            change.days_off = Change::Clear;
        }),
    )
    .unwrap();
    assert!(w.state("u").user.get().preferences.is_empty());
    assert!(w.event("u", "act", "1").is_extended);
}

#[test]
fn own_rules_are_checked() {
    let mut w = daily("2026-03-01T09:00:00Z");
    w.edit_streak(|streak| streak.is_customizable = true);
    w.save("u", tz("UTC"));
    let metrics = |list: &[(&str, &str)]| {
        let list = list
            .iter()
            .map(|(key, text)| ((*key).to_owned(), amount(text)));
        own(|change| change.metrics = Change::Set(list.collect()))
    };
    for (wrong, word) in [
        (metrics(&[]), "at least one"),
        (metrics(&[("none", "1")]), "none"),
        (metrics(&[("act", "0")]), "above 0"),
        (metrics(&[("act", "1"), ("act", "2")]), "twice"),
        (
            own(|change| change.days_off = Change::Set(BTreeSet::from([7]))),
            "weekdays",
        ),
        (
            own(|change| change.days_off = Change::Set((0..7).collect())),
            "at least one",
        ),
    ] {
        let refusal = w.prefer("u", wrong).unwrap_err().to_string();
        assert!(refusal.contains(word), "{refusal}");
    }
    let unknown = w
        .prefer("nobody", ChangePreferences::default())
        .unwrap_err();
    assert!(matches!(unknown, Refusal::NotFound("user", _)));
}

#[test]
fn preferences_merge_by_type() {
    let mut w = daily("2026-03-01T09:00:00Z");
    w.save("u", tz("UTC"));
    let say = |kind, channels: &[Channel]| {
        let channels = channels.iter().copied().collect();
        own(|change| change.messages = BTreeMap::from([(kind, channels)]))
    };
    w.prefer("u", say(MessageType::Recap, &[Channel::Email]))
        .unwrap();
    w.prefer("u", say(MessageType::Reactivation, &[])).unwrap();
    let preferences = &w.state("u").user.get().preferences;
    assert!(preferences.allow(MessageType::Recap, Channel::Email));
    assert!(!preferences.allow(MessageType::Recap, Channel::Push));
    assert!(!preferences.allow(MessageType::Reactivation, Channel::Email));
    assert!(preferences.allow(MessageType::StreakReminder, Channel::Push));
}

/// A streak that is switched off is nothing at once, and nobody is told of it or of anything after.
#[test]
fn without_a_streak_there_is_silence() {
    let mut w = daily("2026-03-01T00:00:00Z");
    let board = w.board("streaks", RankBy::Streak, "2026-01-01");
    w.freezes(1, 9, Some((1, 1)));
    acting(&mut w, "u", &["2026-03-01", "2026-03-02"]);
    let switch = |is_on| own(|change| change.is_enabled = Change::Set(is_on));
    w.prefer("u", switch(false)).unwrap();
    assert!(w.notices.is_empty());
    assert_eq!((w.view("u").length, w.value("u", board, 0)), (0, 0));
    let reply = w.at("2026-03-03T09:00:00Z").event("u", "act", "1");
    assert_eq!((reply.streak.length, reply.is_extended), (0, false));
    assert!(w.notices.is_empty());
    assert!(!w.restore("u") && !w.reset("u"));
    w.grant_freezes("u", 1);
    assert!(w.notices.is_empty());
    w.edit_streak(|streak| streak.frequency = Frequency::Weekly);
    w.settle("u");
    assert_eq!(w.view("u").length, 0);
    w.edit_streak(|streak| streak.frequency = Frequency::Daily);
    w.settle("u");

    // Switched on again, the next event begins anew; what was lived can be given back.
    w.prefer("u", switch(true)).unwrap();
    let reply = w.event("u", "act", "1");
    assert_eq!((reply.streak.length, reply.is_extended), (1, true));
    assert!(w.restore("u"));
    assert_eq!(w.view("u").length, 2);
    w.check();
}

// A model that lives every day.

const ZONES: [&str; 6] = [
    "UTC",
    "America/New_York",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
    "America/Santiago",
    "Australia/Lord_Howe",
];

#[derive(Clone, Debug)]
enum Operation {
    Pause(i64, i64),
    Archive,
    Grant(i64),
    Reset,
    Restore,
}

fn operation() -> impl Strategy<Value = Option<Operation>> {
    prop_oneof![
        14 => Just(None),
        3 => (0_i64..9, 0_i64..6).prop_map(|(start, days)| Some(Operation::Pause(start, days))),
        1 => Just(Some(Operation::Archive)),
        1 => (1_i64..3).prop_map(|count| Some(Operation::Grant(count))),
        1 => Just(Some(Operation::Reset)),
        2 => Just(Some(Operation::Restore)),
    ]
}

/// The dates of a period, by plain calendar arithmetic.
fn dates(frequency: Frequency, of: Date) -> Vec<Date> {
    let is_same = |date: Date| match frequency {
        Frequency::Daily => date == of,
        Frequency::Monthly => (date.year(), date.month()) == (of.year(), of.month()),
        Frequency::Weekly => {
            let sunday = days_after(of, -i64::from(of.weekday().to_sunday_zero_offset()));
            date >= sunday && date <= days_after(sunday, 6)
        }
    };
    (-31..=31)
        .map(|distance| days_after(of, distance))
        .filter(|date| is_same(*date))
        .collect()
}

/// Everything the model knows.
struct Model {
    frequency: Frequency,
    days_off: BTreeSet<i8>,
    freezes: Option<(i64, i64)>,
    held: i64,
    length: i64,
    started: Option<Date>,
    is_met: bool,
    sum: i64,
    /// What the period's sum was at the last reset, if that is the last that happened in the period.
    not_counted: i64,
    pauses: Vec<(Date, Date)>,
    /// Every length with the date on which it was had, and when that run began.
    lived: Vec<(Date, i64, Option<Date>)>,
}

impl Model {
    fn is_paused(&self, period: &[Date]) -> bool {
        period.iter().any(|date| {
            self.pauses
                .iter()
                .any(|(from, to)| from <= date && date <= to)
        })
    }

    fn is_spared(&self, period: &[Date]) -> bool {
        let weekday = period[0].weekday().to_sunday_zero_offset();
        self.is_paused(period)
            || (self.frequency == Frequency::Daily && self.days_off.contains(&weekday))
    }

    fn midnight(&mut self, before: Date) {
        let period = dates(self.frequency, before);
        if period.last() != Some(&before) {
            return;
        }
        if self.length > 0 && !self.is_met && !self.is_spared(&period) {
            if self.held > 0 && self.freezes.is_some() {
                self.held -= 1;
            } else {
                self.length = 0;
                self.started = None;
            }
        }
        self.live(before);
        (self.sum, self.not_counted, self.is_met) = (0, 0, false);
    }

    fn live(&mut self, date: Date) {
        self.lived.push((date, self.length, self.started));
    }

    fn act(&mut self, date: Date, value: i64) -> bool {
        self.sum += value;
        if self.is_met || self.sum - self.not_counted < 2 {
            return false;
        }
        self.is_met = true;
        self.length += 1;
        if self.length == 1 {
            self.started = Some(date);
        }
        self.live(date);
        true
    }

    fn restore(&mut self, date: Date) -> bool {
        // No history of this test is longer than the windows of weeks and months.
        let since = days_after(date, -90);
        let best = self
            .lived
            .iter()
            .filter(|lived| self.frequency != Frequency::Daily || lived.0 >= since)
            .max_by_key(|lived| lived.1)
            .copied();
        let Some((_, length, started)) = best.filter(|best| best.1 > self.length) else {
            return false;
        };
        let same = self.lived.iter().rfind(|lived| lived.1 == length);
        self.length = length;
        self.started = same.map_or(started, |lived| lived.2);
        (self.is_met, self.not_counted) = (false, 0);
        self.live(date);
        true
    }

    fn expires(&self, date: Date) -> Option<Date> {
        let mut period = dates(self.frequency, date);
        if self.is_met {
            period = dates(self.frequency, days_after(*period.last()?, 1));
        }
        while self.is_spared(&period) {
            period = dates(self.frequency, days_after(*period.last()?, 1));
        }
        (self.length > 0).then_some(*period.last()?)
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn operations_equal_a_model_that_lives_every_day(
        frequency in prop_oneof![
            3 => Just(Frequency::Daily), 1 => Just(Frequency::Weekly), 1 => Just(Frequency::Monthly)
        ],
        days_off in proptest::collection::btree_set(0_i8..7, 0..3),
        freezes in proptest::option::of((0_i64..3, 2_i64..4)),
        zone in 0..ZONES.len(),
        is_lean in any::<bool>(),
        days in proptest::collection::vec(
            (proptest::option::weighted(0.6, 1_i64..4), operation(), any::<bool>(), any::<bool>()),
            2..110,
        ),
    ) {
        let zone_name = ZONES[zone];
        let zone = Zone::of(Some(zone_name));
        let mut w = World::new("2026-01-20T08:00:00Z");
        w.is_lean = is_lean;
        let act = w.metric("act");
        w.streak(act, 2);
        w.edit_streak(|streak| {
            streak.frequency = frequency;
            streak.days_off.clone_from(&days_off);
        });
        if let Some((start, max)) = freezes {
            w.freezes(start, max, None);
        }
        w.save("u", tz(zone_name));
        let first = zone.date(w.now);
        let mut model = Model {
            frequency,
            days_off,
            freezes,
            held: freezes.map_or(0, |(start, _)| start),
            length: 0,
            started: None,
            is_met: false,
            sum: 0,
            not_counted: 0,
            pauses: Vec::new(),
            lived: Vec::new(),
        };
        let mut ids: Vec<PauseId> = Vec::new();
        for (number, (value, operation, is_before, is_looked)) in (0_i64..).zip(&days) {
            let date = days_after(first, number);
            if number > 0 {
                model.midnight(days_after(date, -1));
            }
            w.now = zone.start_of(date).max(w.now);
            if *is_looked {
                w.settle("u");
                prop_assert_eq!(w.streak_of("u"), (model.length, model.held), "{}", date);
            }
            w.now = (zone.start_of(days_after(date, 1)) - SignedDuration::from_hours(5))
                .max(instant("2026-01-20T08:00:00Z"));
            let act = |w: &mut World, model: &mut Model| {
                w.now += SignedDuration::from_mins(1);
                if let Some(value) = value {
                    let reply = w.event("u", "act", &value.to_string());
                    let is_extended = model.act(date, *value);
                    assert_eq!(reply.is_extended, is_extended, "{date}");
                }
            };
            if *is_before {
                act(&mut w, &mut model);
            }
            w.now += SignedDuration::from_mins(1);
            match operation {
                None => {}
                Some(Operation::Pause(start, length)) => {
                    let start = days_after(date, *start);
                    let end = days_after(start, *length);
                    ids.push(w.pause("u", &start.to_string(), &end.to_string()).unwrap());
                    model.pauses.push((start, end));
                }
                Some(Operation::Archive) => {
                    for pause in ids.drain(..) {
                        w.send("u", &Command::ArchivePause { pause });
                    }
                    for (_, end) in &mut model.pauses {
                        *end = (*end).min(days_after(date, -1));
                    }
                }
                Some(Operation::Grant(count)) => {
                    if let Some((_, max)) = freezes {
                        let granted = w.grant_freezes("u", *count);
                        prop_assert_eq!(granted, (*count).min(max - model.held).max(0));
                        model.held += granted;
                    }
                }
                Some(Operation::Reset) => {
                    prop_assert_eq!(w.reset("u"), model.length > 0);
                    if model.length > 0 {
                        model.live(date);
                        (model.length, model.started, model.is_met) = (0, None, false);
                        model.not_counted = model.sum;
                    }
                }
                Some(Operation::Restore) => {
                    prop_assert_eq!(w.restore("u"), model.restore(date), "restore on {}", date);
                }
            }
            if !*is_before {
                act(&mut w, &mut model);
            }
            if *is_looked {
                w.settle("u");
                let view = w.view("u");
                prop_assert_eq!(view.length, model.length, "{}", date);
                prop_assert_eq!(view.started, model.started, "{}", date);
                prop_assert_eq!(view.expires, model.expires(date), "{}", date);
            }
        }
        // Whatever happened, a look at another frequency leaves this one as it is.
        w.settle("u");
        let before = w.view("u");
        for other in [Frequency::Weekly, Frequency::Monthly, Frequency::Daily, frequency] {
            w.edit_streak(|streak| streak.frequency = other);
            w.settle("u");
        }
        prop_assert_eq!(w.view("u"), before);
        w.check();
    }
}
