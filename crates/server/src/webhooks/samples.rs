//! A message of each type to try an endpoint with: made up, in the shape of the real ones (spec/trophy.md 9.4).

use jiff::Timestamp;
use serde_json::{Value, json};
use wire::webhook_endpoint::WebhookType as T;

const ID: &str = "00000000-0000-4000-8000-000000000000";

/// The body of a sample.
pub fn body(message_type: T, now: Timestamp) -> Value {
    let at = format!("{now:.3}");
    let mut body = match message_type {
        T::AchievementCompleted => json!({"user": user(&at), "achievement": achievement(&at)}),
        T::StreakStarted => json!({"user": user(&at), "streak": streak(1)}),
        T::StreakExtended => json!({"user": user(&at), "streak": streak(2)}),
        T::StreakLost => json!({"user": user(&at), "length": 7}),
        T::StreakFreezeConsumed => json!({"user": user(&at), "consumed": 1, "freezes": 1}),
        T::StreakFreezeEarned => json!({"user": user(&at), "earned": 1, "freezes": 2}),
        T::PointsChanged => {
            let mut points = points();
            points["added"] = json!(10);
            points["awards"] = json!([{
                "id": ID, "awarded": 10, "date": at, "total": 110, "trigger": trigger(&at), "boosts": [],
            }]);
            json!({"user": user(&at), "points": points})
        }
        T::PointsLevelChanged => {
            json!({"user": user(&at), "points": points(), "previousLevel": null, "newLevel": level()})
        }
        T::PointsBoostStarted => json!({"timestamp": at, "boost": boost("active")}),
        T::PointsBoostFinished => json!({"timestamp": at, "boost": boost("finished")}),
        T::LeaderboardStarted => json!({"leaderboard": ranked("scheduled")}),
        T::LeaderboardChanged | T::LeaderboardFinished => {
            json!({"leaderboard": ranked("active")})
        }
        T::LeaderboardRankChanged => {
            let mut board = board();
            for (member, value) in [
                ("rank", 1),
                ("value", 120),
                ("previousRank", 2),
                ("previousValue", 90),
            ] {
                board[member] = json!(value);
            }
            json!({"user": user(&at), "leaderboard": board})
        }
        T::EmailsRecapDue => json!({
            "timestamp": at, "user": user(&at),
            "recap": {"periodStart": "2026-01-05", "periodEnd": "2026-01-11"},
        }),
        T::EmailsReactivationDue => json!({
            "timestamp": at, "user": user(&at),
            "reactivation": {"messageNumber": 1, "daysSinceLastActive": 7},
        }),
        T::EmailsStreakReminderDue => {
            let mut streak = streak(2);
            streak["extended"] = json!(at);
            streak["streakHistory"] = json!([]);
            streak["pauses"] = json!([]);
            json!({"timestamp": at, "user": user(&at), "streak": streak})
        }
        T::EmailsAchievementDue => {
            json!({"timestamp": at, "user": user(&at), "achievement": achievement(&at)})
        }
    };
    body["type"] = json!(message_type.as_str());
    body
}

fn user(at: &str) -> Value {
    json!({
        "id": "sample-user", "name": "Sample User", "email": null, "tz": "UTC",
        "subscribeToEmails": false, "attributes": {}, "control": false, "signUpDate": null,
        "deviceTokens": null, "created": at, "updated": at,
    })
}

fn achievement(at: &str) -> Value {
    json!({
        "id": ID, "key": "sample", "name": "Sample achievement", "trigger": "api", "description": null,
        "badgeUrl": null, "userAttributes": [], "achievedAt": at,
    })
}

fn streak(length: i64) -> Value {
    json!({
        "length": length, "frequency": "daily", "started": "2026-01-05", "periodStart": "2026-01-06",
        "periodEnd": "2026-01-06", "expires": "2026-01-07",
    })
}

fn trigger(at: &str) -> Value {
    json!({
        "id": ID, "type": "metric", "points": 10, "status": "active", "userAttributes": [], "metricId": ID,
        "metricName": "Sample", "metricThreshold": 1, "eventAttributes": [], "created": at, "updated": at,
    })
}

fn points() -> Value {
    json!({
        "id": ID, "key": "sample", "name": "Sample points", "description": null, "badgeUrl": null,
        "maxPoints": null, "total": 110,
    })
}

fn level() -> Value {
    json!({
        "id": ID, "key": "sample", "name": "Sample level", "description": "", "badgeUrl": null,
        "points": 100,
    })
}

fn boost(status: &str) -> Value {
    json!({
        "id": ID, "name": "Sample boost", "status": status, "userId": null, "pointsSystemId": ID,
        "pointsSystemKey": "sample", "pointsSystemName": "Sample points", "start": "2026-01-05",
        "end": "2026-01-11", "multiplier": 2, "rounding": "down",
    })
}

fn board() -> Value {
    json!({
        "id": ID, "key": "sample", "name": "Sample board", "rankBy": "streak", "breakdownAttribute": null,
        "breakdownAttributes": [], "description": null, "start": "2026-01-05", "end": null,
        "startTime": null, "endTime": null, "maxParticipants": 100, "runUnit": null, "runInterval": null,
        "status": "active", "userAttributes": [],
    })
}

fn ranked(status: &str) -> Value {
    let mut board = board();
    board["status"] = json!(status);
    board["rankings"] =
        json!([{"userId": "sample-user", "userName": "Sample User", "rank": 1, "value": 120}]);
    board
}

#[cfg(test)]
mod tests {
    use testkit::contract::{Contract, Findings};

    use super::*;

    /// A sample that real receivers could not read would try nothing.
    #[test]
    fn samples_are_as_the_contract_says() {
        let contract = Contract::read("trophy/application.json");
        let schemas = contract.webhooks();
        assert_eq!(schemas.len(), T::ALL.len());
        for kind in T::ALL {
            let sample = body(*kind, Timestamp::UNIX_EPOCH);
            let (name, schema) = schemas
                .iter()
                .find(|(name, _)| name == kind.as_str())
                .expect("a type of the contract");
            assert_eq!(sample["type"], **name);
            let mut findings = Findings::default();
            contract.check(schema, &sample, name, &mut findings);
            assert_eq!(findings.faults, [], "{sample}");
            // Newer than the contract, and demanded by the client (spec/trophy.md 15.4).
            if let Some(board) = sample.get("leaderboard") {
                assert_eq!(board["userAttributes"], json!([]), "{sample}");
            }
        }
    }
}
