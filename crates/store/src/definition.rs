//! Every kind of configuration in one pair of tables: typed bodies, versions, archive (design.md 5).

use engine::catalog::{Catalog, Definitions};
use engine::definition::{Definition, Kind, Settings, Stored, StreakSettings};
use engine::id::TagId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Space;
use crate::driver::{Row, Tx};
use crate::time::instant;
use crate::{Error, Result};

fn stored<T: Definition>(row: &Row<'_>) -> Result<Stored<T>> {
    Ok(Stored {
        id: row.get(0)?,
        body: serde_json::from_str(&row.get::<String>(1)?).map_err(Error::broken)?,
        is_archived: row.get(2)?,
        created: instant(row, 3)?,
        updated: instant(row, 4)?,
    })
}

/// Holds the configuration of a space for this transaction: other writers of it wait.
pub fn hold(tx: &mut Tx<'_>, space: Space) -> Result<()> {
    tx.row(
        "select id from space where id = $1 {hold}",
        &[space.id().into()],
        |_| Ok(()),
    )?;
    Ok(())
}

/// Says that the configuration of a space changed.
pub fn bump(tx: &mut Tx<'_>, space: Space) -> Result<()> {
    tx.run(
        "update space set config_version = config_version + 1 where id = $1",
        &[space.id().into()],
    )?;
    Ok(())
}

/// Publishes a new definition. Its unique key must be free (see [`find_key`]).
pub fn insert<T: Definition>(
    tx: &mut Tx<'_>,
    space: Space,
    id: Uuid,
    body: &T,
    now: Timestamp,
) -> Result<Stored<T>> {
    let json = serde_json::to_string(body).map_err(Error::broken)?;
    let key = body.unique_key();
    tx.run(
        "insert into definition (space_id, id, kind, parent_id, unique_key, version, body,
                                 is_archived, created_at, updated_at)
         values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $8)",
        &[
            space.id().into(),
            id.into(),
            T::KIND.name().into(),
            body.parent().into(),
            key.as_deref().into(),
            crate::driver::Value::Json(&json),
            false.into(),
            now.as_microsecond().into(),
        ],
    )?;
    record_version(tx, space, id, now)?;
    Ok(Stored {
        id,
        created: now,
        updated: now,
        is_archived: false,
        body: body.clone(),
    })
}

/// Publishes a new version of a definition.
pub fn update<T: Definition>(
    tx: &mut Tx<'_>,
    space: Space,
    definition: &Stored<T>,
    now: Timestamp,
) -> Result<()> {
    let json = serde_json::to_string(&definition.body).map_err(Error::broken)?;
    let key = definition.body.unique_key();
    tx.run(
        "update definition set body = $3, unique_key = $4, version = version + 1, updated_at = $5
         where space_id = $1 and id = $2",
        &[
            space.id().into(),
            definition.id.into(),
            crate::driver::Value::Json(&json),
            key.as_deref().into(),
            now.as_microsecond().into(),
        ],
    )?;
    record_version(tx, space, definition.id, now)
}

/// Archives a definition: it vanishes from lists and acts no more; its key is free again.
pub fn archive(tx: &mut Tx<'_>, space: Space, id: Uuid, now: Timestamp) -> Result<()> {
    tx.run(
        "update definition set is_archived = true, version = version + 1, updated_at = $3
         where space_id = $1 and id = $2",
        &[space.id().into(), id.into(), now.as_microsecond().into()],
    )?;
    record_version(tx, space, id, now)
}

pub(crate) fn record_version(
    tx: &mut Tx<'_>,
    space: Space,
    id: Uuid,
    now: Timestamp,
) -> Result<()> {
    tx.run(
        "insert into definition_version
             (space_id, definition_id, version, body, is_archived, created_at)
         select space_id, id, version, body, is_archived, $3 from definition
         where space_id = $1 and id = $2",
        &[space.id().into(), id.into(), now.as_microsecond().into()],
    )?;
    Ok(())
}

/// One definition that is not archived.
pub fn find<T: Definition>(tx: &mut Tx<'_>, space: Space, id: Uuid) -> Result<Option<Stored<T>>> {
    tx.row(
        "select id, body, is_archived, created_at, updated_at from definition
         where space_id = $1 and id = $2 and kind = $3 and not is_archived",
        &[space.id().into(), id.into(), T::KIND.name().into()],
        stored,
    )
}

/// The definition that has a unique key, if it is taken.
pub fn find_key<T: Definition>(
    tx: &mut Tx<'_>,
    space: Space,
    key: &str,
) -> Result<Option<Stored<T>>> {
    tx.row(
        "select id, body, is_archived, created_at, updated_at from definition
         where space_id = $1 and kind = $2 and unique_key = $3 and not is_archived",
        &[space.id().into(), T::KIND.name().into(), key.into()],
        stored,
    )
}

/// The definitions of a kind that are not archived, oldest first.
pub fn list<T: Definition>(
    tx: &mut Tx<'_>,
    space: Space,
    limit: i64,
    skip: i64,
) -> Result<Vec<Stored<T>>> {
    tx.rows(
        "select id, body, is_archived, created_at, updated_at from definition
         where space_id = $1 and kind = $2 and not is_archived
         order by created_at, id limit $3 offset $4",
        &[
            space.id().into(),
            T::KIND.name().into(),
            limit.into(),
            skip.into(),
        ],
        stored,
    )
}

/// The parts of a definition that are not archived, oldest first.
pub fn list_of<T: Definition>(
    tx: &mut Tx<'_>,
    space: Space,
    parent: Uuid,
    limit: i64,
    skip: i64,
) -> Result<Vec<Stored<T>>> {
    tx.rows(
        "select id, body, is_archived, created_at, updated_at from definition
         where space_id = $1 and kind = $2 and parent_id = $3 and not is_archived
         order by created_at, id limit $4 offset $5",
        &[
            space.id().into(),
            T::KIND.name().into(),
            parent.into(),
            limit.into(),
            skip.into(),
        ],
        stored,
    )
}

/// The streak settings of a space, if ever set.
pub fn streak_settings(tx: &mut Tx<'_>, space: Space) -> Result<Option<Stored<StreakSettings>>> {
    Ok(list(tx, space, 1, 0)?.into_iter().next())
}

/// Compiles the catalog of a space as this transaction sees it. Documents that are archived or were
/// never published act nowhere; a tag marks as soon as it is there.
pub fn catalog(tx: &mut Tx<'_>, space: Space, version: i64) -> Result<Catalog> {
    let mut definitions = Definitions::default();
    tx.rows(
        "select id, body, is_archived, created_at, updated_at, kind, is_published from definition
         where space_id = $1 order by created_at, id",
        &[space.id().into()],
        |row| {
            let kind: String = row.get(5)?;
            let kind =
                Kind::named(&kind).ok_or_else(|| Error::broken(format!("unknown kind {kind}")))?;
            add(&mut definitions, row, kind)
        },
    )?;
    tx.rows(
        "select definition_id, tag_id from definition_tag
         where space_id = $1 order by definition_id, priority, tag_id",
        &[space.id().into()],
        |row| {
            let tagged = (row.get(0)?, TagId(row.get(1)?));
            definitions.documents.tagged.push(tagged);
            Ok(())
        },
    )?;
    definitions.listened = crate::webhook::listened(tx, space)?;
    Ok(Catalog::compile(version, definitions))
}

/// Adds a row of [`catalog`] to its kind.
fn add(definitions: &mut Definitions, row: &Row<'_>, kind: Kind) -> Result<()> {
    let is_there = !row.get::<bool>(2)?;
    let acts = is_there && row.get::<bool>(6)?;
    let documents = &mut definitions.documents;
    match kind {
        Kind::Attribute => definitions.attributes.push(stored(row)?),
        Kind::Metric => definitions.metrics.push(stored(row)?),
        Kind::Achievement => definitions.achievements.push(stored(row)?),
        Kind::PointsSystem => definitions.systems.push(stored(row)?),
        Kind::PointsLevel => definitions.levels.push(stored(row)?),
        Kind::PointsTrigger => definitions.triggers.push(stored(row)?),
        Kind::PointsBoost => definitions.boosts.push(stored(row)?),
        Kind::Leaderboard => definitions.boards.push(stored(row)?),
        Kind::StreakSettings if is_there => {
            definitions.streak = Some(stored::<StreakSettings>(row)?.body);
        }
        Kind::Settings if is_there => definitions.settings = Some(stored::<Settings>(row)?.body),
        Kind::Activity if acts => documents.activities.push(stored(row)?),
        Kind::Tag if is_there => documents.tags.push(stored(row)?),
        Kind::MissionConfiguration if acts => documents.configurations.push(stored(row)?),
        Kind::MissionRule if acts => documents.mission_rules.push(stored(row)?),
        Kind::RewardRule if acts => documents.reward_rules.push(stored(row)?),
        Kind::VirtualCurrency if acts => documents.currencies.push(stored(row)?),
        Kind::StreakSettings
        | Kind::Settings
        | Kind::Activity
        | Kind::Tag
        | Kind::MissionConfiguration
        | Kind::MissionRule
        | Kind::RewardRule
        | Kind::VirtualCurrency => {}
    }
    Ok(())
}
