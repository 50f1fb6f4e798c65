//! The rules of one user's streak: the settings of the space with what the user changed of them (spec/trophy.md 2.6), and what else
//! decides about a period. Nothing here changes anything.

use std::collections::BTreeSet;

use crate::amount::Amount;
use crate::calendar::{Frequency, Period, Zone};
use crate::catalog::Catalog;
use crate::definition::{Freezes, StreakMode};
use crate::id::MetricId;
use crate::state::{Correction, Corrections, Pause, Pauses, PeriodMark, Row};
use crate::user::User;

/// How the streak of one user counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// The length of a period.
    pub frequency: Frequency,
    /// Whether the user has a streak at all.
    pub is_enabled: bool,
    /// How the metrics combine.
    pub mode: StreakMode,
    /// What a period needs; empty: no streak ever starts.
    pub needs: Vec<(MetricId, Amount)>,
    /// Weekdays, 0 = Sunday, that neither break a daily streak nor use a freeze.
    pub days_off: BTreeSet<i8>,
    /// Freezes, if there are any.
    pub freezes: Option<Freezes>,
}

impl Rules {
    /// The rules for a user. What the user changed counts while the space lets users change it;
    /// switching the streak off always counts.
    pub fn of(catalog: &Catalog, user: &User) -> Self {
        let settings = &catalog.streak;
        let own = user
            .preferences
            .streak
            .as_ref()
            .filter(|_| settings.is_customizable);
        let is_there = |id: &MetricId| catalog.metric(*id).is_some_and(|found| !found.is_archived);
        let needs = match own.and_then(|own| own.metrics.as_ref()) {
            Some(metrics) => metrics
                .iter()
                .filter(|(metric, _)| is_there(metric))
                .copied()
                .collect(),
            None => settings
                .metrics
                .iter()
                .map(|needed| (needed.metric, Amount::from_units(needed.threshold)))
                .collect(),
        };
        Self {
            frequency: settings.frequency,
            is_enabled: user.preferences.has_streak(),
            mode: own.and_then(|own| own.mode).unwrap_or(settings.mode),
            needs,
            days_off: own
                .and_then(|own| own.days_off.clone())
                .unwrap_or_else(|| settings.days_off.clone()),
            freezes: settings.freezes,
        }
    }

    /// Whether anything the user does can count.
    pub fn can_extend(&self) -> bool {
        self.is_enabled && !self.needs.is_empty()
    }

    pub(super) fn is_day_off(&self, period: Period) -> bool {
        self.frequency == Frequency::Daily
            && self
                .days_off
                .contains(&period.start.weekday().to_sunday_zero_offset())
    }
}

/// Everything besides the streak itself that decides what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// The user's clock.
    pub zone: &'a Zone,
    /// Pauses that may matter.
    pub pauses: &'a Pauses,
    /// Corrections that may matter.
    pub corrections: &'a Corrections,
}

impl<'a> Terms<'a> {
    fn covering(self, period: Period) -> impl Iterator<Item = &'a Pause> {
        self.pauses
            .values()
            .map(Row::get)
            .filter(move |pause| pause.covers(period))
    }

    /// What keeps a streak in a period that is not met, without costing a freeze. Pauses come first.
    pub(super) fn kept_by(self, period: Period) -> Option<PeriodMark> {
        if self.covering(period).next().is_some() {
            Some(PeriodMark::Paused)
        } else if self.rules.is_day_off(period) {
            Some(PeriodMark::DayOff)
        } else if self.zone.date(self.zone.start_of(period.start)) > period.end {
            // The zone itself moved over the date line: nobody there lived this date.
            Some(PeriodMark::Skipped)
        } else {
            None
        }
    }

    /// The first period from one on in which a streak can be lost.
    pub(super) fn at_risk(self, from: Period) -> Period {
        let frequency = self.rules.frequency;
        let mut period = from;
        loop {
            // A pause may last for years: its periods are passed in one step.
            let paused_to = self.covering(period).map(Pause::last).max();
            let next = match paused_to {
                Some(last) => frequency.period(last).next(frequency),
                None if self.rules.is_day_off(period) => period.next(frequency),
                None => return period,
            };
            if next.start <= period.start {
                // The calendar ends here.
                return period;
            }
            period = next;
        }
    }

    /// The corrections that were made in a period, in order.
    pub(super) fn corrections_in(self, period: Period) -> impl Iterator<Item = &'a Correction> {
        self.corrections
            .values()
            .map(Row::get)
            .filter(move |made| period.contains(made.date))
    }
}
