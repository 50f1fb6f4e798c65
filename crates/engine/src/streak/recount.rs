//! Counting a streak anew, as a switch of the frequency needs (spec/trophy.md 5.1, AMB-68).
//!
//! What the frequency recorded while it was in force stands: freezes that were used, pauses, restores. For the times in which it was
//! not in force the day sums decide, without spending freezes in hindsight.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Days, Terms, is_met, settled_date};
use crate::calendar::{Period, days_after};
use crate::state::{Correction, CorrectionKind, PeriodMark, Streak, StreakPeriod};

/// Counts a streak anew. `days`: all day sums of the user; `past`: what is recorded in the frequency
/// in force. Answers the periods as they are now.
pub fn recount(
    terms: Terms<'_>,
    streak: &mut Streak,
    days: &Days,
    past: &BTreeMap<Date, StreakPeriod>,
    now: Timestamp,
) -> Vec<StreakPeriod> {
    let frequency = terms.rules.frequency;
    let closed_to = settled_date(streak, terms.zone, now);
    let dates: BTreeSet<Date> = days.keys().map(|(_, date)| *date).collect();
    let mut walk = Walk {
        terms,
        days,
        dates: &dates,
        closed_to,
        streak: Streak {
            frequency,
            length: 0,
            started: None,
            met: None,
            open_from: frequency.period(closed_to).start,
            ..streak.clone()
        },
        ended: None,
        periods: Vec::new(),
    };
    if let (Some(first), Some(last), true) = (dates.first(), dates.last(), terms.rules.is_enabled) {
        let end = terms.zone.date(now).max(*last);
        let mut period = frequency.period(*first);
        while period.start <= end {
            let recorded = past
                .get(&period.start)
                .filter(|recorded| recorded.frequency == frequency);
            walk.pass(period, recorded);
            let next = period.next(frequency);
            if next.start <= period.start {
                break;
            }
            period = next;
        }
    }
    if walk.streak.length == 0 {
        walk.streak.open_from = frequency.period(closed_to).start;
    }
    *streak = walk.streak;
    walk.periods
}

/// A walk through all periods.
struct Walk<'a> {
    terms: Terms<'a>,
    days: &'a Days,
    dates: &'a BTreeSet<Date>,
    closed_to: Date,
    streak: Streak,
    /// What the last reset ended, for a restore that undoes it.
    ended: Option<(i64, Option<Date>)>,
    periods: Vec<StreakPeriod>,
}

impl<'a> Walk<'a> {
    fn pass(&mut self, period: Period, recorded: Option<&StreakPeriod>) {
        let (reset, is_restored) = self.correct(period);
        // What was recorded before a reset of another frequency's days says nothing of what came after.
        let was_met = recorded.is_some_and(|recorded| recorded.mark == PeriodMark::Met)
            && reset.is_none_or(|reset| reset.frequency == self.streak.frequency);
        let met_on = self.met_on(period, reset);
        if was_met || (met_on.is_some() && !is_restored) {
            let length = self.streak.length.saturating_add(1);
            self.streak.length = length;
            if length == 1 {
                self.streak.started = Some(met_on.unwrap_or(period.start));
            }
            self.streak.met = Some(period.start);
            self.streak.open_from = period.start;
            self.ended = None;
            self.mark(period, PeriodMark::Met);
            return;
        }
        if reset.is_some() {
            self.mark(period, PeriodMark::Reset);
        }
        let after = days_after(period.end, 1);
        if after > self.closed_to {
            return;
        }
        let kept = match recorded {
            Some(recorded) if recorded.mark == PeriodMark::Restored && recorded.length > 0 => {
                self.streak.length = recorded.length;
                Some(PeriodMark::Restored)
            }
            Some(recorded) if is_kept(recorded.mark) => Some(recorded.mark),
            _ => self.terms.kept_by(period),
        };
        if self.streak.length == 0 {
            return;
        }
        if let Some(mark) = kept {
            self.streak.open_from = after;
            self.mark(period, mark);
        } else {
            self.streak.length = 0;
            self.streak.started = None;
        }
    }

    /// Carries out the corrections of a period; answers the reset that still counts, and whether the
    /// streak was given back in this frequency. A restore in another frequency only undoes the reset
    /// before it.
    fn correct(&mut self, period: Period) -> (Option<&'a Correction>, bool) {
        let mut reset = None;
        let mut is_restored = false;
        for made in self.terms.corrections_in(period) {
            match made.kind {
                CorrectionKind::Reset { .. } => {
                    self.ended = Some((self.streak.length, self.streak.started));
                    (self.streak.length, self.streak.started) = (0, None);
                    reset = Some(made);
                    is_restored = false;
                }
                CorrectionKind::Restored if made.frequency == self.streak.frequency => {
                    (self.streak.length, self.streak.started) = (made.length, made.started);
                    reset = None;
                    is_restored = true;
                }
                CorrectionKind::Restored => {
                    if let Some(ended) = self.ended.take() {
                        (self.streak.length, self.streak.started) = ended;
                        reset = None;
                    }
                }
            }
        }
        (reset, is_restored)
    }

    /// The date on which a period was first met, by the day sums.
    fn met_on(&self, period: Period, reset: Option<&Correction>) -> Option<Date> {
        self.dates
            .range(period.start..=period.end)
            .copied()
            .find(|date| {
                // Only the days up to this date decide on which date the period was met.
                let so_far = Period {
                    start: period.start,
                    end: *date,
                };
                is_met(self.terms.rules, self.days, so_far, reset)
            })
    }

    fn mark(&mut self, period: Period, mark: PeriodMark) {
        self.periods.push(StreakPeriod {
            frequency: self.streak.frequency,
            start: period.start,
            length: self.streak.length,
            mark,
        });
    }
}

/// Whether what a period was marked with keeps a streak that was not extended.
fn is_kept(mark: PeriodMark) -> bool {
    match mark {
        PeriodMark::Freeze | PeriodMark::DayOff | PeriodMark::Skipped | PeriodMark::Paused => true,
        PeriodMark::Met | PeriodMark::Restored | PeriodMark::Reset => false,
    }
}
