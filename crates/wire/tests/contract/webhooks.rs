//! Every payload of a webhook against the contract, minimal and full.

use testkit::contract::{Contract, Findings};
use wire::trophy_app as app;
use wire::vocabulary::{BoostStatus, Rounding};
use wire::webhook::{
    Balance, Boost, BoostMoment, LevelChange, Message, Payload, PointsChange, RankChange,
    RankOnLeaderboard, Rankings, Reactivation, Recap, StreakChange,
};

use crate::samples::{self, DATE, ID, INSTANT};

fn boost(full: bool) -> BoostMoment {
    BoostMoment {
        timestamp: INSTANT.to_owned(),
        boost: Boost {
            id: ID.to_owned(),
            name: "Double".to_owned(),
            status: if full {
                BoostStatus::Active
            } else {
                BoostStatus::Finished
            },
            user_id: full.then(|| "18".to_owned()),
            points_system_id: ID.to_owned(),
            points_system_key: "xp".to_owned(),
            points_system_name: "XP".to_owned(),
            start: DATE.to_owned(),
            end: full.then(|| DATE.to_owned()),
            multiplier: 1.5,
            rounding: Rounding::Down,
        },
    }
}

fn rankings(full: bool) -> Rankings {
    Rankings {
        leaderboard: app::LeaderboardResponseWithRankings {
            leaderboard: samples::leaderboard(full),
            rankings: if full {
                vec![app::LeaderboardRanking {
                    user_id: "18".to_owned(),
                    user_name: None,
                    rank: 1,
                    value: 5,
                }]
            } else {
                Vec::new()
            },
        },
    }
}

fn all(full: bool) -> Vec<Payload> {
    let user = || samples::user(full);
    let timestamp = || INSTANT.to_owned();
    let streak = || StreakChange {
        user: user(),
        streak: samples::streak(full),
    };
    let level = || full.then(|| samples::level(full));
    vec![
        Payload::AchievementCompleted {
            user: user(),
            achievement: samples::user_achievement(full),
        },
        Payload::StreakStarted(streak()),
        Payload::StreakExtended(streak()),
        Payload::StreakLost {
            user: user(),
            length: 4,
        },
        Payload::FreezeConsumed {
            user: user(),
            consumed: 1,
            freezes: 0,
        },
        Payload::FreezeEarned {
            user: user(),
            earned: 1,
            freezes: 2,
        },
        Payload::PointsChanged(PointsChange {
            user: user(),
            points: samples::event_points(full, level().map(Some)),
        }),
        Payload::LevelChanged(Box::new(LevelChange {
            user: user(),
            points: Balance {
                system: samples::points(full),
                total: 50,
            },
            previous_level: level(),
            new_level: level(),
        })),
        Payload::BoostStarted(boost(full)),
        Payload::BoostFinished(boost(full)),
        Payload::LeaderboardStarted(rankings(full)),
        Payload::LeaderboardChanged(rankings(full)),
        Payload::LeaderboardFinished(rankings(full)),
        Payload::RankChanged(Box::new(RankChange {
            user: user(),
            leaderboard: RankOnLeaderboard {
                leaderboard: samples::user_leaderboard(full),
                previous_rank: full.then_some(5),
                previous_value: full.then_some(1000),
            },
        })),
        Payload::RecapDue {
            timestamp: timestamp(),
            user: user(),
            recap: Recap {
                period_start: DATE.to_owned(),
                period_end: DATE.to_owned(),
            },
        },
        Payload::ReactivationDue {
            timestamp: timestamp(),
            user: user(),
            reactivation: Reactivation {
                message_number: 1,
                days_since_last_active: 3,
            },
        },
        Payload::StreakReminderDue {
            timestamp: timestamp(),
            user: user(),
            streak: Box::new(app::StreakResponse {
                streak: samples::streak(full),
                extended: full.then(timestamp),
                streak_history: Vec::new(),
                pauses: Vec::new(),
                rank: full.then_some(1),
            }),
        },
        Payload::AchievementDue {
            timestamp: timestamp(),
            user: user(),
            achievement: samples::user_achievement(full),
        },
    ]
}

#[test]
fn payloads_satisfy_the_contract() {
    let contract = Contract::read("trophy/application.json");
    let webhooks = contract.webhooks();
    assert_eq!(webhooks.len(), 18);
    let mut findings = Findings::default();
    for full in [false, true] {
        let mut payloads = Vec::new();
        for payload in all(full) {
            let message = Message {
                payload,
                tenant_id: full.then(|| "acme".to_owned()),
            };
            payloads.push(serde_json::to_value(message).expect("JSON"));
        }
        for (kind, schema) in &webhooks {
            let of_kind: Vec<_> = payloads
                .iter()
                .filter(|one| one["type"] == **kind)
                .collect();
            assert_eq!(of_kind.len(), 1, "{kind}");
            assert_eq!(of_kind[0].get("tenantId").is_some(), full, "{kind}");
            contract.check(schema, of_kind[0], kind, &mut findings);
        }
    }
    crate::assert_sound(&findings);
}

#[test]
fn a_change_of_points_is_read_as_it_was_written() {
    for level in [None, Some(None), Some(Some(samples::level(true)))] {
        let change = PointsChange {
            user: samples::user(true),
            points: samples::event_points(true, level),
        };
        let text = serde_json::to_string(&change).expect("JSON");
        assert_eq!(
            serde_json::from_str::<PointsChange>(&text).expect("the same"),
            change
        );
    }
}
