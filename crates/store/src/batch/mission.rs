//! The missions of the users of a batch and of their groups, and the periods for which rules have made some.

use std::collections::{BTreeMap, BTreeSet};

use engine::definition::MissionType;
use engine::id::{MissionRuleId, TagId};
use engine::outcome::MissionLog;
use engine::rulebook::MissionRuleEntry;
use engine::state::{Mission, Owner, Row};
use jiff::Timestamp;

use super::load::{number, position_at, user_columns};
use super::save::changed;
use super::want::{self, Want, Wants};
use super::{Catalogs, Decided, Group, Item, Member, WorkingSet};
use crate::Result;
use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::job::{self, Task};
use crate::mission::{mission, select_missions};

/// Loads the open missions of users and what their rules have evaluated, where there can be missions.
pub(super) fn load(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    let wants = || {
        wants
            .iter()
            .filter(|(_, want)| want.catalog.book.has_missions())
    };
    tx.look_up(
        select_missions!(
            ", k.i from {keys(i bigint, space_id bigint, user_id bigint)} k
             join mission m on m.space_id = k.space_id and m.user_id = k.user_id
                           and m.user_id is not null and m.is_open"
        ),
        &user_columns(wants()),
        |row| {
            let mission = mission(row)?;
            let state = &mut set.members[position_at(row, 17)?].state;
            state.missions.insert(mission.id, Row::stored(mission));
            Ok(())
        },
    )?;
    let keys: Vec<(usize, &Want, MissionRuleId)> = wants()
        .flat_map(|(index, want)| {
            let rules = want.catalog.book.mission_rules();
            rules
                .filter(|rule| rule.body().mission_type == MissionType::Individual)
                .map(MissionRuleEntry::id)
                .chain(want.payments.iter().copied())
                .map(move |rule| (*index, want, rule))
        })
        .collect();
    tx.look_up(
        "select k.i, e.rule_id, e.period
         from {keys(i bigint, space_id bigint, user_id bigint, rule_id uuid)} k
         join mission_evaluation e on e.space_id = k.space_id and e.user_id = k.user_id
                                  and e.rule_id = k.rule_id",
        &[
            Column::Int(keys.iter().map(|key| number(key.0)).collect()),
            Column::Int(keys.iter().map(|key| key.1.space.id()).collect()),
            Column::Int(keys.iter().map(|key| key.1.user.0).collect()),
            Column::Uuid(keys.iter().map(|key| key.2.0).collect()),
        ],
        |row| {
            let state = &mut set.members[position_at(row, 0)?].state;
            state
                .evaluations
                .insert(MissionRuleId(row.get(1)?), Row::stored(row.get(2)?));
            Ok(())
        },
    )?;
    Ok(())
}

/// Holds the groups of the users of a batch and loads what they share. The row that is held is that
/// of the tag's definition: it is there before the first mission.
pub(super) fn load_groups(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    catalogs: Catalogs<'_>,
    items: &[Item<'_>],
) -> Result<()> {
    let mut tags: BTreeSet<(Space, TagId)> = BTreeSet::new();
    for item in items {
        let has_groups = catalogs(item.space).is_some_and(|catalog| {
            catalog.book.has_missions() && catalog.book.has_group_missions()
        });
        if has_groups && let Some(index) = set.index(item.space, item.user) {
            let carried = set.members[index].state.tags();
            let all = carried.chain(want::assigned(item.command));
            tags.extend(all.map(|tag| (item.space, tag)));
        }
    }
    let tags: Vec<(Space, TagId)> = tags.into_iter().collect();
    let columns = || {
        [
            Column::Int((0..tags.len()).map(number).collect()),
            Column::Int(tags.iter().map(|(space, _)| space.id()).collect()),
            Column::Uuid(tags.iter().map(|(_, tag)| tag.0).collect()),
        ]
    };
    tx.look_up(
        "select d.id from {keys(i bigint, space_id bigint, tag_id uuid)} k
         join definition d on d.space_id = k.space_id and d.id = k.tag_id
         order by d.space_id, d.id {hold}",
        &columns(),
        |_| Ok(()),
    )?;
    for key in &tags {
        set.groups.insert(*key, Group::default());
    }
    // After a wait for the row only a new statement sees what the other one wrote.
    let found = tx.look_up(
        select_missions!(
            ", k.i from {keys(i bigint, space_id bigint, tag_id uuid)} k
             join mission m on m.space_id = k.space_id and m.group_tag_id = k.tag_id
                           and m.group_tag_id is not null and m.is_open"
        ),
        &columns(),
        |row| Ok((position_at(row, 17)?, mission(row)?)),
    )?;
    for (position, mission) in found {
        if let Some(group) = tags.get(position).and_then(|key| set.groups.get_mut(key)) {
            group.missions.insert(mission.id, Row::stored(mission));
        }
    }
    let found = tx.look_up(
        "select k.i, e.rule_id, e.period
         from {keys(i bigint, space_id bigint, tag_id uuid)} k
         join group_evaluation e on e.space_id = k.space_id and e.tag_id = k.tag_id",
        &columns(),
        |row| {
            Ok((
                position_at(row, 0)?,
                MissionRuleId(row.get(1)?),
                row.get(2)?,
            ))
        },
    )?;
    for (position, rule, period) in found {
        if let Some(group) = tags.get(position).and_then(|key| set.groups.get_mut(key)) {
            group.evaluations.insert(rule, Row::stored(period));
        }
    }
    Ok(())
}

type Groups = BTreeMap<(Space, TagId), Group>;

/// The changed rows of one map of all groups, as (space, tag, key, value).
fn changed_groups<'a, K: Copy + 'a, V: 'a>(
    groups: &'a Groups,
    map: impl Fn(&'a Group) -> &'a BTreeMap<K, Row<V>> + 'a,
) -> Vec<(i64, TagId, K, &'a V)> {
    groups
        .iter()
        .flat_map(|((space, tag), group)| {
            map(group)
                .iter()
                .filter(|(_, row)| row.is_changed())
                .map(move |(key, row)| (space.id(), *tag, *key, row.get()))
        })
        .collect()
}

/// Says that the rows of groups were written.
pub(super) fn mark_saved(groups: &mut Groups) {
    for group in groups.values_mut() {
        group.missions.values_mut().for_each(Row::saved);
        group.evaluations.values_mut().for_each(Row::saved);
    }
}

/// Writes missions, what they counted, what was evaluated, and leaves jobs for the missions that
/// groups completed.
pub(super) fn save(
    tx: &mut Tx<'_>,
    members: &[Member],
    groups: &Groups,
    decided: &[Decided<'_>],
) -> Result<()> {
    let own = changed(members, |state| &state.missions);
    let shared = changed_groups(groups, |group| &group.missions);
    let missions: Vec<(i64, &Mission)> = own
        .into_iter()
        .map(|row| (row.0, row.3))
        .chain(shared.into_iter().map(|row| (row.0, row.3)))
        .collect();
    save_missions(tx, &missions)?;
    save_logs(tx, decided)?;
    save_evaluations(tx, members, groups)?;
    for one in decided {
        for mission in &one.outcome.appended.completed_groups {
            // A mission is completed once, so that its id can be that of its job.
            let task = Task::PayGroup(*mission);
            job::insert(tx, one.space, mission.0, task, one.at)?;
        }
    }
    Ok(())
}

fn save_missions(tx: &mut Tx<'_>, rows: &[(i64, &Mission)]) -> Result<()> {
    let us = |at: Option<Timestamp>| at.map(Timestamp::as_microsecond);
    let all = rows.iter();
    tx.many(
        "insert into mission (space_id, id, user_id, group_tag_id, configuration_id, rule_id,
                              period, timeframe_type, starts_at, ends_at, snapshot, current,
                              target, is_frozen, completed_at, is_open, created_at, updated_at)
         select k.space_id, k.id, k.user_id, k.group_tag_id, k.configuration_id, k.rule_id,
                k.period, k.timeframe_type, k.starts_at, k.ends_at, k.snapshot, k.current,
                k.target, k.is_frozen, k.completed_at, k.is_open, k.created_at, k.updated_at
         from {keys(space_id bigint, id uuid, user_id bigint, group_tag_id uuid,
                    configuration_id uuid, rule_id uuid, period text, timeframe_type text,
                    starts_at bigint, ends_at bigint, snapshot text, current bigint,
                    target bigint, is_frozen bool, completed_at bigint, is_open bool,
                    created_at bigint, updated_at bigint)} k
         where true
         on conflict (space_id, id) do update set
             current = excluded.current, target = excluded.target,
             is_frozen = excluded.is_frozen, completed_at = excluded.completed_at,
             is_open = excluded.is_open, updated_at = excluded.updated_at",
        &[
            Column::Int(all.clone().map(|row| row.0).collect()),
            Column::Uuid(all.clone().map(|row| row.1.id.0).collect()),
            Column::OptInt(
                all.clone()
                    .map(|row| match row.1.owner {
                        Owner::User(user) => Some(user.0),
                        Owner::Group(_) => None,
                    })
                    .collect(),
            ),
            Column::OptUuid(
                all.clone()
                    .map(|row| match row.1.owner {
                        Owner::User(_) => None,
                        Owner::Group(tag) => Some(tag.0),
                    })
                    .collect(),
            ),
            Column::Uuid(all.clone().map(|row| row.1.configuration.0).collect()),
            Column::OptUuid(
                all.clone()
                    .map(|row| row.1.rule.map(|rule| rule.0))
                    .collect(),
            ),
            Column::Text(all.clone().map(|row| row.1.period.as_str()).collect()),
            Column::Text(all.clone().map(|row| row.1.timeframe_type.name()).collect()),
            Column::Int(
                all.clone()
                    .map(|row| row.1.starts.as_microsecond())
                    .collect(),
            ),
            Column::OptInt(all.clone().map(|row| us(row.1.ends)).collect()),
            Column::Text(all.clone().map(|row| &*row.1.snapshot).collect()),
            Column::Int(all.clone().map(|row| row.1.current.millionths()).collect()),
            Column::Int(all.clone().map(|row| row.1.target.millionths()).collect()),
            Column::Bool(all.clone().map(|row| row.1.is_frozen).collect()),
            Column::OptInt(all.clone().map(|row| us(row.1.completed)).collect()),
            Column::Bool(all.clone().map(|row| row.1.is_open).collect()),
            Column::Int(
                all.clone()
                    .map(|row| row.1.created.as_microsecond())
                    .collect(),
            ),
            Column::Int(all.map(|row| row.1.updated.as_microsecond()).collect()),
        ],
    )?;
    Ok(())
}

fn save_logs(tx: &mut Tx<'_>, decided: &[Decided<'_>]) -> Result<()> {
    let rows: Vec<(i64, i64, &MissionLog)> = decided
        .iter()
        .flat_map(|one| {
            let logs = one.outcome.appended.mission_logs.iter();
            logs.map(|log| (one.space.id(), one.user.0, log))
        })
        .collect();
    tx.many(
        "insert into mission_log (space_id, mission_id, id, user_id, amount, at)
         select k.space_id, k.mission_id, k.id, k.user_id, k.amount, k.at
         from {keys(space_id bigint, mission_id uuid, id uuid, user_id bigint, amount bigint,
                    at bigint)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.mission.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.id).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Int(rows.iter().map(|row| row.2.amount.millionths()).collect()),
            Column::Int(rows.iter().map(|row| row.2.at.as_microsecond()).collect()),
        ],
    )?;
    Ok(())
}

fn save_evaluations(tx: &mut Tx<'_>, members: &[Member], groups: &Groups) -> Result<()> {
    let rows = changed(members, |state| &state.evaluations);
    tx.many(
        "insert into mission_evaluation (space_id, user_id, rule_id, period)
         select k.space_id, k.user_id, k.rule_id, k.period
         from {keys(space_id bigint, user_id bigint, rule_id uuid, period text)} k
         where true
         on conflict (space_id, user_id, rule_id) do update set period = excluded.period",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Text(rows.iter().map(|row| row.3.as_str()).collect()),
        ],
    )?;
    let rows = changed_groups(groups, |group| &group.evaluations);
    tx.many(
        "insert into group_evaluation (space_id, tag_id, rule_id, period)
         select k.space_id, k.tag_id, k.rule_id, k.period
         from {keys(space_id bigint, tag_id uuid, rule_id uuid, period text)} k
         where true
         on conflict (space_id, tag_id, rule_id) do update set period = excluded.period",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.1.0).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Text(rows.iter().map(|row| row.3.as_str()).collect()),
        ],
    )?;
    Ok(())
}
