//! Missions of users and groups, read; and those that somebody gives to a group (spec/aworld.md 3.7, 4.5).
//!
//! Missions of users are written by [`crate::batch`] only.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::amount::Amount;
use engine::id::{MissionConfigurationId, MissionId, MissionRuleId, TagId, UserId};
use engine::state::{Mission, Owner};
use engine::timeframe::TimeframeType;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Space;
use crate::document::Slice;
use crate::driver::{Column, Row, Tx, Value};
use crate::time::{instant, maybe_instant};
use crate::{Error, Result};

/// Merges lists that are in the order of a slice into one. `place`: where an item stands.
pub(crate) fn merged<T>(
    slice: Slice,
    lists: impl IntoIterator<Item = Vec<T>>,
    place: impl Fn(&T) -> (Timestamp, Uuid),
) -> Vec<T> {
    let mut items: Vec<T> = lists.into_iter().flatten().collect();
    items.sort_by_key(|item| place(item));
    if !slice.is_ascending {
        items.reverse();
    }
    items.truncate(usize::try_from(slice.limit).unwrap_or(0));
    items
}

macro_rules! select_missions {
    ($rest:literal) => {
        concat!(
            "select m.id, m.user_id, m.group_tag_id, m.configuration_id, m.rule_id, m.period,
                    m.timeframe_type, m.starts_at, m.ends_at, m.snapshot, m.current, m.target,
                    m.is_frozen, m.completed_at, m.is_open, m.created_at, m.updated_at ",
            $rest
        )
    };
}

pub(crate) use select_missions;

/// A mission as `select_missions!` reads it.
pub(crate) fn mission(row: &Row<'_>) -> Result<Mission> {
    let user: Option<i64> = row.get(1)?;
    let group: Option<Uuid> = row.get(2)?;
    let owner = match (user, group) {
        (Some(user), _) => Owner::User(UserId(user)),
        (None, Some(tag)) => Owner::Group(TagId(tag)),
        (None, None) => return Err(Error::broken("a mission of nobody")),
    };
    let timeframe_type: String = row.get(6)?;
    let snapshot: String = row.get(9)?;
    Ok(Mission {
        id: MissionId(row.get(0)?),
        owner,
        configuration: MissionConfigurationId(row.get(3)?),
        rule: row.get::<Option<Uuid>>(4)?.map(MissionRuleId),
        period: row.get(5)?,
        timeframe_type: TimeframeType::named(&timeframe_type)
            .ok_or_else(|| Error::broken(format!("unknown timeframe type {timeframe_type}")))?,
        starts: instant(row, 7)?,
        ends: maybe_instant(row, 8)?,
        snapshot: Arc::from(snapshot),
        current: Amount::from_millionths(row.get(10)?),
        target: Amount::from_millionths(row.get(11)?),
        is_frozen: row.get(12)?,
        completed: maybe_instant(row, 13)?,
        is_open: row.get(14)?,
        created: instant(row, 15)?,
        updated: instant(row, 16)?,
    })
}

/// The missions of a user and of the groups whose tags the user carries.
pub fn of_user(tx: &mut Tx<'_>, space: Space, user: UserId, slice: Slice) -> Result<Vec<Mission>> {
    let (updated, id) = slice.bounds();
    let params = [
        space.id().into(),
        user.0.into(),
        updated.into(),
        id.into(),
        slice.limit.into(),
    ];
    let (own, groups) = if slice.is_ascending {
        (
            select_missions!(
                "from mission m
                 where m.space_id = $1 and m.user_id = $2 and (m.updated_at, m.id) > ($3, $4)
                 order by m.updated_at, m.id limit $5"
            ),
            select_missions!(
                "from user_tag t
                 join mission m on m.space_id = t.space_id and m.group_tag_id = t.tag_id
                 where t.space_id = $1 and t.user_id = $2 and (m.updated_at, m.id) > ($3, $4)
                 order by m.updated_at, m.id limit $5"
            ),
        )
    } else {
        (
            select_missions!(
                "from mission m
                 where m.space_id = $1 and m.user_id = $2 and (m.updated_at, m.id) < ($3, $4)
                 order by m.updated_at desc, m.id desc limit $5"
            ),
            select_missions!(
                "from user_tag t
                 join mission m on m.space_id = t.space_id and m.group_tag_id = t.tag_id
                 where t.space_id = $1 and t.user_id = $2 and (m.updated_at, m.id) < ($3, $4)
                 order by m.updated_at desc, m.id desc limit $5"
            ),
        )
    };
    let own = tx.rows(own, &params, mission)?;
    let groups = tx.rows(groups, &params, mission)?;
    Ok(merged(slice, [own, groups], |mission| {
        (mission.updated, mission.id.0)
    }))
}

/// A mission of a user, or of a group whose tag the user carries.
pub fn find_of_user(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    id: MissionId,
) -> Result<Option<Mission>> {
    let params = [space.id().into(), user.0.into(), id.0.into()];
    let own = tx.row(
        select_missions!("from mission m where m.space_id = $1 and m.user_id = $2 and m.id = $3"),
        &params,
        mission,
    )?;
    if own.is_some() {
        return Ok(own);
    }
    tx.row(
        select_missions!(
            "from mission m
             join user_tag t on t.space_id = m.space_id and t.tag_id = m.group_tag_id
             where m.space_id = $1 and t.user_id = $2 and m.id = $3"
        ),
        &params,
        mission,
    )
}

/// What the groups of a user have that a listing may change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shared {
    /// Their open missions.
    pub missions: Vec<Mission>,
    /// The last period for which each rule made missions.
    pub evaluations: Vec<(TagId, MissionRuleId, String)>,
}

/// What the groups of a user share; other writers are left alone.
pub fn of_groups(tx: &mut Tx<'_>, space: Space, user: UserId) -> Result<Shared> {
    let params = [space.id().into(), user.0.into()];
    let missions = tx.rows(
        select_missions!(
            "from user_tag t
             join mission m on m.space_id = t.space_id and m.group_tag_id = t.tag_id
             where t.space_id = $1 and t.user_id = $2 and m.is_open"
        ),
        &params,
        mission,
    )?;
    let evaluations = tx.rows(
        "select e.tag_id, e.rule_id, e.period from user_tag t
         join group_evaluation e on e.space_id = t.space_id and e.tag_id = t.tag_id
         where t.space_id = $1 and t.user_id = $2",
        &params,
        |row| Ok((TagId(row.get(0)?), MissionRuleId(row.get(1)?), row.get(2)?)),
    )?;
    Ok(Shared {
        missions,
        evaluations,
    })
}

/// Whether somebody gave an owner a mission of a configuration for a period, be it over or not.
pub fn is_given(
    tx: &mut Tx<'_>,
    space: Space,
    owner: Owner,
    configuration: MissionConfigurationId,
    period: &str,
) -> Result<bool> {
    let (sql, owner) = match owner {
        Owner::User(user) => (
            "select id from mission where space_id = $1 and user_id = $2
             and configuration_id = $3 and period = $4 and rule_id is null limit 1",
            Value::Int(user.0),
        ),
        Owner::Group(tag) => (
            "select id from mission where space_id = $1 and group_tag_id = $2
             and configuration_id = $3 and period = $4 and rule_id is null limit 1",
            Value::Uuid(tag.0),
        ),
    };
    let params = [
        space.id().into(),
        owner,
        configuration.0.into(),
        period.into(),
    ];
    Ok(tx.row(sql, &params, |_| Ok(()))?.is_some())
}

/// Holds the missions of a group for this transaction: other writers of them wait. Answers whether
/// there is such a tag.
pub fn hold_group(tx: &mut Tx<'_>, space: Space, tag: TagId) -> Result<bool> {
    let held = tx.row(
        "select id from definition where space_id = $1 and id = $2 {hold}",
        &[space.id().into(), tag.0.into()],
        |_| Ok(()),
    )?;
    Ok(held.is_some())
}

/// Keeps a mission that somebody gives to a group.
pub fn insert(tx: &mut Tx<'_>, space: Space, mission: &Mission) -> Result<()> {
    let (user, group) = match mission.owner {
        Owner::User(user) => (Some(user.0), None),
        Owner::Group(tag) => (None, Some(tag.0)),
    };
    tx.run(
        "insert into mission (space_id, id, user_id, group_tag_id, configuration_id, rule_id,
                              period, timeframe_type, starts_at, ends_at, snapshot, current,
                              target, is_frozen, completed_at, is_open, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        &[
            space.id().into(),
            mission.id.0.into(),
            user.into(),
            group.into(),
            mission.configuration.0.into(),
            mission.rule.map(|rule| rule.0).into(),
            mission.period.as_str().into(),
            mission.timeframe_type.name().into(),
            mission.starts.as_microsecond().into(),
            mission.ends.map(Timestamp::as_microsecond).into(),
            Value::Json(&mission.snapshot),
            mission.current.millionths().into(),
            mission.target.millionths().into(),
            mission.is_frozen.into(),
            mission.completed.map(Timestamp::as_microsecond).into(),
            mission.is_open.into(),
            mission.created.as_microsecond().into(),
            mission.updated.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// What definitions are known by, also those that act no more.
pub fn names(tx: &mut Tx<'_>, space: Space, ids: &[Uuid]) -> Result<BTreeMap<Uuid, String>> {
    let rows = tx.look_up(
        "select d.id, d.unique_key from {keys(space_id bigint, id uuid)} k
         join definition d on d.space_id = k.space_id and d.id = k.id
         where d.unique_key is not null",
        &[
            Column::Int(vec![space.id(); ids.len()]),
            Column::Uuid(ids.to_vec()),
        ],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}
