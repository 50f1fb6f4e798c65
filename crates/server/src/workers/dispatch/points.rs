//! Changes of points, told at once and then at most every quarter of an hour per user and system (AMB-49).

use std::collections::BTreeMap;

use engine::id::UserId;
use store::throttle::{self, Key, Window};
use uuid::Uuid;
use wire::webhook::Payload;

use super::{LIMIT, Round};
use crate::message::{POINTS_CHANGED, Points};

impl Round<'_, '_> {
    /// Tells changes of points, or keeps them until the window is over; tells what was kept until now.
    pub(super) fn settle_points(&mut self, changes: Vec<(UserId, Points)>) -> store::Result<()> {
        let mut fresh: BTreeMap<(Uuid, UserId), Option<Points>> = BTreeMap::new();
        for (user, points) in changes {
            let Ok(system) = points.change.points.id.parse() else {
                tracing::error!("a points system without an id");
                continue;
            };
            add(fresh.entry((system, user)).or_default(), points);
        }
        let due = throttle::due(self.tx, self.space, POINTS_CHANGED, self.now, LIMIT)?;
        for (system, _, user) in due {
            fresh.entry((system, user)).or_default();
        }
        let keys: Vec<(Uuid, UserId)> = fresh.keys().copied().collect();
        let windows = throttle::find(self.tx, self.space, POINTS_CHANGED, &keys)?;
        let mut windows: BTreeMap<(Uuid, UserId), Window<'_>> = windows
            .into_iter()
            .map(|window| ((window.key.subject, window.key.user), window))
            .collect();
        let mut kept = Vec::new();
        for ((subject, user), fresh) in fresh {
            let window = windows.remove(&(subject, user));
            let mut changes = match window.as_ref().and_then(|window| window.told.as_deref()) {
                Some(told) => Some(serde_json::from_str(told).map_err(store::Error::broken)?),
                None => None,
            };
            if let Some(fresh) = fresh {
                add(&mut changes, fresh);
            }
            let key = Key {
                kind: POINTS_CHANGED,
                subject,
                run: 0,
                user,
            };
            let open = window.map(|window| window.until);
            let open = open.filter(|until| *until > self.now);
            match (open, changes) {
                (_, None) => {}
                (Some(until), Some(changes)) => kept.push(Window {
                    key,
                    until,
                    due: Some(until),
                    told: Some(serde_json::to_string(&changes).map_err(store::Error::broken)?),
                }),
                (None, Some(changes)) => {
                    self.push(POINTS_CHANGED, Payload::PointsChanged(changes.change))?;
                    kept.push(Window {
                        key,
                        until: self.window(),
                        due: None,
                        told: None,
                    });
                }
            }
        }
        throttle::save(self.tx, self.space, &kept)
    }
}

fn add(changes: &mut Option<Points>, later: Points) {
    match changes {
        Some(changes) => changes.add(later),
        None => *changes = Some(later),
    }
}
