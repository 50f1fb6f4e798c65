//! Work that goes through the users of a space: kept until it is done, so that it survives a crash.

use engine::id::{AchievementId, MissionId, TagId, UserId};
use engine::state::Mission;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::{Environment, Space};
use crate::driver::{Row, Tx};
use crate::mission::{mission, select_missions};
use crate::{Error, Result};

/// A job under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Where.
    pub space: Space,
    /// What.
    pub task: Task,
    /// The last user done; 0 at first.
    pub position: i64,
}

/// What a job does with every user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Completes an achievement for those who meet it (spec/trophy.md 4.4).
    Backdate(AchievementId),
    /// Settles: the settings of streaks or anniversaries changed, so that other midnights matter.
    Settle,
    /// Pays the users of a group for a mission that it completed (spec/aworld.md 4.5).
    PayGroup(MissionId),
}

impl Task {
    fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Backdate(achievement) => ("backdate", achievement.0),
            Self::Settle => ("settle", Uuid::nil()),
            Self::PayGroup(mission) => ("pay_group", mission.0),
        }
    }
}

/// Adds a job.
pub fn insert(tx: &mut Tx<'_>, space: Space, id: Uuid, task: Task, now: Timestamp) -> Result<()> {
    let (kind, target) = task.parts();
    tx.run(
        "insert into job (space_id, id, kind, target, position, created_at)
         values ($1, $2, $3, $4, 0, $5)",
        &[
            space.id().into(),
            id.into(),
            kind.into(),
            target.into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

fn job(row: &Row<'_>) -> Result<Job> {
    let kind: String = row.get(2)?;
    Ok(Job {
        id: row.get(0)?,
        space: Space::of(row, 1)?,
        task: match kind.as_str() {
            "backdate" => Task::Backdate(AchievementId(row.get(3)?)),
            "settle" => Task::Settle,
            "pay_group" => Task::PayGroup(MissionId(row.get(3)?)),
            _ => return Err(Error::broken(format!("unknown kind of job {kind}"))),
        },
        position: row.get(4)?,
    })
}

/// All jobs, oldest first.
pub fn list(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Job>> {
    tx.rows(
        "select id, space_id, kind, target, position from job order by created_at, id limit $1",
        &[limit.into()],
        job,
    )
}

/// The jobs of one environment, oldest first.
pub fn list_in(tx: &mut Tx<'_>, environment: Environment, limit: i64) -> Result<Vec<Job>> {
    tx.rows(
        "select id, space_id, kind, target, position from job
         where space_id in (select id from space where environment_id = $1)
         order by created_at, id limit $2",
        &[environment.id().into(), limit.into()],
        job,
    )
}

/// Notes how far a job has come.
pub fn advance(tx: &mut Tx<'_>, job: &Job, position: i64) -> Result<()> {
    tx.run(
        "update job set position = $3 where space_id = $1 and id = $2",
        &[job.space.id().into(), job.id.into(), position.into()],
    )?;
    Ok(())
}

/// Removes a job that is done.
pub fn remove(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    tx.run(
        "delete from job where space_id = $1 and id = $2",
        &[job.space.id().into(), job.id.into()],
    )?;
    Ok(())
}

/// The mission that a job pays for.
pub fn paid_mission(tx: &mut Tx<'_>, space: Space, id: MissionId) -> Result<Option<Mission>> {
    tx.row(
        select_missions!("from mission m where m.space_id = $1 and m.id = $2"),
        &[space.id().into(), id.0.into()],
        mission,
    )
}

/// The users with a tag after `position`, in the order of our ids, each with the caller's id.
pub fn tagged_after(
    tx: &mut Tx<'_>,
    space: Space,
    tag: TagId,
    position: i64,
    limit: i64,
) -> Result<Vec<(UserId, String)>> {
    tx.rows(
        "select u.id, u.external_id
         from user_tag t join end_user u on u.space_id = $1 and u.id = t.user_id
         where t.space_id = $1 and t.tag_id = $2 and t.user_id > $3 order by t.user_id limit $4",
        &[
            space.id().into(),
            tag.0.into(),
            position.into(),
            limit.into(),
        ],
        |row| Ok((UserId(row.get(0)?), row.get(1)?)),
    )
}
