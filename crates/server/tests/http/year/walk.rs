//! Walks an environment through the year: moves its clock, asks, and holds answers and webhooks against the model.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use testkit::contract::{Contract, Findings};
use testkit::receiver::{Behaviour, Receiver};
use wire::webhook_endpoint::WebhookType;

use super::oracle::{Line, Minute, Oracle, day, rank};
use crate::support::{Answer, TestApp};

pub(super) struct Walk<'a> {
    app: &'a TestApp,
    key: String,
    pub(super) tz: &'static str,
    zone: TimeZone,
    receiver: Receiver,
    contract: Contract,
    schemas: Vec<(String, Value)>,
    now: Minute,
    pub(super) oracle: Oracle,
    /// Everything that was told and answered so far.
    pub(super) diary: Vec<Line>,
    /// Which types of webhooks came.
    pub(super) kinds: BTreeSet<String>,
}

fn number(value: &Value) -> i64 {
    let number = value.as_f64().unwrap();
    assert!(number.fract() == 0.0, "{value}");
    format!("{number:.0}").parse().unwrap()
}

fn maybe(value: &Value) -> Option<i64> {
    (!value.is_null()).then(|| number(value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn key_or_dash(level: &Value) -> &str {
    level["key"].as_str().unwrap_or("-")
}

/// What each award of a change of points was.
fn awards(points: &Value) -> Vec<i64> {
    let awards = points["awards"].as_array().unwrap();
    awards
        .iter()
        .map(|award| number(&award["awarded"]))
        .collect()
}

impl<'a> Walk<'a> {
    /// A staging environment whose clock begins at a minute, with an endpoint for all types.
    pub(super) fn begin(app: &'a TestApp, tz: &'static str, now: Minute) -> Self {
        let name = tz.to_lowercase().replace(['/', '_'], "-");
        let item = json!({"name": tz, "key": name, "type": "staging"});
        let made = app.admin("POST", "/admin/v1/environments", Some(&item));
        let zone = TimeZone::get(tz).unwrap();
        let contract = Contract::read("trophy/application.json");
        let schemas = contract.webhooks();
        let walk = Self {
            app,
            key: text(&made.expect(201)["adminKey"]).to_owned(),
            tz,
            receiver: Receiver::start(Behaviour::Fine),
            contract,
            schemas,
            now,
            oracle: Oracle::new(&zone, now),
            zone,
            diary: Vec::new(),
            kinds: BTreeSet::new(),
        };
        walk.set_clock(now);
        let kinds: Vec<&str> = WebhookType::ALL.iter().map(|kind| kind.as_str()).collect();
        let hook = json!({"name": "All", "url": walk.receiver.url(), "events": kinds});
        walk.create("/webhooks", &hook);
        walk
    }

    /// The local minute of one in UTC.
    pub(super) fn of_utc(&self, date: Date, hour: i8, minute: i8) -> Minute {
        let utc = date.at(hour, minute, 0, 0).to_zoned(TimeZone::UTC).unwrap();
        self.minute(&json!(utc.timestamp().to_string()))
    }

    fn instant(&self, (date, minute): Minute) -> Timestamp {
        let (hour, minute) = (minute / 60, minute % 60);
        let civil = date.at(
            i8::try_from(hour).unwrap(),
            i8::try_from(minute).unwrap(),
            0,
            0,
        );
        civil.to_zoned(self.zone.clone()).unwrap().timestamp()
    }

    /// The local minute of an instant that is a whole one.
    fn minute(&self, instant: &Value) -> Minute {
        let instant: Timestamp = text(instant).parse().unwrap();
        assert_eq!(instant.as_millisecond() % 60_000, 0, "{instant}");
        let civil = instant.to_zoned(self.zone.clone()).datetime();
        let minutes = i32::from(civil.hour()) * 60 + i32::from(civil.minute());
        (civil.date(), minutes)
    }

    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.app.send(&self.key, None, method, path, body)
    }

    #[track_caller]
    pub(super) fn get(&self, path: &str) -> Value {
        self.call("GET", path, None).expect(200)
    }

    #[track_caller]
    pub(super) fn create(&self, path: &str, item: &Value) -> Value {
        let path = format!("/admin/v1{path}");
        let answer = self.call("POST", &path, Some(&json!([item])));
        answer.expect(201)["created"][0].clone()
    }

    #[track_caller]
    pub(super) fn patch(&self, path: &str, body: &Value) -> Value {
        self.call("PATCH", path, Some(body)).expect(200)
    }

    #[track_caller]
    pub(super) fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("/admin/v1{path}");
        self.call("POST", &path, Some(body)).expect(201)
    }

    fn set_clock(&self, to: Minute) {
        let now = self.instant(to).to_string();
        let body = json!({"now": now});
        let mut answer = self.call("PUT", "/admin/v1/clock", Some(&body));
        // A machine that is busy needs longer than a client waits.
        while answer.json["movingTo"].is_string() {
            std::thread::park_timeout(std::time::Duration::from_millis(50));
            answer = self.call("GET", "/admin/v1/clock", None);
        }
        let clock = answer.expect(200);
        let shown: Timestamp = text(&clock["now"]).parse().unwrap();
        assert_eq!(shown, self.instant(to));
    }

    /// Lets time pass; everything that is told on the way must be what the model tells.
    #[track_caller]
    pub(super) fn go(&mut self, to: Minute) {
        self.set_clock(to);
        let expected = self.oracle.advance(to);
        self.compare(expected, to);
        self.now = to;
    }

    /// An event; the answer and what is told at once must be what the model says.
    #[track_caller]
    pub(super) fn event(&mut self, user: &'static str, metric: &str, value: i64) {
        let signed_up = (user == "ada").then(|| day(2026, 1, 5));
        let mut person = json!({"id": user, "tz": self.tz, "email": format!("{user}@example.com")});
        if let Some(date) = signed_up {
            person["signUpDate"] = json!(date.to_string());
        }
        let body = json!({"user": person, "value": value});
        let path = format!("/v1/metrics/{metric}/event");
        let got = self.call("POST", &path, Some(&body)).expect(201);
        let got = self.answer(user, metric, value, &got);
        let expected = self.oracle.event(user, signed_up, metric, value);
        assert_eq!(got, expected, "{} at {:?}", self.tz, self.now);
        self.diary.push((self.now, format!("> {expected}")));
        self.told();
    }

    /// What was told since the last time must be what the model tells.
    #[track_caller]
    pub(super) fn told(&mut self) {
        let expected = self.oracle.take();
        self.compare(expected, self.now);
    }

    #[track_caller]
    fn compare(&mut self, expected: Vec<Line>, to: Minute) {
        self.app.deliver();
        let mut findings = Findings::default();
        let mut got: Vec<String> = Vec::new();
        for received in self.receiver.take() {
            let message: Value = serde_json::from_slice(&received.body).unwrap();
            let kind = text(&message["type"]).to_owned();
            let (_, schema) = self.schemas.iter().find(|(one, _)| *one == kind).unwrap();
            self.contract.check(schema, &message, &kind, &mut findings);
            let (line, at) = self.message(&kind, &message);
            if let Some(at) = at {
                // Where a message says when it happened, it says it to the minute.
                assert!(
                    expected
                        .iter()
                        .any(|(minute, one)| *one == line && *minute == at),
                    "{line} says {at:?}, not what was expected: {expected:#?}"
                );
            }
            got.push(line);
            self.kinds.insert(kind);
        }
        // The contract is older than anniversaries (spec/trophy.md 15.2).
        findings
            .faults
            .retain(|fault| !fault.text.starts_with("\"anniversary\" fails enum"));
        assert_eq!(findings.faults, []);
        got.sort_unstable();
        // Order is not promised.
        let mut lines: Vec<String> = expected.iter().map(|(_, line)| line.clone()).collect();
        lines.sort_unstable();
        let without = |all: &[String], other: &[String]| -> Vec<String> {
            all.iter()
                .filter(|line| !other.contains(line))
                .cloned()
                .collect()
        };
        assert_eq!(
            got,
            lines,
            "{} from {:?} to {to:?}; unexpected: {:#?}, missing: {:#?}",
            self.tz,
            self.now,
            without(&got, &lines),
            without(&lines, &got)
        );
        self.diary.extend(expected);
    }

    /// The answer to an event as one line.
    fn answer(&self, user: &str, metric: &str, value: i64, got: &Value) -> String {
        let streak = &got["currentStreak"];
        let length = number(&streak["length"]);
        let mark = if streak["extended"] == true { "+" } else { "" };
        let today = self.now.0.to_string();
        for end in ["periodStart", "periodEnd"] {
            let expected = if length > 0 {
                json!(today)
            } else {
                Value::Null
            };
            assert_eq!(streak[end], expected, "{streak}");
        }
        let mut parts = vec![
            format!("{user} {metric} {value:+} = {}", number(&got["total"])),
            format!(
                "streak {length}{mark} until {}, freezes {}",
                streak["expires"].as_str().unwrap_or("-"),
                number(&streak["freezes"])
            ),
        ];
        for (key, points) in got["points"].as_object().unwrap() {
            let (added, total) = (number(&points["added"]), number(&points["total"]));
            let level = points.get("level").map(key_or_dash);
            let level = level.map_or_else(String::new, |level| format!(" {level}"));
            parts.push(format!("{key} {added:+} = {total}{level}"));
            let sum: i64 = awards(points).iter().sum();
            assert_eq!(sum, added, "{points}");
        }
        for (key, board) in got["leaderboards"].as_object().unwrap() {
            let (start, end) = (text(&board["start"]), text(&board["end"]));
            let (now, before) = (maybe(&board["rank"]), maybe(&board["previousRank"]));
            let (now, before) = (rank(now), rank(before));
            parts.push(format!("{key} {start}..{end} {now} was {before}"));
            assert_eq!(board["threshold"], 0, "{board}");
        }
        let mut names: Vec<&str> = got["achievements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|achievement| {
                assert_eq!(self.minute(&achievement["achievedAt"]), self.now);
                text(&achievement["name"])
            })
            .collect();
        names.sort_unstable();
        parts.extend(names.into_iter().map(str::to_owned));
        parts.join("; ")
    }

    /// A webhook as one line, and the minute at which it says that it happened.
    fn message(&self, kind: &str, message: &Value) -> (String, Option<Minute>) {
        let user = message["user"]["id"].as_str().unwrap_or_default();
        let streak = &message["streak"];
        let points = &message["points"];
        let board = &message["leaderboard"];
        let mut at = message.get("timestamp").map(|instant| self.minute(instant));
        let facts = match kind {
            "achievement.completed" | "emails.achievement_due" => {
                let achievement = &message["achievement"];
                let achieved = self.minute(&achievement["achievedAt"]);
                if kind == "achievement.completed" {
                    at = Some(achieved);
                }
                format!("{user} {}", text(&achievement["name"]))
            }
            "streak.started" | "streak.extended" | "emails.streak_reminder_due" => {
                let (length, expires) = (number(&streak["length"]), text(&streak["expires"]));
                format!("{user} {length} until {expires}")
            }
            "streak.lost" => format!("{user} {}", number(&message["length"])),
            "streak.freeze_consumed" => {
                let (consumed, left) = (number(&message["consumed"]), number(&message["freezes"]));
                format!("{user} {consumed} left {left}")
            }
            "streak.freeze_earned" => {
                let (earned, now) = (number(&message["earned"]), number(&message["freezes"]));
                format!("{user} {earned} now {now}")
            }
            "points.changed" => {
                let (added, total) = (number(&points["added"]), number(&points["total"]));
                let count = awards(points).len();
                let level = points.get("level").map(key_or_dash);
                let level = level.map_or_else(String::new, |level| format!(" {level}"));
                format!("{user} {added:+} = {total} by {count}{level}")
            }
            "points.level_changed" => format!(
                "{user} {} -> {} at {}",
                key_or_dash(&message["previousLevel"]),
                key_or_dash(&message["newLevel"]),
                number(&points["total"])
            ),
            "points.boost_started" | "points.boost_finished" => {
                let boost = &message["boost"];
                assert_eq!(
                    (&boost["start"], &boost["end"]),
                    (&json!("2026-06-22"), &json!("2026-06-28"))
                );
                let time = text(&message["timestamp"]).split_once('T').unwrap().1;
                let (name, factor) = (text(&boost["name"]), number(&boost["multiplier"]));
                let (status, hour) = (text(&boost["status"]), &time[..5]);
                format!("{name} x{factor} {status} at {hour}Z")
            }
            "leaderboard.started" | "leaderboard.changed" | "leaderboard.finished" => {
                assert_eq!(board["status"], "active");
                format!("{} [{}]", text(&board["key"]), places(board))
            }
            "leaderboard.rank_changed" => format!(
                "{} {user} {} -> {}, {} -> {}",
                text(&board["key"]),
                rank(maybe(&board["previousRank"])),
                rank(maybe(&board["rank"])),
                rank(maybe(&board["previousValue"])),
                rank(maybe(&board["value"]))
            ),
            "emails.recap_due" => {
                let recap = &message["recap"];
                let (from, to) = (text(&recap["periodStart"]), text(&recap["periodEnd"]));
                format!("{user} {from}..{to}")
            }
            "emails.reactivation_due" => {
                let call = &message["reactivation"];
                let days = number(&call["daysSinceLastActive"]);
                format!("{user} {} after {days}", number(&call["messageNumber"]))
            }
            _ => panic!("an unknown type: {message}"),
        };
        (format!("{kind} {facts}"), at)
    }

    /// The lines of a date, with their hours.
    pub(super) fn lines_of(&self, date: Date) -> Vec<String> {
        self.diary
            .iter()
            .filter(|((on, _), _)| *on == date)
            // What is fixed in UTC falls on other hours in every zone.
            .filter(|(_, line)| {
                ![
                    "points.boost_",
                    "leaderboard.started",
                    "leaderboard.finished",
                ]
                .iter()
                .any(|kind| line.starts_with(kind))
            })
            .map(|((_, minute), line)| format!("{:02}:{:02} {line}", minute / 60, minute % 60))
            .collect()
    }
}

/// The rankings of a board as one text.
pub(super) fn places(board: &Value) -> String {
    let places: Vec<String> = (1..)
        .zip(board["rankings"].as_array().unwrap())
        .map(|(at, place)| {
            assert_eq!(number(&place["rank"]), at);
            format!("{}:{}", text(&place["userId"]), number(&place["value"]))
        })
        .collect();
    places.join(" ")
}
