//! Streaks: history, comparison, midnights.

use engine::calendar::Frequency;
use engine::command::Command;
use engine::outcome::Reply;
use engine::state::{PeriodMark, StreakPeriod};
use engine::user::{Change, Patch};
use store::{Store, streak};

use crate::configuration;
use crate::world::{World, day, instant, read, save, write};

checks!(
    periods_are_kept,
    longer_streaks_are_counted,
    the_longest_come_first,
    midnights_fall_due,
    a_switch_counts_anew,
    pauses_and_corrections_are_kept
);

fn configured(store: &Store) -> World<'_> {
    let world = World::new(store);
    write(store, |tx| {
        configuration::insert(tx, world.space, world.now)
    });
    world
}

fn periods_are_kept(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    for now in [
        "2026-02-20T09:00:00Z",
        "2026-02-21T09:00:00Z",
        "2026-02-23T09:00:00Z",
    ] {
        world.at(now).event("ada", "runs", "1");
    }
    let ada = world.find("ada").id;
    let periods = |frequency, from| {
        read(store, |tx| {
            streak::periods(tx, space, ada, frequency, day(from))
        })
    };
    let period = |start, length, mark| StreakPeriod {
        frequency: Frequency::Daily,
        start: day(start),
        length,
        mark,
    };
    let all = [
        period("2026-02-20", 1, PeriodMark::Met),
        period("2026-02-21", 2, PeriodMark::Met),
        period("2026-02-22", 2, PeriodMark::Freeze),
        period("2026-02-23", 3, PeriodMark::Met),
    ];
    assert_eq!(periods(Frequency::Daily, "2026-01-01"), all);
    assert_eq!(periods(Frequency::Daily, "2026-02-22"), all[2..]);
    assert_eq!(periods(Frequency::Daily, "2026-02-24"), []);
    assert_eq!(periods(Frequency::Weekly, "2026-01-01"), []);
}

fn longer_streaks_are_counted(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    world.event("ada", "runs", "1");
    world.event("bo", "runs", "1");
    world.event("cy", "coins", "0");
    world.at("2026-02-21T09:00:00Z").event("ada", "runs", "1");
    for (length, count) in [(-1, 3), (0, 2), (1, 1), (2, 0)] {
        assert_eq!(
            read(store, |tx| streak::longer_than(tx, space, length)),
            count,
            "{length}"
        );
    }
}

fn the_longest_come_first(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    world.event("cy", "runs", "1");
    world.event("ada", "runs", "1");
    world.event("bo", "runs", "1");
    world.event("dan", "coins", "0");
    world.at("2026-02-21T09:00:00Z").event("bo", "runs", "1");
    let now = |limit, skip| read(store, |tx| streak::longest_now(tx, space, limit, skip));
    // Two of one length: whoever extended first.
    assert_eq!(now(10, 0), ["bo", "cy", "ada"]);
    assert_eq!(now(1, 1), ["cy"]);
    assert_eq!(now(10, 3), [""; 0]);
    let ever = |frequency, limit| {
        let longest = read(store, |tx| {
            streak::longest_ever(tx, space, frequency, limit)
        });
        longest
            .into_iter()
            .map(|of| (of.external_id, of.length))
            .collect::<Vec<_>>()
    };
    let all = [("bo", 2), ("ada", 1), ("cy", 1)].map(|(id, length)| (id.to_owned(), length));
    assert_eq!(ever(Frequency::Daily, 10), all);
    assert_eq!(ever(Frequency::Daily, 2), all[..2]);
    assert_eq!(ever(Frequency::Weekly, 10), []);
}

fn midnights_fall_due(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let other = world.tenant("other");
    write(store, |tx| configuration::insert(tx, other, world.now));
    let due = |now: &str, limit| read(store, |tx| streak::due(tx, instant(now), limit));
    let next = || read(store, streak::next_due);
    assert_eq!(next(), None);
    assert_eq!(due("2030-01-01T00:00:00Z", 10), []);
    let tokyo = Patch {
        tz: Change::Set("Asia/Tokyo".to_owned()),
        ..Patch::default()
    };
    world.send(other, "bo", save(tokyo));
    world.send(other, "bo", crate::world::event("runs", "1", &[]));
    world.event("ada", "runs", "1");
    let ada = (space, "ada".to_owned());
    let bo = (other, "bo".to_owned());
    // The 20th is met; the end of the 21st comes first in Tokyo.
    assert_eq!(next(), Some(instant("2026-02-21T15:00:00Z")));
    assert_eq!(due("2026-02-21T14:59:59.999999Z", 10), []);
    assert_eq!(due("2026-02-21T15:00:00Z", 10), std::slice::from_ref(&bo));
    assert_eq!(due("2026-02-22T00:00:00Z", 10), [bo.clone(), ada]);
    assert_eq!(due("2026-02-22T00:00:00Z", 1), [bo]);
    // Who was settled waits for the next one.
    world
        .at("2026-02-22T00:00:00Z")
        .send(other, "bo", Command::Settle);
    world.send(space, "ada", Command::Settle);
    assert_eq!(due("2026-02-22T01:00:00Z", 10), []);
    assert_eq!(next(), Some(instant("2026-02-22T15:00:00Z")));
}

fn a_switch_counts_anew(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    for now in [
        "2026-02-20",
        "2026-02-21",
        "2026-02-22",
        "2026-02-24",
        "2026-03-03",
    ] {
        world
            .at(&format!("{now}T12:00:00Z"))
            .event("ada", "runs", "1");
    }
    assert_eq!(world.event("ada", "runs", "1").streak.length, 1);
    let now = world.now;
    write(store, |tx| {
        configuration::set_frequency(tx, space, Frequency::Weekly, now)
    });
    let reply = world.event("ada", "runs", "1");
    assert_eq!(
        reply.streak.length, 3,
        "three weeks, from days that were not loaded otherwise"
    );
    let ada = world.find("ada").id;
    let periods = read(store, |tx| {
        streak::periods(tx, space, ada, Frequency::Weekly, day("2026-01-01"))
    });
    let starts: Vec<String> = periods
        .iter()
        .map(|period| period.start.to_string())
        .collect();
    assert_eq!(starts.len(), 3);
    assert_eq!(read(store, |tx| streak::longer_than(tx, space, 2)), 1);
}

/// Each command loads what the ones before have written; nothing of it is anybody else's.
fn pauses_and_corrections_are_kept(store: &Store) {
    let mut world = configured(store);
    let space = world.space;
    let other = world.tenant("other");
    write(store, |tx| configuration::insert(tx, other, world.now));
    for now in ["2026-02-20T09:00:00Z", "2026-02-21T09:00:00Z"] {
        world.at(now).event("ada", "runs", "1");
    }
    let mut send = |now: &str, command: Command| world.at(now).send(space, "ada", command).reply;
    let pause = Command::PauseStreak {
        start: day("2026-02-22"),
        end: day("2026-03-01"),
    };
    let Reply::Pause(pause) = send("2026-02-21T10:00:00Z", pause) else {
        panic!("not paused");
    };
    let owner = |of| read(store, |tx| streak::paused_user(tx, of, pause));
    assert_eq!((owner(space).as_deref(), owner(other)), (Some("ada"), None));
    send("2026-02-24T09:00:00Z", Command::Settle);
    let archive = Command::ArchivePause { pause };
    assert_eq!(send("2026-02-24T09:00:00Z", archive.clone()), Reply::Done);
    assert_eq!(owner(space), None);
    assert!(matches!(
        send("2026-02-24T10:00:00Z", archive),
        Reply::Refused(_)
    ));
    let done = send("2026-02-24T11:00:00Z", Command::ResetStreak);
    assert_eq!(done, Reply::Corrected(true));
    let done = send("2026-02-26T09:00:00Z", Command::RestoreStreak);
    assert_eq!(done, Reply::Corrected(true));
    let done = send("2026-02-26T10:00:00Z", Command::RestoreStreak);
    assert_eq!(done, Reply::Corrected(false));
    let reply = world.event("ada", "runs", "1");
    assert_eq!(
        (reply.streak.length, reply.streak.started),
        (3, Some(day("2026-02-20")))
    );
    let ada = world.find("ada").id;
    let resets = |of, from| read(store, |tx| streak::resets(tx, of, ada, day(from)));
    let made = resets(space, "2026-02-24");
    let [(on, at)] = made.as_slice() else {
        panic!("{made:?}");
    };
    assert_eq!(*on, day("2026-02-24"));
    // The stamps of a batch differ by microseconds.
    assert_eq!(at.as_second(), instant("2026-02-24T11:00:00Z").as_second());
    assert_eq!(resets(space, "2026-02-25"), []);
    assert_eq!(resets(other, "2026-02-01"), []);
    let marks: Vec<PeriodMark> = read(store, |tx| {
        streak::periods(tx, space, ada, Frequency::Daily, day("2026-02-22"))
    })
    .iter()
    .map(|lived| lived.mark)
    .collect();
    assert_eq!(
        marks,
        [
            PeriodMark::Paused,
            PeriodMark::Paused,
            PeriodMark::Restored,
            PeriodMark::Restored,
            PeriodMark::Met
        ]
    );
}
