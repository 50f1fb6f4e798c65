//! Requests that are carried out once (spec/aworld.md 2.6), at the desk.

use engine::command::{Command, RecordEvent};
use engine::outcome::Reply;
use engine::user::Patch;
use serde_json::json;
use server::desk::{Keep, Verdict};
use store::Space;

use crate::support::{TestApp, on_both};

const NOW: &str = "2026-03-10T09:00:00Z";

fn space(app: &TestApp) -> Space {
    let spaces = app.app.room.store.read(store::access::all_spaces).unwrap();
    spaces[0]
}

fn event(metric: &str) -> Command {
    Command::RecordEvent(RecordEvent {
        metric: metric.to_owned(),
        value: engine::amount::Amount::parse("1").unwrap(),
        attributes: [].into(),
        user: Patch::default(),
        idempotency_key: None,
    })
}

fn keep(key: u8) -> Keep {
    Keep {
        fingerprint: [key; 16],
        status: 201,
        render: Box::new(|reply, _, _| match reply {
            Reply::Event(event) => {
                Some(json!({"b": event.total.rounded(), "a": [1, 2]}).to_string())
            }
            other => panic!("{other:?}"),
        }),
    }
}

/// What one request says: the total after it, or the answer that was kept.
fn said(verdict: Verdict) -> Result<i64, String> {
    match verdict {
        Verdict::Done(answer) => match answer.reply {
            Reply::Event(event) => Ok(event.total.rounded()),
            other => panic!("{other:?}"),
        },
        Verdict::Repeated(answer) => {
            assert_eq!(answer.status, 201);
            Err(answer.body)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_request_is_answered_and_not_carried_out() {
    on_both(NOW, |app| {
        app.create("/metrics", &json!({"name": "km", "key": "km"}));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let space = space(app);
        let desk = app.app.desk();
        let ask = |metric: &str, keep: Option<Keep>| {
            desk.ask(space, None, "ada".to_owned(), event(metric), keep)
        };
        let kept = json!({"b": 1, "a": [1, 2]}).to_string();
        // At the same time, so that they share a batch.
        let (first, second, other) = runtime.block_on(async {
            tokio::join!(
                ask("km", Some(keep(1))),
                ask("km", Some(keep(1))),
                ask("km", Some(keep(2)))
            )
        });
        assert_eq!(said(first), Ok(1));
        assert_eq!(said(second), Err(kept.clone()));
        assert_eq!(said(other), Ok(2));
        assert_eq!(said(runtime.block_on(ask("km", Some(keep(1))))), Err(kept));
        assert_eq!(said(runtime.block_on(ask("km", None))), Ok(3));
        // A refusal is not kept.
        let refused = runtime.block_on(ask("miles", Some(keep(3))));
        assert!(matches!(refused, Verdict::Refused(_)), "{refused:?}");
        assert_eq!(said(runtime.block_on(ask("km", Some(keep(3))))), Ok(4));
        // Five minutes later the key is free again, swept or not.
        app.jump("2026-03-10T09:05:01Z");
        assert_eq!(said(runtime.block_on(ask("km", Some(keep(1))))), Ok(5));
        runtime
            .block_on(server::workers::housekeeping::step(&app.app))
            .unwrap();
        let left = app.app.room.store.read(|tx| {
            tx.row(
                "select count(*) from answer where space_id = $1",
                &[space.number().into()],
                |row| row.get::<i64>(0),
            )
        });
        assert_eq!(left.unwrap(), Some(1));
    });
}
