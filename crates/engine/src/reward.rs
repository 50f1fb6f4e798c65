//! Rewards: which rules pay for what happened, and how much (spec/aworld.md 4.9).

use serde_json::{Value, json};

use crate::amount::Amount;
use crate::apply::Turn;
use crate::definition::ApplicationMode;
use crate::occurrence::{Occurrence, iso, noted, user_view};
use crate::purse;
use crate::rule::{Context, Data};
use crate::rulebook::RewardRuleEntry;

/// Pays what the rules give for an occurrence: all ALWAYS rules whose condition holds, and only if
/// there was none, all FALLBACK rules whose condition holds.
pub(crate) fn pay(turn: &mut Turn<'_>, occurrence: &Occurrence) {
    let catalog = turn.catalog;
    let book = &catalog.book;
    let meant: Vec<&RewardRuleEntry> = book
        .reward_rules()
        .filter(|rule| {
            rule.matcher
                .fits(occurrence.entity, &occurrence.ids, &occurrence.tags)
        })
        .collect();
    if meant.is_empty() {
        return;
    }
    let data = Data::new(&json!({
        "event": occurrence.data,
        // Activities, tags and completions have no state before.
        "previousEvent": Value::Null,
        "user": user_view(book, turn.state),
        "now": iso(turn.now),
    }));
    for mode in [ApplicationMode::Always, ApplicationMode::Fallback] {
        let mut is_fired = false;
        for rule in &meant {
            if rule.stored.body.content.application_mode == mode && holds(turn, rule, &data) {
                is_fired = true;
                pay_rule(turn, rule, &data);
            }
        }
        if is_fired {
            return;
        }
    }
}

fn holds(turn: &mut Turn<'_>, rule: &RewardRuleEntry, data: &Data) -> bool {
    let what = || format!("matchCondition of reward rule {}", rule.stored.body.id);
    noted(
        &mut turn.failures,
        what,
        rule.condition.holds(Context::Root(data)),
    )
}

fn pay_rule(turn: &mut Turn<'_>, rule: &RewardRuleEntry, data: &Data) {
    for reward in &rule.rewards {
        let what = || format!("expression of reward rule {}", rule.stored.body.id);
        let amount = noted(
            &mut turn.failures,
            what,
            reward.amount.amount(Context::Root(data)),
        );
        // Nothing and zero are skipped without a word.
        if let Some(amount) = amount.filter(|amount| *amount != Amount::ZERO) {
            purse::reward(turn, &rule.stored.body.id, reward, amount);
        }
    }
}
