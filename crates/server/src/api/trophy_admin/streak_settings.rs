//! How streaks work in a space (spec/trophy.md 5.1, 15.6).

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use engine::calendar::Frequency;
use engine::catalog::Catalog;
use engine::definition::{Definition, Freezes, StreakMetric, StreakMode, StreakSettings};
use jiff::Timestamp;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch;
use crate::app::App;
use crate::body::RawBody;
use crate::door::AdminCaller;
use crate::problem::{Problem, Result};

fn shown(settings: &StreakSettings, catalog: &Catalog) -> w::StreakSettings {
    w::StreakSettings {
        frequency: match settings.frequency {
            Frequency::Daily => w::StreakFrequency::Daily,
            Frequency::Weekly => w::StreakFrequency::Weekly,
            Frequency::Monthly => w::StreakFrequency::Monthly,
        },
        evaluation_mode: match settings.mode {
            StreakMode::Or => w::EvaluationMode::Or,
            StreakMode::And => w::EvaluationMode::And,
        },
        customization_enabled: settings.is_customizable,
        days_off: settings
            .days_off
            .iter()
            .map(|day| i64::from(*day))
            .collect(),
        metrics: settings
            .metrics
            .iter()
            .filter_map(|needed| {
                let metric = catalog
                    .metric(needed.metric)
                    .filter(|metric| !metric.is_archived)?;
                let key = metric.body.key.clone();
                Some(w::StreakSettingsMetric {
                    key,
                    threshold: needed.threshold,
                })
            })
            .collect(),
        freezes: settings.freezes.map(|freezes| w::StreakSettingsFreezes {
            start_count: freezes.start_count,
            max_count: freezes.max_count,
            auto_earn_interval: freezes.auto_earn.map(|(every, _)| every),
            auto_earn_amount: freezes.auto_earn.map(|(_, amount)| amount),
        }),
    }
}

/// The settings after a change: members that were not sent stay. An error names what cannot be.
fn merged(
    before: &StreakSettings,
    change: w::UpdateStreakSettingsRequest,
    catalog: &Catalog,
    now: Timestamp,
) -> std::result::Result<StreakSettings, String> {
    let mut settings = before.clone();
    if let Some(frequency) = change.frequency {
        settings.frequency = match frequency {
            w::StreakFrequency::Daily => Frequency::Daily,
            w::StreakFrequency::Weekly => Frequency::Weekly,
            w::StreakFrequency::Monthly => Frequency::Monthly,
        };
    }
    if settings.frequency != Frequency::Daily {
        settings.days_off.clear();
    }
    if let Some(mode) = change.evaluation_mode {
        settings.mode = match mode {
            w::EvaluationMode::Or => StreakMode::Or,
            w::EvaluationMode::And => StreakMode::And,
        };
    }
    settings.is_customizable = change
        .customization_enabled
        .unwrap_or(settings.is_customizable);
    if let Some(days) = change.days_off {
        settings.days_off = BTreeSet::new();
        for day in days {
            let day = i8::try_from(day)
                .map_err(|_| "daysOff must be weekdays from 0 (Sunday) to 6".to_owned())?;
            if !settings.days_off.insert(day) {
                return Err(format!("daysOff names {day} twice"));
            }
        }
    }
    if let Some(metrics) = change.metrics {
        settings.metrics = needed(metrics, catalog)?;
    }
    settings.freezes = match change.freezes {
        Patch::Absent => settings.freezes,
        Patch::Null => None,
        Patch::Value(sent) => Some(freezes(&sent, before.freezes, now)?),
    };
    settings.problem().map_or(Ok(settings), Err)
}

/// What a period needs, by the keys of metrics.
fn needed(
    metrics: Vec<w::StreakSettingsMetric>,
    catalog: &Catalog,
) -> std::result::Result<Vec<StreakMetric>, String> {
    if metrics.is_empty() {
        return Err("metrics must name at least one metric".to_owned());
    }
    let mut needed: Vec<StreakMetric> = Vec::new();
    for w::StreakSettingsMetric { key, threshold } in metrics {
        let metric = catalog
            .metric_by_key(&key)
            .map(|metric| metric.id.into())
            .ok_or_else(|| format!("metrics: there is no metric with the key {key:?}"))?;
        if needed.iter().any(|other| other.metric == metric) {
            return Err(format!("metrics names {key:?} twice"));
        }
        needed.push(StreakMetric { metric, threshold });
    }
    Ok(needed)
}

/// Earning counts from now when it is switched on, its numbers change or the maximum rises: what found no
/// room before is not owed.
fn freezes(
    sent: &w::StreakSettingsFreezes,
    before: Option<Freezes>,
    now: Timestamp,
) -> std::result::Result<Freezes, String> {
    let auto_earn = match (sent.auto_earn_interval, sent.auto_earn_amount) {
        (Some(every), Some(amount)) => Some((every, amount)),
        (None, None) => None,
        _ => {
            let sentence = "freezes.autoEarnInterval and freezes.autoEarnAmount go together";
            return Err(sentence.to_owned());
        }
    };
    let since = before
        .filter(|before| before.auto_earn == auto_earn && before.max_count >= sent.max_count)
        .map_or(now, |before| before.since);
    Ok(Freezes {
        start_count: sent.start_count,
        max_count: sent.max_count,
        auto_earn,
        since,
    })
}

/// Shows the streak settings.
#[utoipa::path(
    get, path = "/streaks/settings", operation_id = "admin_streaks_settings_get", tag = "Streaks",
    responses(
        (status = 200, description = "The settings.", body = w::StreakSettings),
    ),
)]
pub async fn get_streak_settings(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
) -> Result<Json<w::StreakSettings>> {
    app.read(&caller, |view| {
        Ok(Json(shown(&view.catalog.streak, &view.catalog)))
    })
    .await
}

/// Changes the streak settings, member by member; all or nothing.
#[utoipa::path(
    patch, path = "/streaks/settings", operation_id = "admin_streaks_settings_update",
    tag = "Streaks",
    request_body = w::UpdateStreakSettingsRequest,
    responses(
        (status = 200, description = "The settings after the change.", body = w::StreakSettings),
    ),
)]
pub async fn update_streak_settings(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    body: RawBody,
) -> Result<Json<w::StreakSettings>> {
    let change = batch::object(&body)?;
    app.configure(&caller, move |configuration| {
        // What is stored, not what is in force: a deleted metric stays mentioned.
        let before = store::definition::streak_settings(configuration.tx, configuration.space)?;
        let settings = merged(
            &before.map(|before| before.body).unwrap_or_default(),
            change,
            &configuration.catalog,
            configuration.now,
        )
        .map_err(Problem::unprocessable)?;
        let shown = shown(&settings, &configuration.catalog);
        if configuration.keep_only(settings)? {
            configuration.resettle();
        } else {
            configuration.unchanged();
        }
        Ok(Json(shown))
    })
    .await
}

#[cfg(test)]
mod tests {
    use engine::catalog::Definitions;
    use engine::definition::{Metric, Stored, UnitType};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn catalog() -> Catalog {
        let metric = |number: u128, key: &str| Stored {
            id: Uuid::from_u128(number),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            is_archived: false,
            body: Metric {
                name: key.into(),
                key: key.into(),
                unit_type: UnitType::Number,
                units: String::new(),
            },
        };
        let metrics = vec![metric(1, "words"), metric(2, "pages")];
        Catalog::compile(
            1,
            Definitions {
                metrics,
                ..Definitions::default()
            },
        )
    }

    fn change(
        before: &StreakSettings,
        change: serde_json::Value,
    ) -> std::result::Result<StreakSettings, String> {
        let change = serde_json::from_value(change).unwrap();
        merged(
            before,
            change,
            &catalog(),
            Timestamp::from_second(100).unwrap(),
        )
    }

    #[test]
    fn members_that_were_not_sent_stay() {
        let metrics = json!([{"key": "words", "threshold": 5}]);
        let one = change(
            &StreakSettings::default(),
            json!({"metrics": metrics, "daysOff": [0, 6]}),
        )
        .unwrap();
        let two = change(&one, json!({"evaluationMode": "AND"})).unwrap();
        assert_eq!(two.metrics, one.metrics);
        assert_eq!(two.days_off, BTreeSet::from([0, 6]));
        assert_eq!(two.mode, StreakMode::And);
        let weekly = change(&two, json!({"frequency": "weekly"})).unwrap();
        assert_eq!(weekly.days_off, BTreeSet::new());
        assert_eq!(shown(&weekly, &catalog()).metrics[0].key, "words");
    }

    #[test]
    fn violations_are_refused() {
        for wrong in [
            json!({"daysOff": [1, 1]}),
            json!({"daysOff": [7]}),
            json!({"daysOff": [300]}),
            json!({"daysOff": [0, 1, 2, 3, 4, 5, 6]}),
            json!({"frequency": "weekly", "daysOff": [1]}),
            json!({"metrics": []}),
            json!({"metrics": [{"key": "none", "threshold": 5}]}),
            json!({"metrics": [{"key": "words", "threshold": 0}]}),
            json!({"metrics": [{"key": "words", "threshold": 1}, {"key": "words", "threshold": 2}]}),
            json!({"freezes": {"startCount": 5, "maxCount": 4}}),
            json!({"freezes": {"startCount": 0, "maxCount": 101}}),
            json!({"freezes": {"startCount": 0, "maxCount": 4, "autoEarnAmount": 1}}),
            json!({"freezes": {"startCount": 0, "maxCount": 4, "autoEarnAmount": 1,
                               "autoEarnInterval": 0}}),
        ] {
            assert!(
                change(&StreakSettings::default(), wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn earning_counts_anew_only_when_its_numbers_change() {
        let earning = |max, amount| {
            json!({"freezes": {"startCount": 1, "maxCount": max, "autoEarnInterval": 7,
                               "autoEarnAmount": amount}})
        };
        let mut before = change(&StreakSettings::default(), earning(3, 1)).unwrap();
        let since = |settings: &StreakSettings| settings.freezes.unwrap().since;
        assert_eq!(since(&before), Timestamp::from_second(100).unwrap());
        if let Some(freezes) = &mut before.freezes {
            freezes.since = Timestamp::UNIX_EPOCH;
        }
        let changed = Timestamp::from_second(100).unwrap();
        for (max, amount, expected) in [
            (3, 1, Timestamp::UNIX_EPOCH),
            (2, 1, Timestamp::UNIX_EPOCH),
            // What found no room under the old maximum is not owed under the new one.
            (4, 1, changed),
            (3, 2, changed),
        ] {
            let after = change(&before, earning(max, amount)).unwrap();
            assert_eq!(since(&after), expected, "{max} {amount}");
        }
        assert_eq!(
            change(&before, json!({"freezes": null})).unwrap().freezes,
            None
        );
    }
}
