//! Notices that wait.

use engine::id::{AchievementId, CompletionId, UserId};
use engine::outcome::Notice;
use store::outbox::{self, Pending};
use store::{Error, Store};

use crate::configuration::id;
use crate::dump::dump;
use crate::world::{World, read, write};

checks!(notices_wait);

fn notices_wait(store: &Store) {
    let mut world = World::new(store);
    let (space, other) = (world.space, world.tenant("other"));
    assert_eq!(read(store, outbox::depth), 0);
    let lost = Notice::StreakLost { length: 4 };
    let completed = Notice::AchievementCompleted {
        achievement: AchievementId(id(1)),
        completion: CompletionId(id(2)),
    };
    let pending = |space, number, notice| Pending {
        id: id(number),
        space,
        user: Some(UserId(1)),
        notice,
        at_us: world.now.as_microsecond(),
    };
    write(store, |tx| outbox::insert(tx, &[]));
    let all = [
        pending(space, 1, &lost),
        pending(space, 2, &completed),
        pending(other, 1, &lost),
    ];
    write(store, |tx| outbox::insert(tx, &all));
    assert_eq!(read(store, outbox::depth), 3);
    let twice = store.write(|tx| outbox::insert(tx, &[pending(space, 3, &lost), all[0]]));
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
    assert_eq!(read(store, outbox::depth), 3);
    let dump = dump(store, space);
    let lines: Vec<_> = dump.lines("outbox").iter().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].contains("streak.lost") && lines[0].contains("length"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("achievement.completed"), "{}", lines[1]);
}
