//! Days and numbers derived by hand from the plan and the specification.
//!
//! What most of it follows from. Ada reads 20 pages on every day but 46 of 2026, so her n-th day brings her to 20 n pages and,
//! before boosts, 5 n points. Her streak begins anew with day 126 (after the reset, at length 125) and with her return on 3 August;
//! each seventh day of a streak is worth ten points. Bob's k-th day brings him to floor(3.75 k) times five points.

use serde_json::{Value, json};

use super::oracle::day;
use super::walk::{Walk, places};

/// D.7: the missed day has the freeze; its length is kept.
pub(super) fn a_freeze_in_the_history(walk: &Walk<'_>) {
    let streak = walk.get("/v1/users/ada/streak?historyPeriods=3");
    let item = |date: &str, length: i64, used: bool| json!({"periodStart": date, "periodEnd": date, "length": length, "usedPause": false, "usedFreeze": used});
    let mut history = streak["streakHistory"].as_array().unwrap().clone();
    for item in &mut history {
        // Left out or null where there was none (15.3).
        let reset = item.as_object_mut().unwrap().remove("resetAt");
        assert!(reset.is_none_or(|at| at.is_null()));
    }
    // The third one is met at noon: D.7 lists the length before that.
    let expected = [
        item("2026-01-06", 2, false),
        item("2026-01-07", 2, true),
        item("2026-01-08", 3, false),
    ];
    assert_eq!(history, expected);
    assert_eq!(streak["started"], "2026-01-05");
}

pub(super) fn a_pause_ahead(walk: &Walk<'_>) {
    let streak = walk.get("/v1/users/ada/streak");
    let pause = &streak["pauses"][0];
    assert_eq!(
        (&pause["start"], &pause["end"]),
        (&json!("2026-03-06"), &json!("2026-03-10"))
    );
    // Today is met; the pause puts the end off to the first day after it.
    assert_eq!(streak["length"], 56);
    assert_eq!(streak["expires"], "2026-03-11");
}

pub(super) fn a_reset(walk: &Walk<'_>) {
    let streak = walk.get("/v1/users/ada/streak?historyPeriods=2");
    assert_eq!(streak["length"], 0);
    for name in ["started", "expires", "extended", "periodStart"] {
        assert_eq!(streak[name], Value::Null, "{name}");
    }
    let history = &streak["streakHistory"];
    assert_eq!(history[0]["length"], 124);
    assert_eq!(history[1]["length"], 0);
    let at: jiff::Timestamp = history[1]["resetAt"].as_str().unwrap().parse().unwrap();
    let local = at.in_tz(walk.tz).unwrap().datetime();
    assert_eq!(local.to_string(), "2026-05-20T18:00:00");
}

pub(super) fn a_boost(walk: &Walk<'_>) {
    let boosts = walk.get("/v1/users/ada/points/xp/boosts");
    assert_eq!(boosts.as_array().unwrap().len(), 1);
    assert_eq!(
        (&boosts[0]["name"], &boosts[0]["status"]),
        (&json!("Double"), &json!("active"))
    );
}

/// Whole days: every answer (`>`) and everything that is told.
const DAYS: &[(&str, &[&str])] = &[
    // D.7. 23:30 is after the hours in which one is told of achievements: 17:00 of the next day.
    (
        "2026-01-05",
        &[
            "23:30 > ada pages +20 = 20; streak 1+ until 2026-01-06, freezes 1; xp +5 = 5 bronze; First day",
            "23:30 achievement.completed ada First day",
            "23:30 points.changed ada +5 = 5 by 1 bronze",
            "23:30 points.level_changed ada - -> bronze at 5",
            "23:30 streak.started ada 1 until 2026-01-06",
        ],
    ),
    // The last change of points is forty minutes ago: told at once.
    (
        "2026-01-06",
        &[
            "00:10 > ada pages +20 = 40; streak 2+ until 2026-01-07, freezes 1; xp +5 = 10",
            "00:10 points.changed ada +5 = 10 by 1",
            "00:10 streak.extended ada 2 until 2026-01-07",
            "17:00 emails.achievement_due ada First day",
        ],
    ),
    (
        "2026-01-07",
        &["20:00 emails.streak_reminder_due ada 2 until 2026-01-07"],
    ),
    (
        "2026-01-08",
        &[
            "00:00 streak.freeze_consumed ada 1 left 0",
            "12:00 > ada pages +20 = 60; streak 3+ until 2026-01-09, freezes 0; xp +5 = 15",
            "12:00 points.changed ada +5 = 15 by 1",
            "12:00 streak.extended ada 3 until 2026-01-09",
        ],
    ),
    (
        "2026-01-09",
        &["20:00 emails.streak_reminder_due ada 3 until 2026-01-09"],
    ),
    (
        "2026-01-10",
        &[
            "00:00 streak.lost ada 3",
            "09:00 > ada pages +20 = 80; streak 4+ until 2026-01-11, freezes 0; xp +5 = 20",
            "09:00 points.changed ada +5 = 20 by 1",
            "09:00 streak.extended ada 4 until 2026-01-11",
        ],
    ),
    // The week of her first days ran from Sunday to Saturday.
    (
        "2026-01-11",
        &[
            "09:00 emails.recap_due ada 2026-01-04..2026-01-10",
            "14:30 > ada pages +20 = 100; streak 5+ until 2026-01-12, freezes 0; xp +5 = 25; Hundred",
            "14:30 achievement.completed ada Hundred",
            "14:30 points.changed ada +5 = 25 by 1",
            "14:30 streak.extended ada 5 until 2026-01-12",
            "17:00 emails.achievement_due ada Hundred",
        ],
    ),
    (
        "2026-01-12",
        &[
            "00:00 streak.freeze_earned ada 1 now 1",
            "14:30 > ada pages +20 = 120; streak 6+ until 2026-01-13, freezes 1; xp +5 = 30",
            "14:30 points.changed ada +5 = 30 by 1",
            "14:30 streak.extended ada 6 until 2026-01-13",
        ],
    ),
    // 5 for pages, 10 for seven days, 50 for both achievements.
    (
        "2026-01-13",
        &[
            "14:30 > ada pages +20 = 140; streak 7+ until 2026-01-14, freezes 1; xp +65 = 95; Both; Week",
            "14:30 achievement.completed ada Both",
            "14:30 achievement.completed ada Week",
            "14:30 points.changed ada +65 = 95 by 3",
            "14:30 streak.extended ada 7 until 2026-01-14",
            "17:00 emails.achievement_due ada Both",
            "17:00 emails.achievement_due ada Week",
        ],
    ),
    // In the pause, clocks go forward in New York; the end of the streak is the first day after the pause. Her 57th day:
    // 285 + 80 + 50 points. In March she has 5 times 5 and 10 (for day 56), Bob days 9 and 10: 3 and 4 crossings.
    (
        "2026-03-08",
        &[
            "09:00 emails.reactivation_due ada 1 after 3",
            "09:00 emails.recap_due ada 2026-03-01..2026-03-07",
            "09:00 emails.recap_due bob 2026-03-01..2026-03-07",
            "14:30 > ada pages +20 = 1140; streak 57+ until 2026-03-11, freezes 2; xp +5 = 415; \
             monthly 2026-03-01..2026-03-31 1 was 1; weekly 2026-03-02..2026-03-08 2 was 2",
            "14:30 leaderboard.changed monthly [ada:40 bob:35]",
            "14:30 leaderboard.changed weekly [bob:150 ada:100]",
            "14:30 points.changed ada +5 = 415 by 1",
            "14:30 streak.extended ada 57 until 2026-03-11",
            "20:00 emails.streak_reminder_due bob 1 until 2026-03-08",
        ],
    ),
    // Paused: nobody is reminded, no freeze goes. Bob's streak of Saturday is lost at midnight: he has no freeze left.
    ("2026-03-09", &["00:00 streak.lost bob 1"]),
    // Two freezes went on the 14th and the 15th. Restored at 10:00 and extended: day 91 is a seventh one. In April Ada had
    // 12 times 5 and 10; Bob days 17 to 21: floor(78.75) - 60 = 18 crossings.
    (
        "2026-04-16",
        &[
            "00:00 streak.lost ada 90",
            "14:30 > ada pages +20 = 1820; streak 91+ until 2026-04-17, freezes 0; xp +15 = 635; \
             monthly 2026-04-01..2026-04-30 2 was 2; weekly 2026-04-13..2026-04-19 2 was -",
            "14:30 leaderboard.changed monthly [bob:90 ada:85]",
            "14:30 leaderboard.changed weekly [bob:75 ada:20]",
            "14:30 leaderboard.rank_changed weekly ada - -> 2, - -> 20",
            "14:30 points.changed ada +15 = 635 by 2",
            "14:30 streak.extended ada 91 until 2026-04-17",
            "20:00 emails.streak_reminder_due bob 1 until 2026-04-16",
        ],
    ),
    // 4 pages are below the threshold and complete no twenty; 16 more do both. In May she had 22 days and the sevens of the 7th
    // and the 14th; Bob days 26 to 31: floor(116.25) - floor(93.75) = 23 crossings.
    (
        "2026-05-22",
        &[
            "00:00 streak.freeze_consumed bob 1 left 0",
            "14:30 > ada pages +4 = 2524; streak 1 until 2026-05-22, freezes 2; weekly 2026-05-18..2026-05-24 1 was 1",
            "14:30 leaderboard.changed weekly [ada:84 bob:75]",
            "16:00 > ada pages +16 = 2540; streak 2+ until 2026-05-23, freezes 2; xp +5 = 855; \
             monthly 2026-05-01..2026-05-31 1 was 1; weekly 2026-05-18..2026-05-24 1 was 1",
            "16:00 leaderboard.changed monthly [ada:130 bob:115]",
            "16:00 leaderboard.changed weekly [ada:100 bob:75]",
            "16:00 points.changed ada +5 = 855 by 1",
            "16:00 streak.extended ada 2 until 2026-05-23",
            "20:00 emails.streak_reminder_due bob 1 until 2026-05-22",
        ],
    ),
    // Her streak is in danger, but she wants no reminders now; nobody else's is.
    ("2026-06-10", BOB_ON_10_JUNE),
    // Doubled: 10 for pages, 20 for day 35 of the streak. Her 160th day: 800, five boosted days 25, 170 before the reset, 40 for
    // the days 7 to 28, 20 now, 50. In June: 24 days 120, boost 25, three sevens 30, 20 now; Bob 26 crossings and 3 boosted.
    (
        "2026-06-26",
        &[
            "00:00 streak.freeze_consumed bob 1 left 0",
            "14:30 > ada pages +20 = 3200; streak 35+ until 2026-06-27, freezes 2; xp +30 = 1105; \
             monthly 2026-06-01..2026-06-30 1 was 1; weekly 2026-06-22..2026-06-28 1 was 1",
            "14:30 leaderboard.changed monthly [ada:195 bob:145]",
            "14:30 leaderboard.changed weekly [ada:100 bob:75]",
            "14:30 points.changed ada +30 = 1105 by 2",
            "14:30 streak.extended ada 35 until 2026-06-27",
            "20:00 emails.streak_reminder_due bob 1 until 2026-06-26",
        ],
    ),
    // Bob overtakes her in the week (75 to 60) and draws level in the month, where who was first stays first. Her 202nd day:
    // 1010, boost 35, 170, 60, 50, and five sevens since August.
    (
        "2026-09-09",
        &[
            "00:00 streak.freeze_earned bob 1 now 1",
            "14:30 > ada pages +20 = 4040; streak 38+ until 2026-09-10, freezes 2; xp +5 = 1375; \
             monthly 2026-09-01..2026-09-30 1 was 1; weekly 2026-09-07..2026-09-13 1 was 1",
            "14:30 leaderboard.changed monthly [ada:55 bob:35]",
            "14:30 leaderboard.changed weekly [ada:60]",
            "14:30 points.changed ada +5 = 1375 by 1",
            "14:30 streak.extended ada 38 until 2026-09-10",
            "15:00 > bob pages +75 = 4725; streak 1+ until 2026-09-10, freezes 1; xp +20 = 1215; \
             monthly 2026-09-01..2026-09-30 2 was 2; weekly 2026-09-07..2026-09-13 1 was -",
            "15:00 leaderboard.changed monthly [ada:55 bob:55]",
            "15:00 leaderboard.changed weekly [bob:75 ada:60]",
            "15:00 leaderboard.rank_changed weekly ada 1 -> 2, 20 -> 60",
            "15:00 leaderboard.rank_changed weekly bob - -> 1, - -> 75",
            "15:00 points.changed bob +20 = 1215 by 1",
            "15:00 streak.started bob 1 until 2026-09-10",
        ],
    ),
    (
        "2026-09-10",
        &[
            "14:30 > ada pages +20 = 4060; streak 39+ until 2026-09-11, freezes 2; xp +5 = 1380; \
             monthly 2026-09-01..2026-09-30 1 was 1; weekly 2026-09-07..2026-09-13 1 was 2",
            "14:30 leaderboard.changed monthly [ada:60 bob:55]",
            "14:30 leaderboard.changed weekly [ada:80 bob:75]",
            "14:30 leaderboard.rank_changed weekly ada 2 -> 1, 60 -> 80",
            "14:30 leaderboard.rank_changed weekly bob 1 -> 2, 75 -> 75",
            "14:30 points.changed ada +5 = 1380 by 1",
            "14:30 streak.extended ada 39 until 2026-09-11",
            "20:00 emails.streak_reminder_due bob 1 until 2026-09-10",
        ],
    ),
    // D.14: the first at once, the second and third at the end of its quarter of an hour, the fourth at the end of that one's.
    (
        "2026-09-15",
        &[
            "09:00 emails.reactivation_due bob 1 after 3",
            "14:30 > ada pages +20 = 4160; streak 44+ until 2026-09-16, freezes 2; xp +5 = 1415; \
             monthly 2026-09-01..2026-09-30 1 was 1; weekly 2026-09-14..2026-09-20 1 was 1",
            "14:30 leaderboard.changed monthly [ada:95 bob:75]",
            "14:30 leaderboard.changed weekly [ada:40]",
            "14:30 points.changed ada +5 = 1415 by 1",
            "14:30 streak.extended ada 44 until 2026-09-16",
            "14:33 > ada pages +20 = 4180; streak 44 until 2026-09-16, freezes 2; xp +5 = 1420; \
             monthly 2026-09-01..2026-09-30 1 was 1; weekly 2026-09-14..2026-09-20 1 was 1",
            "14:39 > ada pages +20 = 4200; streak 44 until 2026-09-16, freezes 2; xp +5 = 1425; \
             monthly 2026-09-01..2026-09-30 1 was 1; weekly 2026-09-14..2026-09-20 1 was 1",
            "14:45 leaderboard.changed monthly [ada:105 bob:75]",
            "14:45 leaderboard.changed weekly [ada:80]",
            "14:45 points.changed ada +10 = 1425 by 2",
            "14:50 > ada pages +20 = 4220; streak 44 until 2026-09-16, freezes 2; xp +5 = 1430; \
             monthly 2026-09-01..2026-09-30 1 was 1; weekly 2026-09-14..2026-09-20 1 was 1",
            "15:00 leaderboard.changed monthly [ada:110 bob:75]",
            "15:00 leaderboard.changed weekly [ada:100]",
            "15:00 points.changed ada +5 = 1430 by 1",
        ],
    ),
    // A slip takes a hundred points, the level and the first place: 18:00 is an hour at which achievements are told at once. The
    // last values told to them are those of 4 October, when she overtook him with 30 to 20.
    (
        "2026-10-20",
        &[
            "09:00 emails.reactivation_due bob 1 after 3",
            "14:30 > ada pages +20 = 4920; streak 79+ until 2026-10-21, freezes 2; xp +5 = 1655; \
             monthly 2026-10-01..2026-10-31 1 was 1; weekly 2026-10-19..2026-10-25 1 was 1",
            "14:30 leaderboard.changed monthly [ada:130 bob:95]",
            "14:30 leaderboard.changed weekly [ada:40]",
            "14:30 points.changed ada +5 = 1655 by 1",
            "14:30 streak.extended ada 79 until 2026-10-21",
            "18:00 > ada slips +1 = 1; streak 79 until 2026-10-21, freezes 2; xp -100 = 1555 silver; \
             monthly 2026-10-01..2026-10-31 2 was 1; Slipped",
            "18:00 achievement.completed ada Slipped",
            "18:00 emails.achievement_due ada Slipped",
            "18:00 leaderboard.changed monthly [bob:95 ada:30]",
            "18:00 leaderboard.rank_changed monthly ada 1 -> 2, 30 -> 30",
            "18:00 leaderboard.rank_changed monthly bob 2 -> 1, 20 -> 95",
            "18:00 points.changed ada -100 = 1555 by 1 silver",
            "18:00 points.level_changed ada gold -> silver at 1555",
        ],
    ),
];

/// Bob's 37th day: floor(138.75) - 135 = 3 crossings, 690 points; 555 pages have no seventh day. In June he has
/// floor(138.75) - floor(127.5) = 11 crossings to her 50 points: nine days and the seven of the 3rd.
const BOB_ON_10_JUNE: &[&str] = &[
    "00:00 streak.freeze_earned bob 1 now 1",
    "15:00 > bob pages +75 = 2775; streak 1+ until 2026-06-11, freezes 1; xp +15 = 690; \
     monthly 2026-06-01..2026-06-30 2 was 2; weekly 2026-06-08..2026-06-14 1 was -",
    "15:00 leaderboard.changed monthly [ada:55 bob:55]",
    "15:00 leaderboard.changed weekly [bob:75 ada:40]",
    "15:00 leaderboard.rank_changed weekly ada 1 -> 2, 20 -> 40",
    "15:00 leaderboard.rank_changed weekly bob - -> 1, - -> 75",
    "15:00 points.changed bob +15 = 690 by 1",
    "15:00 streak.started bob 1 until 2026-06-11",
];

pub(super) fn days(walk: &Walk<'_>) {
    let mut wrong = Vec::new();
    for (date, expected) in DAYS {
        let mut lines = walk.lines_of(date.parse().unwrap());
        lines.sort_unstable();
        if lines != *expected {
            wrong.push((date, lines, expected));
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", walk.tz);
}

/// Everything of one kind that was told in the year, with its date and hour.
pub(super) fn messages(walk: &Walk<'_>) {
    let told = |start: &str| -> Vec<String> {
        let lines = walk
            .diary
            .iter()
            .filter(|(_, line)| line.starts_with(start));
        lines
            .map(|((date, minute), line)| {
                let line = line.strip_prefix(start).unwrap().trim();
                format!("{date} {:02}:{:02} {line}", minute / 60, minute % 60)
            })
            .collect()
    };
    assert_eq!(walk.kinds.len(), 18, "{:?}", walk.kinds);
    // 350, 100 and 50 on the 70th day; 1600 on 11 October: 1430 after 15 September, 26 days, four sevens; back after the slip at 1555 by
    // seven days and one seven.
    assert_eq!(
        told("points.level_changed ada"),
        [
            "2026-01-05 23:30 - -> bronze at 5",
            "2026-03-23 14:30 bronze -> silver at 500",
            "2026-10-11 14:30 silver -> gold at 1600",
            "2026-10-20 18:00 gold -> silver at 1555",
            "2026-10-27 14:30 silver -> gold at 1600",
        ]
    );
    // Away since 30 June; the fourth call of that absence falls into the hours without mail.
    assert_eq!(
        told("emails.reactivation_due ada"),
        [
            "2026-02-12 09:00 1 after 3",
            "2026-03-08 09:00 1 after 3",
            "2026-03-11 09:00 1 after 3",
            "2026-04-15 09:00 1 after 3",
            "2026-07-03 09:00 1 after 3",
            "2026-07-05 09:00 2 after 5",
            "2026-07-07 09:00 3 after 7",
            "2026-07-30 09:00 5 after 30",
        ]
    );
    assert_eq!(
        told("streak.lost ada"),
        [
            "2026-01-10 00:00 3",
            "2026-04-16 00:00 90",
            "2026-05-20 18:00 125",
            // Two freezes, for the 1st and the 2nd.
            "2026-07-04 00:00 39",
        ]
    );
    assert_eq!(
        told("streak.started ada"),
        [
            "2026-01-05 23:30 1 until 2026-01-06",
            "2026-05-21 14:30 1 until 2026-05-22",
            "2026-08-03 14:30 1 until 2026-08-04",
        ]
    );
    // Every day of a gap, but for the pause, for 10 June, and for what is lost already.
    assert_eq!(
        told("emails.streak_reminder_due ada"),
        [
            "2026-01-07 20:00 2 until 2026-01-07",
            "2026-01-09 20:00 3 until 2026-01-09",
            "2026-02-10 20:00 34 until 2026-02-10",
            "2026-02-11 20:00 34 until 2026-02-11",
            "2026-04-13 20:00 90 until 2026-04-13",
            "2026-04-14 20:00 90 until 2026-04-14",
            "2026-04-15 20:00 90 until 2026-04-15",
            "2026-06-20 20:00 29 until 2026-06-20",
            "2026-07-01 20:00 39 until 2026-07-01",
            "2026-07-02 20:00 39 until 2026-07-02",
            "2026-07-03 20:00 39 until 2026-07-03",
        ]
    );
    assert_eq!(
        told("streak.freeze_consumed ada"),
        [
            "2026-01-08 00:00 1 left 0",
            "2026-02-11 00:00 1 left 1",
            "2026-02-12 00:00 1 left 0",
            "2026-04-14 00:00 1 left 1",
            "2026-04-15 00:00 1 left 0",
            "2026-06-11 00:00 1 left 1",
            "2026-06-21 00:00 1 left 1",
            "2026-07-02 00:00 1 left 1",
            "2026-07-03 00:00 1 left 0",
        ]
    );
    // Mondays, as 5 January was; two are the most.
    assert_eq!(
        told("streak.freeze_earned ada"),
        [
            "2026-01-12 00:00 1 now 1",
            "2026-01-19 00:00 1 now 2",
            "2026-02-16 00:00 1 now 1",
            "2026-02-23 00:00 1 now 2",
            "2026-04-20 00:00 1 now 1",
            "2026-04-27 00:00 1 now 2",
            "2026-06-15 00:00 1 now 2",
            "2026-06-22 00:00 1 now 2",
            "2026-07-06 00:00 1 now 1",
            "2026-07-13 00:00 1 now 2",
        ]
    );
    // Weeks on Sundays from 11 January to 16 August, 32 of them, without that of 12 July; then months on their first days.
    let recaps = told("emails.recap_due ada");
    assert_eq!(recaps.len(), 31 + 5);
    assert!(!recaps.iter().any(|recap| recap.starts_with("2026-07-12")));
    assert_eq!(
        recaps[29..33],
        [
            "2026-08-09 09:00 2026-08-02..2026-08-08",
            "2026-08-16 09:00 2026-08-09..2026-08-15",
            "2026-09-01 09:00 2026-08-01..2026-08-31",
            "2026-10-01 09:00 2026-09-01..2026-09-30",
        ]
    );
    let anniversary = [
        "achievement.completed ada A year",
        "emails.achievement_due ada A year",
    ];
    assert_eq!(
        anniversary.map(told),
        [["2027-01-05 00:00 "], ["2027-01-05 17:00 "]]
    );
    the_clock_of_the_world(walk, &told);
}

/// Moments that are fixed in UTC, by the clock of the place.
fn the_clock_of_the_world(walk: &Walk<'_>, told: &impl Fn(&str) -> Vec<String>) {
    // 21 June 10:00 UTC, 29 June 13:00 UTC; 5 September, 14 September; 1 July (June is over on the 1st).
    let [boosted, boosted_no_more, week, week_over, june_over] = match walk.tz {
        "America/New_York" => [
            "2026-06-21 06:00",
            "2026-06-29 09:00",
            "2026-09-06 06:00",
            "2026-09-14 09:00",
            "2026-07-01 09:00",
        ],
        "Pacific/Kiritimati" => [
            "2026-06-22 00:00",
            "2026-06-30 03:00",
            "2026-09-07 00:00",
            "2026-09-15 03:00",
            "2026-07-02 03:00",
        ],
        _ => [
            "2026-06-21 15:45",
            "2026-06-29 18:45",
            "2026-09-06 15:45",
            "2026-09-14 18:45",
            "2026-07-01 18:45",
        ],
    };
    assert_eq!(
        told("points.boost_started"),
        [format!("{boosted} Double x2 active at 10:00Z")]
    );
    assert_eq!(
        told("points.boost_finished"),
        [format!("{boosted_no_more} Double x2 finished at 13:00Z")]
    );
    let started = told("leaderboard.started weekly");
    // 2 February is the first Monday, 4 January the last whose eve lies before the end: 49 weeks.
    assert_eq!(started.len(), 49);
    assert!(started.contains(&format!("{week} []")));
    // 140 pages of hers, 150 of his.
    let finished = told("leaderboard.finished weekly");
    assert!(finished.contains(&format!("{week_over} [bob:150 ada:140]")));
    // In June she had 28 days 140, boost 35, sevens on the 3rd, 11th, 18th 30 and, doubled, on the 26th 20. He had days 35 to
    // 42: 30 crossings, 7 of them doubled.
    let finished = told("leaderboard.finished monthly");
    assert_eq!(finished.len(), 11);
    assert!(finished.contains(&format!("{june_over} [ada:225 bob:185]")));
    // July was Bob's alone: days 43 to 51, floor(191.25) - floor(157.5) crossings.
    assert!(finished[5].ends_with("[bob:170]"), "{}", finished[5]);
}

/// What can be read at the end.
pub(super) fn reads(walk: &Walk<'_>) {
    let week = walk.get("/v1/leaderboards/weekly?run=2026-09-07");
    assert_eq!(places(&week), "bob:150 ada:140");
    let june = walk.get("/v1/leaderboards/monthly?run=2026-06-01");
    assert_eq!(places(&june), "ada:225 bob:185");
    let place = walk.get("/v1/users/ada/leaderboards/weekly?run=2026-09-07&numEvents=10");
    assert_eq!((&place["rank"], &place["value"]), (&json!(2), &json!(140)));
    // At the end of each day: overtaken on Wednesday, back on Thursday, overtaken on Saturday.
    let days: Vec<Value> = [1, 1, 2, 1, 1, 2, 2]
        .iter()
        .enumerate()
        .map(|(at, rank)| json!([format!("2026-09-{:02}", 7 + at), rank, 20 * (at + 1)]))
        .collect();
    let history = place["history"].as_array().unwrap();
    let shown: Vec<Value> = history
        .iter()
        .map(|day| json!([day["date"], day["rank"], day["value"]]))
        .collect();
    assert_eq!(shown, days);
    assert_eq!(history[0]["previousRank"], Value::Null);
    assert_eq!(
        (&history[2]["previousRank"], &history[2]["previousValue"]),
        (&json!(1), &json!(40))
    );

    // June: day 136 of hers was 31 May; two gaps.
    let path = "/v1/users/ada/metrics/pages/event-summary?aggregation=daily&startDate=2026-06-01&endDate=2026-06-30";
    let mut total = 2720;
    let june: Vec<Value> = (1..=30)
        .map(|date| {
            let change = if date == 10 || date == 20 { 0 } else { 20 };
            total += change;
            json!({"date": format!("2026-06-{date:02}"), "total": f64::from(total), "change": f64::from(change)})
        })
        .collect();
    assert_eq!(walk.get(path), json!(june));
    let path = "/v1/users/ada/points/xp/event-summary?aggregation=monthly&startDate=2026-06-01&endDate=2026-09-30";
    // At the end of May 910: 136 days 680, the sevens before the reset 170, that of 27 May 10, both achievements 50.
    assert_eq!(
        walk.get(path),
        json!([
            {"date": "2026-06-01", "total": 1135.0, "change": 225.0},
            {"date": "2026-07-01", "total": 1135.0, "change": 0.0},
            // 29 days and four sevens.
            {"date": "2026-08-01", "total": 1320.0, "change": 185.0},
            // 33 twenties and the sevens of the 6th, 13th, 20th and 27th.
            {"date": "2026-09-01", "total": 1525.0, "change": 205.0},
        ])
    );
    // The streak of the last five days goes on; 320 days and the three events of 15 September.
    assert_eq!(walk.get("/v1/users/ada/metrics/pages")["current"], 6460.0);
    wrapped(walk);
}

/// Spec 8. 315 days with 20 pages, 60 pages more on 15 September.
fn wrapped(walk: &Walk<'_>) {
    let wrapped = walk.get("/v1/users/ada/wrapped?year=2026");
    let activity = &wrapped["activity"];
    // Of 361 days since 5 January 46 are missing; of 52 weeks those of 6 July to 2 August; of twelve months July.
    let counts = ["daysActive", "weeksActive", "monthsActive"].map(|name| activity[name].clone());
    assert_eq!(counts, [315, 48, 11].map(|count| json!(count)));
    let figures = |period: &Value, what: &str, key: &str| {
        let of = &period[what][key];
        [
            "currentTotal",
            "changeThisPeriod",
            "percentChange",
            "percentileThisPeriod",
        ]
        .map(|name| of[name].as_f64())
    };
    let some = |numbers: [f64; 3], percentile: Option<f64>| {
        let [total, change, percent] = numbers.map(Some);
        [total, change, percent, percentile]
    };
    // Four events on one day: 80 of 4220 after 4140 (1.93 %).
    let day = &activity["mostActiveDay"];
    assert_eq!(day["date"], "2026-09-15");
    assert_eq!(
        figures(day, "metrics", "pages"),
        some([4220.0, 80.0, 1.9], None)
    );
    // Ten events in its week, Monday to Sunday: 200 after 4120 (4.85 %). He read 150: half of the two are below her.
    let week = &activity["mostActiveWeek"];
    assert_eq!(
        (&week["start"], &week["end"]),
        (&json!("2026-09-14"), &json!("2026-09-20"))
    );
    assert_eq!(
        figures(week, "metrics", "pages"),
        some([4320.0, 200.0, 4.8], Some(50.0))
    );
    // 33 events in September, months count from 0: 660 after 3860 (17.09 %). He had nine days, 675 pages.
    let month = &activity["mostActiveMonth"];
    assert_eq!(month["month"], 8);
    assert_eq!(
        figures(month, "metrics", "pages"),
        some([4520.0, 660.0, 17.0], Some(0.0))
    );
    // He read on 95 days: 7125 pages, 356 crossings 1780 points, boost 35.
    let year = &activity["entireYear"];
    assert_eq!(
        figures(year, "metrics", "pages"),
        some([6360.0, 6360.0, 100.0], Some(0.0))
    );
    // 318 crossings 1590, boost 35; sevens 170, 60 and, of 151 days, 210; 50; the slip.
    assert_eq!(
        figures(year, "points", "xp"),
        some([2015.0, 2015.0, 100.0], Some(50.0))
    );
    let streak = &year["longestStreak"];
    assert_eq!(
        (&streak["length"], &streak["started"], &streak["frequency"]),
        (&json!(151), &json!("2026-08-03"), &json!("daily"))
    );
    let names: Vec<&str> = year["achievements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|achievement| achievement["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert!(!names.contains(&"A year"), "it is of 2027");
    let his = walk.get("/v1/users/bob/wrapped?year=2026");
    let year = &his["activity"]["entireYear"];
    assert_eq!(
        figures(year, "metrics", "pages"),
        some([7125.0, 7125.0, 100.0], Some(50.0))
    );
    assert_eq!(
        figures(year, "points", "xp"),
        some([1815.0, 1815.0, 100.0], Some(0.0))
    );
    assert_eq!(his["activity"]["daysActive"], 95);
    assert_eq!(wrapped["user"]["signUpDate"], day_of_sign_up());
    assert_eq!(
        walk.get("/v1/users/ada/wrapped")["activity"]["daysActive"],
        5,
        "the year of now"
    );
}

fn day_of_sign_up() -> String {
    day(2026, 1, 5).to_string()
}
