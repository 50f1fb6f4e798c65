//! What must be told and answered, by a model that shares nothing with the engine: plain sums, and a look at every minute
//! of the year. Must not know the server.
//!
//! Everything is in local civil time; only moments that the specification fixes in UTC go through the zone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

/// A civil minute: a date and the minutes since its 00:00.
pub(super) type Minute = (Date, i32);

/// What was told or answered at a minute, as one line.
pub(super) type Line = (Minute, String);

const MIDNIGHT: i32 = 0;
const MORNING: i32 = 9 * 60;
const TALK_FROM: i32 = 17 * 60;
const EVENING: i32 = 20 * 60;
const TALK_TO: i32 = 21 * 60;
/// A user is not told twice of the same thing within so many minutes (AMB-49).
const QUIET: i32 = 15;
/// Pages that make a day count.
const THRESHOLD: i64 = 10;
const FREEZES_MAX: i64 = 2;

pub(super) const BOOST: (Date, Date) = (day(2026, 6, 22), day(2026, 6, 28));
/// A Monday.
pub(super) const WEEKLY: Date = day(2026, 2, 2);
pub(super) const MONTHLY: Date = day(2026, 2, 1);
const LAST: Date = day(2027, 1, 7);

pub(super) const fn day(year: i16, month: i8, day: i8) -> Date {
    Date::constant(year, month, day)
}

fn plus(date: Date, days: i32) -> Date {
    (0..days).fold(date, |date, _| date.tomorrow().unwrap())
}

fn days_from(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

fn level(points: i64) -> &'static str {
    match points {
        ..500 => "bronze",
        500..1600 => "silver",
        1600.. => "gold",
    }
}

/// How a rank is written.
pub(super) fn rank(rank: Option<i64>) -> String {
    rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string())
}

/// What falls due by UTC.
#[derive(Clone, Copy)]
enum Moment {
    BoostStarted,
    BoostFinished,
    RunStarted(&'static str),
    RunFinished(&'static str, Date),
}

struct Person {
    joined: Date,
    signed_up: Option<Date>,
    pages: i64,
    slips: i64,
    read: BTreeMap<Date, i64>,
    active: Date,
    length: i64,
    lost: i64,
    started: Date,
    met: Option<Date>,
    freezes: i64,
    pause: Option<(Date, Date)>,
    points: i64,
    level: Option<&'static str>,
    achieved: BTreeSet<&'static str>,
    mails: Vec<(Minute, &'static str)>,
    silent: BTreeSet<String>,
}

impl Person {
    fn new(joined: Date, signed_up: Option<Date>) -> Self {
        Self {
            joined,
            signed_up,
            pages: 0,
            slips: 0,
            read: BTreeMap::new(),
            active: joined,
            length: 0,
            lost: 0,
            started: joined,
            met: None,
            freezes: 1,
            pause: None,
            points: 0,
            level: None,
            achieved: BTreeSet::new(),
            mails: Vec::new(),
            silent: BTreeSet::new(),
        }
    }

    fn is_paused(&self, date: Date) -> bool {
        self.pause
            .is_some_and(|(from, to)| from <= date && date <= to)
    }

    /// The last date on which the streak can be saved (5.9): pauses put it off.
    fn expires(&self, today: Date) -> Date {
        let mut date = today;
        if self.met == Some(today) {
            date = plus(date, 1);
        }
        while self.is_paused(date) {
            date = plus(date, 1);
        }
        date
    }
}

/// A change that waits until a quiet time is over.
#[derive(Default)]
struct Quiet {
    until: Option<Minute>,
    /// Points that were added, by how many awards, and the level before them.
    points: Option<(i64, usize, Option<&'static str>)>,
    is_pending: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Points(&'static str),
    Top(&'static str, Date),
    Rank(&'static str, Date, &'static str),
}

/// The value of a user on a board, and when it was reached.
type Values = BTreeMap<&'static str, (i64, Minute)>;

pub(super) struct Oracle {
    now: Minute,
    people: BTreeMap<&'static str, Person>,
    runs: BTreeMap<(&'static str, Date), Values>,
    told_ranks: BTreeMap<(&'static str, Date, &'static str), (i64, i64)>,
    quiet: BTreeMap<Subject, Quiet>,
    moments: BTreeMap<Minute, Vec<Moment>>,
    is_monthly: bool,
    lines: Vec<Line>,
}

impl Oracle {
    pub(super) fn new(zone: &TimeZone, now: Minute) -> Self {
        let mut moments: BTreeMap<Minute, Vec<Moment>> = BTreeMap::new();
        // 10:00 UTC on the eve, 13:00 UTC on the day after (9.4).
        let local = |date: Date, hour: i8| {
            let utc = date.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
            let local: DateTime = utc.with_time_zone(zone.clone()).datetime();
            let minutes = i32::from(local.hour()) * 60 + i32::from(local.minute());
            (local.date(), minutes)
        };
        let eve = |start: Date| local(start.yesterday().unwrap(), 10);
        let after = |end: Date| local(end.tomorrow().unwrap(), 13);
        let mut add = |at: Minute, moment| moments.entry(at).or_default().push(moment);
        add(eve(BOOST.0), Moment::BoostStarted);
        add(after(BOOST.1), Moment::BoostFinished);
        let mut start = WEEKLY;
        while start < LAST {
            add(eve(start), Moment::RunStarted("weekly"));
            add(after(plus(start, 6)), Moment::RunFinished("weekly", start));
            start = plus(start, 7);
        }
        let mut start = MONTHLY;
        while start < LAST {
            let end = start.last_of_month();
            add(eve(start), Moment::RunStarted("monthly"));
            add(after(end), Moment::RunFinished("monthly", start));
            start = plus(end, 1);
        }
        Self {
            now,
            people: BTreeMap::new(),
            runs: BTreeMap::new(),
            told_ranks: BTreeMap::new(),
            quiet: BTreeMap::new(),
            moments,
            is_monthly: false,
            lines: Vec::new(),
        }
    }

    /// All that is told on the way to a minute.
    pub(super) fn advance(&mut self, to: Minute) -> Vec<Line> {
        while self.now < to {
            let (date, minute) = self.now;
            self.now = if minute == 24 * 60 - 1 {
                (plus(date, 1), 0)
            } else {
                (date, minute + 1)
            };
            self.tick();
        }
        self.take()
    }

    /// All that was told since the last time.
    pub(super) fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    fn tell(&mut self, line: String) {
        self.lines.push((self.now, line));
    }

    fn tick(&mut self) {
        let (today, minute) = self.now;
        if minute == MIDNIGHT {
            self.quiet
                .retain(|_, quiet| quiet.until > Some((today, minute)));
        }
        let mut users: Vec<&'static str> = Vec::new();
        // Nobody has anything due but on full hours.
        if minute % 60 == 0 {
            users.extend(self.people.keys());
        }
        for user in users {
            match minute {
                MIDNIGHT => self.midnight(user, today),
                MORNING => self.morning(user, today),
                EVENING => self.evening(user, today),
                _ => {}
            }
            let now = self.now;
            let person = self.people.get_mut(user).unwrap();
            let due: Vec<_> = person.mails.extract_if(.., |mail| mail.0 == now).collect();
            let is_silent = person.silent.contains("achievement_completed");
            for (_, name) in due.into_iter().filter(|_| !is_silent) {
                self.tell(format!("emails.achievement_due {user} {name}"));
            }
        }
        for moment in self.moments.remove(&self.now).unwrap_or_default() {
            self.moment(moment);
        }
        let ended: Vec<Subject> = self
            .quiet
            .iter()
            .filter(|(_, quiet)| quiet.is_pending && quiet.until == Some(self.now))
            .map(|(subject, _)| *subject)
            .collect();
        for subject in ended {
            self.changed(subject);
        }
    }

    fn moment(&mut self, moment: Moment) {
        let line = match moment {
            Moment::BoostStarted => "points.boost_started Double x2 active at 10:00Z".to_owned(),
            Moment::BoostFinished => {
                "points.boost_finished Double x2 finished at 13:00Z".to_owned()
            }
            // Nobody acts between the beginning of a run in the first zone and this.
            Moment::RunStarted(board) => format!("leaderboard.started {board} []"),
            Moment::RunFinished(board, run) => {
                format!("leaderboard.finished {board} [{}]", self.shown(board, run))
            }
        };
        self.tell(line);
    }

    /// 5.5: close the day that ended, lose or consume, then grant; then anniversaries.
    fn midnight(&mut self, user: &'static str, today: Date) {
        let person = self.people.get_mut(user).unwrap();
        let ended = today.yesterday().unwrap();
        let mut told = Vec::new();
        if person.length > 0 && person.met != Some(ended) && !person.is_paused(ended) {
            if person.freezes > 0 {
                person.freezes -= 1;
                let left = person.freezes;
                told.push(format!("streak.freeze_consumed {user} 1 left {left}"));
            } else {
                told.push(format!("streak.lost {user} {}", person.length));
                person.lost = person.length;
                person.length = 0;
            }
        }
        if days_from(person.joined, today) % 7 == 0 && person.freezes < FREEZES_MAX {
            person.freezes += 1;
            let now = person.freezes;
            told.push(format!("streak.freeze_earned {user} 1 now {now}"));
        }
        let is_anniversary = person.signed_up.is_some_and(|date| {
            (date.month(), date.day()) == (today.month(), today.day()) && date < today
        });
        for line in told {
            self.tell(line);
        }
        if is_anniversary {
            self.complete(user, "A year");
        }
    }

    fn morning(&mut self, user: &'static str, today: Date) {
        let person = &self.people[user];
        let from = if self.is_monthly {
            (today.day() == 1).then(|| today.yesterday().unwrap().first_of_month())
        } else {
            // Weeks are those of streaks: Sunday to Saturday (AMB-16).
            let from = (0..7).fold(today, |date, _| date.yesterday().unwrap());
            (today.weekday() == Weekday::Sunday).then_some(from)
        };
        let away = days_from(person.active, today);
        let call = [3, 5, 7, 14, 30].iter().position(|days| *days == away);
        let mut told = Vec::new();
        if let Some(from) = from.filter(|_| !person.silent.contains("recap")) {
            let to = today.yesterday().unwrap();
            told.push(format!("emails.recap_due {user} {from}..{to}"));
        }
        if let Some(call) = call.filter(|_| !person.silent.contains("reactivation")) {
            let number = call + 1;
            told.push(format!(
                "emails.reactivation_due {user} {number} after {away}"
            ));
        }
        for line in told {
            self.tell(line);
        }
    }

    fn evening(&mut self, user: &'static str, today: Date) {
        let person = &self.people[user];
        let is_endangered =
            person.length > 0 && person.met != Some(today) && !person.is_paused(today);
        if is_endangered && !person.silent.contains("streak_reminder") {
            let length = person.length;
            self.tell(format!(
                "emails.streak_reminder_due {user} {length} until {today}"
            ));
        }
    }

    /// Completes an achievement, unless it was; answers whether it was not.
    fn complete(&mut self, user: &'static str, name: &'static str) -> bool {
        let (today, minute) = self.now;
        let person = self.people.get_mut(user).unwrap();
        if !person.achieved.insert(name) {
            return false;
        }
        let is_silent = person.silent.contains("achievement_completed");
        // 10.3: at once while one talks, else at the next 17:00.
        let is_now = (TALK_FROM..TALK_TO).contains(&minute);
        if !is_now && !is_silent {
            let date = if minute < TALK_FROM {
                today
            } else {
                plus(today, 1)
            };
            person.mails.push(((date, TALK_FROM), name));
        }
        self.tell(format!("achievement.completed {user} {name}"));
        if is_now && !is_silent {
            self.tell(format!("emails.achievement_due {user} {name}"));
        }
        true
    }

    /// An event; answers what the server must answer.
    pub(super) fn event(
        &mut self,
        user: &'static str,
        signed_up: Option<Date>,
        metric: &str,
        value: i64,
    ) -> String {
        let today = self.now.0;
        let person = self
            .people
            .entry(user)
            .or_insert_with(|| Person::new(today, signed_up));
        person.active = today;
        let mut completed: Vec<&'static str> = Vec::new();
        let mut awards: Vec<i64> = Vec::new();
        let factor = if BOOST.0 <= today && today <= BOOST.1 {
            2
        } else {
            1
        };
        let mut is_extended = false;
        let total;
        if metric == "pages" {
            let before = person.pages;
            person.pages += value;
            total = person.pages;
            let read = person.read.entry(today).or_default();
            *read += value;
            is_extended = person.met != Some(today) && *read >= THRESHOLD;
            let crossings = person.pages / 20 - before / 20;
            if crossings > 0 {
                awards.push(5 * crossings * factor);
            }
            if person.pages >= 100 {
                completed.push("Hundred");
            }
        } else {
            person.slips += value;
            total = person.slips;
            awards.push(-100 * value);
            completed.push("Slipped");
        }
        let mut told = None;
        if is_extended {
            person.met = Some(today);
            person.length += 1;
            let length = person.length;
            if length == 1 {
                person.started = today;
            }
            let kind = if length == 1 { "started" } else { "extended" };
            let expires = person.expires(today);
            told = Some(format!("streak.{kind} {user} {length} until {expires}"));
            completed.push("First day");
            if length >= 7 {
                completed.push("Week");
            }
            if length % 7 == 0 {
                awards.push(10 * factor);
            }
        }
        if let Some(line) = told {
            self.tell(line);
        }
        completed.retain(|name| self.complete(user, name));
        let achieved = &self.people[user].achieved;
        let is_both = achieved.contains("Hundred") && achieved.contains("Week");
        if is_both && self.complete(user, "Both") {
            completed.push("Both");
            awards.push(50 * factor);
        }
        completed.sort_unstable();
        let mut answer = vec![format!("{user} {metric} {value:+} = {total}")];
        let person = &self.people[user];
        let expires = if person.length > 0 {
            person.expires(today).to_string()
        } else {
            "-".to_owned()
        };
        let mark = if is_extended { "+" } else { "" };
        answer.push(format!(
            "streak {}{mark} until {expires}, freezes {}",
            person.length, person.freezes
        ));
        answer.extend(self.award(user, &awards));
        let added: i64 = awards.iter().sum();
        if today >= MONTHLY && added != 0 {
            answer.push(self.score("monthly", today.first_of_month(), user, added));
        }
        if today >= WEEKLY && metric == "pages" {
            let run = plus(WEEKLY, days_from(WEEKLY, today) / 7 * 7);
            answer.push(self.score("weekly", run, user, value));
        }
        answer.extend(completed.into_iter().map(str::to_owned));
        answer.join("; ")
    }

    /// Pays; answers what an answer says of it.
    fn award(&mut self, user: &'static str, awards: &[i64]) -> Option<String> {
        if awards.is_empty() {
            return None;
        }
        let added: i64 = awards.iter().sum();
        let person = self.people.get_mut(user).unwrap();
        person.points += added;
        let before = person.level;
        let after = level(person.points);
        person.level = Some(after);
        let total = person.points;
        let mut line = format!("xp {added:+} = {total}");
        if before != Some(after) {
            line = format!("{line} {after}");
            let from = before.unwrap_or("-");
            self.tell(format!(
                "points.level_changed {user} {from} -> {after} at {total}"
            ));
        }
        let quiet = self.quiet.entry(Subject::Points(user)).or_default();
        let pending = quiet.points.get_or_insert((0, 0, before));
        pending.0 += added;
        pending.1 += awards.len();
        self.changed(Subject::Points(user));
        Some(line)
    }

    /// Who is ranked, best first: ties go to whoever was first (7.6).
    fn ranking(&self, board: &'static str, run: Date) -> Vec<(&'static str, i64)> {
        let mut all: Vec<(&'static str, (i64, Minute))> = self
            .runs
            .get(&(board, run))
            .into_iter()
            .flatten()
            .filter(|(_, value)| value.0 > 0)
            .map(|(user, value)| (*user, *value))
            .collect();
        all.sort_by_key(|(_, (value, reached))| (-value, *reached));
        all.into_iter()
            .map(|(user, (value, _))| (user, value))
            .collect()
    }

    fn rank(&self, board: &'static str, run: Date, user: &str) -> Option<(i64, i64)> {
        let ranking = self.ranking(board, run);
        let at = ranking.iter().position(|(one, _)| *one == user)?;
        Some((i64::try_from(at).unwrap() + 1, ranking[at].1))
    }

    fn shown(&self, board: &'static str, run: Date) -> String {
        let places: Vec<String> = self
            .ranking(board, run)
            .iter()
            .map(|(user, value)| format!("{user}:{value}"))
            .collect();
        places.join(" ")
    }

    /// Adds to the value of a user on a board.
    fn score(&mut self, board: &'static str, run: Date, user: &'static str, added: i64) -> String {
        let before = self.rank(board, run, user);
        let now = self.now;
        let values = self.runs.entry((board, run)).or_default();
        let value = values.entry(user).or_insert((0, now));
        *value = (value.0 + added, now);
        let after = self.rank(board, run, user);
        let end = if board == "weekly" {
            plus(run, 6)
        } else {
            run.last_of_month()
        };
        self.changed(Subject::Top(board, run));
        let users: Vec<&'static str> = self.people.keys().copied().collect();
        for user in users {
            self.changed(Subject::Rank(board, run, user));
        }
        let first = |place: Option<(i64, i64)>| rank(place.map(|place| place.0));
        format!(
            "{board} {run}..{end} {} was {}",
            first(after),
            first(before)
        )
    }

    /// Tells a change, at once or after the quiet time.
    fn changed(&mut self, subject: Subject) {
        let now = self.now;
        let is_quiet = self
            .quiet
            .get(&subject)
            .and_then(|quiet| quiet.until)
            .is_some_and(|until| until > now);
        if is_quiet {
            self.quiet.entry(subject).or_default().is_pending = true;
            return;
        }
        let line = match subject {
            Subject::Points(user) => {
                let quiet = self.quiet.entry(subject).or_default();
                quiet.points.take().map(|(added, awards, before)| {
                    let person = &self.people[user];
                    let level = person.level.filter(|_| person.level != before);
                    let level = level.map_or_else(String::new, |level| format!(" {level}"));
                    let total = person.points;
                    format!("points.changed {user} {added:+} = {total} by {awards}{level}")
                })
            }
            Subject::Top(board, run) => Some(format!(
                "leaderboard.changed {board} [{}]",
                self.shown(board, run)
            )),
            Subject::Rank(board, run, user) => {
                let key = (board, run, user);
                let last = self.told_ranks.get(&key).copied();
                let place = self.rank(board, run, user);
                let number = |place: Option<(i64, i64)>| place.map(|place| place.0);
                let value = |place: Option<(i64, i64)>| rank(place.map(|place| place.1));
                (number(last) != number(place)).then(|| {
                    match place {
                        Some(place) => self.told_ranks.insert(key, place),
                        None => self.told_ranks.remove(&key),
                    };
                    format!(
                        "leaderboard.rank_changed {board} {user} {} -> {}, {} -> {}",
                        rank(number(last)),
                        rank(number(place)),
                        value(last),
                        value(place)
                    )
                })
            }
        };
        let quiet = self.quiet.entry(subject).or_default();
        quiet.is_pending = false;
        if let Some(line) = line {
            let end = now.1 + QUIET;
            quiet.until = Some((now.0, end));
            self.tell(line);
        }
    }

    pub(super) fn pause(&mut self, user: &str, from: Date, to: Date) {
        self.people.get_mut(user).unwrap().pause = Some((from, to));
    }

    pub(super) fn restore(&mut self, user: &str) {
        let person = self.people.get_mut(user).unwrap();
        person.length = person.lost;
    }

    pub(super) fn reset(&mut self, user: &str) {
        let person = self.people.get_mut(user).unwrap();
        let length = std::mem::take(&mut person.length);
        self.tell(format!("streak.lost {user} {length}"));
    }

    pub(super) fn silence(&mut self, user: &str, message: &str, is_silent: bool) {
        let silent = &mut self.people.get_mut(user).unwrap().silent;
        if is_silent {
            silent.insert(message.to_owned());
        } else {
            silent.remove(message);
        }
    }

    pub(super) fn sum_up_months(&mut self) {
        self.is_monthly = true;
    }
}
