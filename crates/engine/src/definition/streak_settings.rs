//! How streaks work in a space (spec/trophy.md 5.1, 15.6).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Definition, Kind};
use crate::calendar::Frequency;
use crate::id::MetricId;

/// How several metrics combine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreakMode {
    /// One met threshold is enough.
    #[default]
    Or,
    /// All thresholds must be met.
    And,
}

/// How much of a metric a period needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreakMetric {
    /// The metric.
    pub metric: MetricId,
    /// The sum of the period's events must reach this.
    pub threshold: i64,
}

/// What saves a streak once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freezes {
    /// How many a new user gets.
    pub start_count: i64,
    /// How many a user can hold.
    pub max_count: i64,
    /// Every so many days (first) a user earns so many (second).
    pub auto_earn: Option<(i64, i64)>,
    /// When earning was switched on: an anchor for those who were there before.
    pub since: Timestamp,
}

/// The settings of a space.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreakSettings {
    /// The length of a period.
    pub frequency: Frequency,
    /// How the metrics combine.
    pub mode: StreakMode,
    /// Whether users may have their own settings.
    pub is_customizable: bool,
    /// Weekdays, 0 = Sunday, that neither break a daily streak nor use a freeze.
    pub days_off: BTreeSet<i8>,
    /// What a period needs; empty: no streak ever starts.
    pub metrics: Vec<StreakMetric>,
    /// Freezes, if there are any.
    pub freezes: Option<Freezes>,
}

impl Definition for StreakSettings {
    const KIND: Kind = Kind::StreakSettings;

    fn unique_key(&self) -> Option<String> {
        Some("streak".to_owned())
    }

    fn problem(&self) -> Option<String> {
        let freezes = self.freezes.unwrap_or(Freezes {
            start_count: 0,
            max_count: 1,
            auto_earn: None,
            since: Timestamp::UNIX_EPOCH,
        });
        let sentence = if self.days_off.iter().any(|day| !(0..=6).contains(day)) {
            "daysOff must be weekdays from 0 (Sunday) to 6"
        } else if self.days_off.len() > 6 {
            "daysOff must leave at least one weekday"
        } else if !self.days_off.is_empty() && self.frequency != Frequency::Daily {
            "daysOff are only possible with a daily frequency"
        } else if self
            .metrics
            .iter()
            .any(|metric| !(1..=10_000).contains(&metric.threshold))
        {
            "threshold must be between 1 and 10000"
        } else if !(0..=100).contains(&freezes.start_count) {
            "freezes.startCount must be between 0 and 100"
        } else if !(1..=100).contains(&freezes.max_count) {
            "freezes.maxCount must be between 1 and 100"
        } else if freezes.max_count < freezes.start_count {
            "freezes.maxCount must not be below freezes.startCount"
        } else if freezes
            .auto_earn
            .is_some_and(|(every, _)| !(1..=365).contains(&every))
        {
            "freezes.autoEarnInterval must be between 1 and 365"
        } else if freezes
            .auto_earn
            .is_some_and(|(_, amount)| !(1..=10).contains(&amount))
        {
            "freezes.autoEarnAmount must be between 1 and 10"
        } else {
            return None;
        };
        Some(sentence.to_owned())
    }
}
