//! What commands do to the streak of their user, and to the preferences that shape it (spec/trophy.md 2.5, 2.6, 5, 13.13, 15.3).

use jiff::civil::Date;

use super::{Rules, Terms, correction, extend, recount, settle};
use crate::amount::Amount;
use crate::apply::Turn;
use crate::calendar::Zone;
use crate::command::{ChangePreferences, Refusal};
use crate::id::{MetricId, PauseId};
use crate::leaderboard;
use crate::outcome::{Notice, Reply};
use crate::preferences::{Preferences, StreakPreferences};
use crate::state::{Correction, Pause, Row, Streak, StreakPeriod};
use crate::user::Change;

/// The most pauses of one user: every decision about a paused streak looks at them.
const PAUSES_MAX: usize = 1_000;

impl Turn<'_> {
    pub(crate) fn rules(&self) -> Rules {
        Rules::of(self.catalog, self.state.user.get())
    }

    pub(crate) fn terms<'a>(&'a self, rules: &'a Rules, zone: &'a Zone) -> Terms<'a> {
        Terms {
            rules,
            zone,
            pauses: &self.state.pauses,
            corrections: &self.state.corrections,
        }
    }

    fn record_periods(&mut self, periods: Vec<StreakPeriod>) {
        let past = periods.iter().map(|period| (period.start, *period));
        self.state.past.extend(past);
        self.appended.periods.extend(periods);
    }

    /// Brings the streak and its freezes up to now.
    pub(crate) fn settle_streak(&mut self) {
        let rules = self.rules();
        let zone = self.zone();
        let length = self.streak_length();
        let mut streak = self.streak();
        if self.state.streak.is_some() && streak.frequency != rules.frequency {
            let terms = self.terms(&rules, &zone);
            let (days, past) = (&self.state.days, &self.state.past);
            let periods = recount(terms, &mut streak, days, past, self.now);
            self.record_periods(periods);
            self.keep_streak(streak.clone());
        }
        let settled = settle(self.terms(&rules, &zone), &mut streak, self.now);
        if settled.is_changed {
            self.keep_streak(streak);
            self.record_periods(settled.periods);
            if rules.is_enabled {
                self.notices.extend(settled.notices);
            }
        }
        if self.streak_length() != length {
            leaderboard::follow_streak(self);
        }
    }

    /// Extends the streak if this event met the period, and notes where the user acted.
    pub(crate) fn extend_streak(&mut self, today: Date) -> bool {
        let rules = self.rules();
        if !rules.can_extend() {
            return false;
        }
        let zone = self.zone();
        let mut streak = self.streak();
        let mut periods = Vec::new();
        let is_extended = extend(
            self.terms(&rules, &zone),
            &mut streak,
            &self.state.days,
            today,
            self.now,
            &mut periods,
        );
        // Without a zone the user lived by UTC, which a first zone must not make forgotten.
        let tz = self.state.user.get().tz.as_deref().unwrap_or("UTC");
        let is_elsewhere = streak.length > 0 && streak.zone.as_deref() != Some(tz);
        if is_elsewhere {
            streak.zone = Some(tz.to_owned());
        }
        // Also without a streak: the row says in which frequency the user was last counted, so that a
        // switch counts anew who met no period of the old one.
        self.keep_streak(streak);
        self.record_periods(periods);
        if is_elsewhere {
            // A freeze may be due here that was not yet due where the user came from.
            self.settle();
        }
        if is_extended {
            let view = self.streak_view();
            self.notices.push(if view.length == 1 {
                Notice::StreakStarted(view)
            } else {
                Notice::StreakExtended(view)
            });
        }
        is_extended
    }

    /// Brings a known user up to now, changes something of the streak, and lets boards and the schedule
    /// follow.
    fn operate<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.settle();
        let changed = change(self)?;
        leaderboard::follow_streak(self);
        leaderboard::follow(self, None, false);
        self.schedule();
        Ok(changed)
    }

    fn check_known(&self) -> Result<(), Refusal> {
        if self.state.is_new {
            let id = self.state.user.get().external_id.clone();
            return Err(Refusal::NotFound("user", id));
        }
        Ok(())
    }

    /// Gives as many freezes as there is room for (spec/trophy.md 13.13).
    pub(crate) fn grant_freezes(&mut self, count: i64) -> Result<Reply, Refusal> {
        let freezes = self.catalog.streak.freezes;
        let freezes = freezes.ok_or(Refusal::NotInUse("streak freezes"))?;
        self.check_known()?;
        self.operate(|turn| {
            let mut streak = turn.streak();
            let room = freezes.max_count.saturating_sub(streak.freezes).max(0);
            let earned = count.min(room);
            if earned > 0 {
                streak.freezes = streak.freezes.saturating_add(earned);
                let freezes = streak.freezes;
                turn.keep_streak(streak);
                if turn.rules().is_enabled {
                    turn.notices.push(Notice::FreezeEarned { earned, freezes });
                }
            }
            Ok(Reply::Freezes(earned))
        })
    }

    /// Pauses the streak from a date to another (spec/trophy.md 5.7).
    pub(crate) fn pause_streak(&mut self, start: Date, end: Date) -> Result<Reply, Refusal> {
        self.check_known()?;
        if start < self.today() {
            return invalid("start must not be before today in the time zone of the user");
        }
        if end < start {
            return invalid("end must not be before start");
        }
        if self.state.pauses.len() >= PAUSES_MAX {
            return invalid("the user has too many pauses");
        }
        self.operate(|turn| {
            let id = PauseId(turn.ids.uuid(turn.now));
            let pause = Pause {
                start,
                end,
                archived: None,
            };
            turn.state.pauses.insert(id, Row::fresh(pause));
            let mut streak = turn.streak();
            streak.paused_to = Some(streak.paused_to.map_or(end, |to| to.max(end)));
            turn.keep_streak(streak);
            Ok(Reply::Pause(id))
        })
    }

    /// Takes a pause back; the days it has covered stay covered.
    pub(crate) fn archive_pause(&mut self, id: PauseId) -> Result<Reply, Refusal> {
        self.check_known()?;
        let is_there = |row: &Row<Pause>| row.get().archived.is_none();
        if !self.state.pauses.get(&id).is_some_and(is_there) {
            return Err(Refusal::NotFound("streak pause", id.to_string()));
        }
        self.operate(|turn| {
            let today = turn.today();
            if let Some(row) = turn.state.pauses.get_mut(&id) {
                row.edit().archived = Some(today);
            }
            Ok(Reply::Done)
        })
    }

    /// Gives the longest streak of late back (spec/trophy.md 5.8). Nobody is told and nothing is paid.
    pub(crate) fn restore_streak(&mut self) -> Result<Reply, Refusal> {
        self.check_known()?;
        self.operate(|turn| {
            let (rules, zone) = (turn.rules(), turn.zone());
            let mut streak = turn.streak();
            let done = if rules.is_enabled {
                let (days, past) = (&turn.state.days, &turn.state.past);
                correction::restore(turn.terms(&rules, &zone), &mut streak, days, past, turn.now)
            } else {
                None
            };
            Ok(Reply::Corrected(turn.correct_streak(streak, done)))
        })
    }

    /// Ends the streak at once (spec/trophy.md 15.3).
    pub(crate) fn reset_streak(&mut self) -> Result<Reply, Refusal> {
        self.check_known()?;
        self.operate(|turn| {
            let ended = turn.end_streak();
            if let Some(length) = ended {
                // Whoever listens must learn of it (AMB-66).
                turn.notices.push(Notice::StreakLost { length });
            }
            Ok(Reply::Corrected(ended.is_some()))
        })
    }

    /// Ends the streak at once; answers how long it was.
    fn end_streak(&mut self) -> Option<i64> {
        let (rules, zone) = (self.rules(), self.zone());
        let mut streak = self.streak();
        let days = &self.state.days;
        let done = correction::reset(self.terms(&rules, &zone), &mut streak, days, self.now);
        let length = done.as_ref().map(|(done, _)| done.length);
        self.correct_streak(streak, done);
        length
    }

    /// Keeps what a correction led to; says whether there was one.
    fn correct_streak(
        &mut self,
        streak: Streak,
        done: Option<(Correction, Vec<StreakPeriod>)>,
    ) -> bool {
        let Some((correction, periods)) = done else {
            return false;
        };
        self.keep_streak(streak);
        self.state
            .corrections
            .insert(self.now, Row::fresh(correction));
        self.record_periods(periods);
        true
    }

    /// Changes what the user wants to be told and how the streak counts (spec/trophy.md 2.5, 2.6).
    pub(crate) fn change_preferences(
        &mut self,
        change: &ChangePreferences,
    ) -> Result<Reply, Refusal> {
        self.check_known()?;
        let preferences = self.changed_preferences(change)?;
        // Midnights before the change are judged by the rules of then.
        self.operate(|turn| {
            if turn.state.user.get().preferences != preferences {
                let user = turn.state.user.edit();
                user.preferences = preferences;
                user.updated = turn.now;
            }
            if !turn.rules().is_enabled {
                // As a reset, but nobody is told of it.
                turn.end_streak();
            }
            Ok(Reply::User(Box::new(turn.state.user.get().clone())))
        })
    }

    fn changed_preferences(&self, change: &ChangePreferences) -> Result<Preferences, Refusal> {
        let ChangePreferences {
            messages,
            is_enabled,
            mode,
            metrics,
            days_off,
        } = change;
        let is_own = *mode != Change::Keep || *metrics != Change::Keep || *days_off != Change::Keep;
        if is_own && !self.catalog.streak.is_customizable {
            return Err(Refusal::NotAllowed("customization of streaks"));
        }
        let metrics = match metrics {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(metrics) => Change::Set(self.needed(metrics)?),
        };
        if let Change::Set(days) = days_off {
            if days.iter().any(|day| !(0..=6).contains(day)) {
                return invalid("streak.daysOff must be weekdays from 0 (Sunday) to 6");
            }
            if days.len() > 6 {
                return invalid("streak.daysOff must leave at least one weekday");
            }
        }
        let mut preferences = self.state.user.get().preferences.clone();
        preferences.messages.extend(
            messages
                .iter()
                .map(|(kind, channels)| (*kind, channels.clone())),
        );
        let mut own = preferences.streak.take().unwrap_or_default();
        is_enabled.apply(&mut own.is_enabled);
        mode.apply(&mut own.mode);
        metrics.apply(&mut own.metrics);
        days_off.apply(&mut own.days_off);
        preferences.streak = (own != StreakPreferences::default()).then_some(own);
        Ok(preferences)
    }

    /// The metrics that a user wants to count, by their keys.
    fn needed(&self, metrics: &[(String, Amount)]) -> Result<Vec<(MetricId, Amount)>, Refusal> {
        if metrics.is_empty() {
            return invalid("streak.metrics must name at least one metric");
        }
        let mut needed: Vec<(MetricId, Amount)> = Vec::with_capacity(metrics.len());
        for (key, threshold) in metrics {
            let Some(metric) = self.catalog.metric_by_key(key) else {
                return invalid(&format!(
                    "streak.metrics: there is no metric with the key {key:?}"
                ));
            };
            let metric = MetricId(metric.id);
            if needed.iter().any(|(other, _)| *other == metric) {
                return invalid(&format!("streak.metrics names {key:?} twice"));
            }
            if *threshold <= Amount::ZERO {
                return invalid("streak.metrics: threshold must be above 0");
            }
            needed.push((metric, *threshold));
        }
        Ok(needed)
    }
}

fn invalid<T>(why: &str) -> Result<T, Refusal> {
    Err(Refusal::Invalid(why.to_owned()))
}
