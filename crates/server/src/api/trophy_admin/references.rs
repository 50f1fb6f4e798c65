//! Definitions that name other definitions: what must exist, and what is in use (spec/trophy.md 13.3, AMB-55).

use engine::definition::{
    Achievement, AchievementTrigger, Attribute, AttributeKind, Board, Filter, Metric, PointsBoost,
    PointsSystem, PointsTrigger, TriggerRule,
};
use engine::id::{AchievementId, AttributeId, CurrencyId, MetricId};
use jiff::civil::Date;
use uuid::Uuid;
use wire::Patch;
use wire::trophy_admin as w;

use super::batch::{Fault, ItemResult, Shown, parse_id};
use crate::app::Configuration;
use crate::query;

/// As a limit of a list: all definitions of a kind.
pub const ALL: i64 = i64::MAX;

/// Reads a date of an item.
pub fn date(name: &str, text: &str) -> ItemResult<Date> {
    query::date(name, text).map_err(|problem| Fault::Issue(problem.message))
}

/// Reads filters and checks that their attributes exist and are of a kind.
pub fn filters(
    configuration: &mut Configuration<'_, '_>,
    filters: Vec<w::AdminAttributeFilter>,
    kind: AttributeKind,
) -> ItemResult<Vec<Filter>> {
    filters
        .into_iter()
        .map(|filter| {
            let attribute = attribute(configuration, &filter.attribute_id, kind)?;
            Ok(Filter {
                attribute,
                value: filter.attribute_value,
            })
        })
        .collect()
}

/// The filters after an update: those before if they were not sent, none for null.
pub fn filters_after(
    configuration: &mut Configuration<'_, '_>,
    before: Vec<Filter>,
    patch: Patch<Vec<w::AdminAttributeFilter>>,
    kind: AttributeKind,
) -> ItemResult<Vec<Filter>> {
    match patch {
        Patch::Absent => Ok(before),
        Patch::Null => Ok(Vec::new()),
        Patch::Value(sent) => filters(configuration, sent, kind),
    }
}

/// Reads the id of a metric that must exist.
pub fn metric(configuration: &mut Configuration<'_, '_>, id: &str) -> ItemResult<MetricId> {
    existing::<Metric>(configuration, id).map(MetricId)
}

/// Reads the id of an achievement that must exist.
pub fn achievement(
    configuration: &mut Configuration<'_, '_>,
    id: &str,
) -> ItemResult<AchievementId> {
    existing::<Achievement>(configuration, id).map(AchievementId)
}

/// Reads the id of a points system that must exist.
pub fn points_system(
    configuration: &mut Configuration<'_, '_>,
    id: &str,
) -> ItemResult<CurrencyId> {
    existing::<PointsSystem>(configuration, id).map(CurrencyId)
}

fn existing<K: Shown>(configuration: &mut Configuration<'_, '_>, id: &str) -> ItemResult<Uuid> {
    let missing = || Fault::Issue(format!("there is no {} {id:?}", K::NAME.to_lowercase()));
    let uuid = parse_id(id).map_err(|_| missing())?;
    store::definition::find::<K>(configuration.tx, configuration.space, uuid)?
        .map(|found| found.id)
        .ok_or_else(missing)
}

/// Reads the id of an attribute that must exist and be of a kind.
pub fn attribute(
    configuration: &mut Configuration<'_, '_>,
    id: &str,
    kind: AttributeKind,
) -> ItemResult<AttributeId> {
    let name = match kind {
        AttributeKind::User => "user",
        AttributeKind::Event => "event",
    };
    let missing = || Fault::Issue(format!("there is no {name} attribute {id:?}"));
    let uuid = parse_id(id).map_err(|_| missing())?;
    let found = store::definition::find::<Attribute>(configuration.tx, configuration.space, uuid)?;
    found
        .filter(|found| found.body.kind == kind)
        .map(|found| AttributeId(found.id))
        .ok_or_else(missing)
}

/// Shows filters.
pub fn shown(filters: &[Filter]) -> Vec<w::AdminAttributeFilter> {
    filters
        .iter()
        .map(|filter| w::AdminAttributeFilter {
            attribute_id: filter.attribute.to_string(),
            attribute_value: filter.value.clone(),
        })
        .collect()
}

/// Refuses to delete an attribute that filters or breakdowns name.
pub fn refuse_used_attribute(
    configuration: &mut Configuration<'_, '_>,
    id: Uuid,
) -> ItemResult<()> {
    let id = AttributeId(id);
    let (tx, space) = (&mut *configuration.tx, configuration.space);
    let uses = |filters: &[Filter]| filters.iter().any(|filter| filter.attribute == id);
    let mut users = Vec::new();
    for stored in store::definition::list::<Achievement>(tx, space, ALL, 0)? {
        let by_events = match &stored.body.trigger {
            AchievementTrigger::Metric { event_filters, .. } => uses(event_filters),
            _ => false,
        };
        if by_events || uses(&stored.body.user_filters) {
            users.push(format!("achievement {:?}", stored.body.name));
        }
    }
    for stored in store::definition::list::<PointsTrigger>(tx, space, ALL, 0)? {
        let by_events = match &stored.body.rule {
            TriggerRule::Metric { event_filters, .. } => uses(event_filters),
            _ => false,
        };
        if by_events || uses(&stored.body.user_filters) {
            users.push(format!("points trigger {}", stored.id));
        }
    }
    for stored in store::definition::list::<PointsBoost>(tx, space, ALL, 0)? {
        if uses(&stored.body.user_filters) {
            users.push(format!("points boost {:?}", stored.body.name));
        }
    }
    for stored in store::definition::list::<Board>(tx, space, ALL, 0)? {
        if stored.body.breakdown.contains(&id) || uses(&stored.body.user_filters) {
            users.push(format!("leaderboard {:?}", stored.body.name));
        }
    }
    if users.is_empty() {
        return Ok(());
    }
    Err(format!("Attribute is in use by {}", users.join(", ")).into())
}
