//! Batches of the second dialect: what they load, share and save.
//!
//! States are edited here as the rules would; the rules themselves are tested where they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::amount::Amount;
use engine::catalog::Catalog;
use engine::command::{Command, LogActivity, Order, SaveUser, TagAction, TagUser, Transact};
use engine::definition::{
    Activity, Content, Document, MatchEntity, MatchType, MissionConfiguration, MissionType,
    RedemptionMode, Tag, Translation, VirtualCurrency,
};
use engine::id::{
    ActivityId, CurrencyId, Ids, LedgerEntryId, MissionConfigurationId, MissionId, MissionRuleId,
    TagId, UserId,
};
use engine::outcome::{
    ActivityLog, ActivityOutcome, Appended, InitiatorType, LedgerEntry, MissionLog, Outcome, Reply,
    Transaction, TransactionState,
};
use engine::state::{Company, Mission, Owner, Purse, Row, UserState, UserTag};
use engine::timeframe::TimeframeType;
use engine::user::Patch;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::batch::{self, Decided, Item};
use store::driver::{Location, Tx};
use store::job::Task;
use store::{Space, Store, document, job, user};
use uuid::Uuid;

use crate::configuration;
use crate::world::{World, catalog, migrated, read, save, write};

checks!(
    every_row_of_a_user_comes_back,
    a_pending_entry_is_made_and_redeemed_in_one_batch,
    missions_of_a_group_are_shared_by_a_batch,
    others_are_at_hand_and_written_only_if_they_exist,
    a_taken_id_of_a_log_is_known,
    a_renamed_user_keeps_its_rows,
    a_drawn_number_is_used,
    only_what_acts_is_compiled,
);

const TEAM: TagId = TagId(Uuid::from_u128(1));
const COINS: CurrencyId = CurrencyId(Uuid::from_u128(2));
const RUNNING: ActivityId = ActivityId(Uuid::from_u128(3));
const STEPS: MissionConfigurationId = MissionConfigurationId(Uuid::from_u128(4));

fn document<T: Content>(id: &str, content: T) -> Document<T> {
    Document {
        id: id.to_owned(),
        default_lang: "en".to_owned(),
        translations: vec![Translation {
            lang: "en".to_owned(),
            label: Some(id.to_owned()),
            description: None,
        }],
        content,
    }
}

fn publish<T: Content>(
    tx: &mut Tx<'_>,
    space: Space,
    id: Uuid,
    body: Document<T>,
    now: Timestamp,
) -> store::Result<()> {
    let kept = document::insert(tx, space, id, body, now)?;
    document::publish(tx, space, kept, now)?;
    store::definition::bump(tx, space)
}

fn tag(variant: &str) -> Document<Tag> {
    let content = Tag {
        namespace: "team".to_owned(),
        variant: variant.to_owned(),
        catalog_workspace_id: None,
    };
    document(&format!("team:{variant}"), content)
}

fn currency(name: &str) -> Document<VirtualCurrency> {
    document(
        name,
        VirtualCurrency {
            name: name.to_owned(),
            catalog_virtual_currency_id: None,
            sync_with_catalog: None,
            min_allowed_balance: None,
            max_allowed_balance: None,
            icon: None,
        },
    )
}

fn activity(name: &str) -> Document<Activity> {
    let content = json!({"name": name});
    document(name, serde_json::from_value(content).unwrap())
}

fn configure(tx: &mut Tx<'_>, space: Space, now: Timestamp) -> store::Result<()> {
    configuration::insert(tx, space, now)?;
    publish(tx, space, TEAM.0, tag("red"), now)?;
    publish(tx, space, COINS.0, currency("coins"), now)?;
    publish(tx, space, RUNNING.0, activity("running"), now)?;
    let steps = MissionConfiguration {
        name: "steps".to_owned(),
        mission_type: MissionType::Group,
        match_type: MatchType::Entity,
        match_entity: MatchEntity::Activity,
        match_entity_id: None,
        match_condition: json!(true),
        increment_expression: json!(1),
        target_amount_expression: json!(10),
        catalog_mission_configuration_id: None,
        sync_with_catalog: None,
    };
    publish(tx, space, STEPS.0, document("steps", steps), now)
}

fn world(store: &Store) -> World<'_> {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    write(store, |tx| configure(tx, space, now));
    for name in ["ada", "bo"] {
        world.save(name, Patch::default());
    }
    world
}

fn mission(number: u128, owner: Owner, now: Timestamp) -> Mission {
    Mission {
        id: MissionId(Uuid::from_u128(number)),
        owner,
        configuration: STEPS,
        rule: Some(MissionRuleId(Uuid::from_u128(99))),
        period: "2026-W08".to_owned(),
        timeframe_type: TimeframeType::Recurring,
        starts: now,
        ends: Some(now + SignedDuration::from_hours(7)),
        // Spelling and order of members must not change.
        snapshot: Arc::from(r#"{"z": 1,  "a":2.50}"#),
        current: amount("0.5"),
        target: amount("10"),
        is_frozen: true,
        completed: None,
        is_open: true,
        created: now,
        updated: now,
    }
}

fn entry(number: u128, user: UserId, now: Timestamp) -> LedgerEntry {
    LedgerEntry {
        id: LedgerEntryId(Uuid::from_u128(number)),
        user,
        system: COINS,
        amount: -1_500_000,
        balance: 2_500_000,
        at: now,
        date: "2026-02-20".parse().unwrap(),
        second_of_day: None,
        trigger: None,
        boosts: Vec::new(),
        event: None,
        transaction: Some(Box::new(Transaction {
            state: TransactionState::Pending,
            mode: RedemptionMode::Manual,
            group: "g".to_owned(),
            redemption_group: None,
            initiator_type: InitiatorType::Admin,
            initiator: "somebody".to_owned(),
            counterpart: None,
            additional_data: Some(json!({"note": "hé", "n": [1, 2]})),
            expires: Some(now + SignedDuration::from_hours(1)),
            redeemed: None,
            updated: now,
        })),
    }
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn done() -> Outcome {
    Outcome {
        reply: Reply::Done,
        appended: Appended::default(),
        notices: Vec::new(),
        moves: Vec::new(),
        failures: Vec::new(),
    }
}

type Work<'a> = &'a mut dyn FnMut(&str, &mut UserState, &mut Company, &mut Outcome);

/// Loads, lets `work` change the states in the place of the rules, and saves.
fn act(
    tx: &mut Tx<'_>,
    space: Space,
    catalog: &Arc<Catalog>,
    asks: &[(&str, Command)],
    now: Timestamp,
    work: Work<'_>,
) -> store::Result<()> {
    let items: Vec<Item<'_>> = asks
        .iter()
        .map(|(user, command)| Item {
            space,
            user,
            command,
            now,
        })
        .collect();
    let mut ids = Ids::seeded(77);
    let mut set = batch::load(tx, &|_| Some(catalog.clone()), &items, &mut ids, true)?;
    let mut outcomes = Vec::new();
    for item in &items {
        let one = set.with(space, item.user, item.command, |state, company| {
            let mut outcome = done();
            work(item.user, state, company, &mut outcome);
            (state.user.get().id, outcome)
        });
        outcomes.extend(one);
    }
    let decided: Vec<Decided<'_>> = outcomes
        .iter()
        .map(|(user, outcome)| Decided {
            space,
            user: *user,
            at: now,
            outcome,
        })
        .collect();
    batch::save(tx, &mut set, &decided, &[])
}

fn run(world: &World<'_>, asks: &[(&str, Command)], work: Work<'_>) {
    let (space, now) = (world.space, world.now);
    write(world.store, |tx| {
        let catalog = catalog(tx, space)?;
        act(tx, space, &catalog, asks, now, work)
    });
}

/// What the next batch finds of a user and of what the user's groups share.
fn found(world: &World<'_>, name: &str) -> (UserState, Company) {
    let mut seen = None;
    run(
        world,
        &[(name, Command::Settle)],
        &mut |_, state, company, _| seen = Some((state.clone(), company.clone())),
    );
    seen.unwrap()
}

fn number(world: &World<'_>, name: &str) -> UserId {
    world.find(name).id
}

fn carry_team(world: &World<'_>, names: &[&str]) {
    let now = world.now;
    let assign = Command::TagUser(TagUser {
        action: TagAction::Assign,
        tags: vec![(TEAM, 5)],
    });
    let asks: Vec<_> = names.iter().map(|name| (*name, assign.clone())).collect();
    run(world, &asks, &mut |_, state, _, _| {
        let tag = UserTag {
            priority: 5,
            created: now,
            updated: now,
            is_removed: false,
        };
        state.tags.insert(TEAM, Row::fresh(tag));
    });
}

fn every_row_of_a_user_comes_back(store: &Store) {
    let mut world = world(store);
    let ada = number(&world, "ada");
    let now = world.now;
    carry_team(&world, &["ada"]);
    let rule = world.uuid();
    // Evaluations are looked up by the rules that are there, payments by the mission.
    let paid = mission(50, Owner::Group(TEAM), now);
    let mark = MissionRuleId(paid.id.0);
    let pay = [("ada", Command::CompleteGroupMission(Box::new(paid.clone())))];
    let purse = Purse {
        amount: amount("2.5"),
        pending: amount("-1.5"),
        created: now,
        updated: now,
    };
    let own = Mission {
        rule: None,
        ends: None,
        completed: Some(now),
        ..mission(51, Owner::User(ada), now)
    };
    run(&world, &pay, &mut |_, state, _, outcome| {
        state.purses.insert(COINS, Row::fresh(purse));
        state.missions.insert(own.id, Row::fresh(own.clone()));
        let made = entry(60, ada, now);
        outcome.appended.ledger.push(made.clone());
        state.pending.insert(made.id, Row::fresh(made));
        state
            .evaluations
            .insert(mark, Row::fresh("paid".to_owned()));
        outcome.appended.activity = Some(ActivityLog {
            id: "log \u{1f3c3}".to_owned(),
            activity: RUNNING,
            outcome: Some(ActivityOutcome::Success),
            value: Some(amount("1.25")),
            tags: Some(vec!["a".to_owned()]),
            additional_data: Some(json!({"km": 3})),
            completed: now,
            created: now,
        });
        outcome.appended.mission_logs.push(MissionLog {
            id: rule,
            mission: own.id,
            amount: amount("0.5"),
            at: now,
        });
    });
    let mut seen = None;
    run(&world, &pay, &mut |_, state, _, _| {
        seen = Some(state.clone());
    });
    let state = seen.unwrap();
    assert_eq!(state.tags().collect::<Vec<_>>(), [TEAM]);
    assert_eq!(state.tags[&TEAM].get().priority, 5);
    assert_eq!(state.purses, BTreeMap::from([(COINS, Row::stored(purse))]));
    assert!(!state.balances.contains_key(&COINS));
    let pending = Row::stored(entry(60, ada, now));
    assert_eq!(
        state.pending,
        BTreeMap::from([(pending.get().id, pending.clone())])
    );
    assert_eq!(
        state.missions,
        BTreeMap::from([(own.id, Row::stored(own.clone()))])
    );
    assert_eq!(
        state.evaluations,
        BTreeMap::from([(mark, Row::stored("paid".to_owned()))])
    );
    let space = world.space;
    read(store, |tx| {
        for (sql, expected) in [
            ("select count(*) from activity_log where space_id = $1", 1),
            ("select count(*) from mission_log where space_id = $1", 1),
        ] {
            let count: Option<i64> = tx.row(sql, &[space.number().into()], |row| row.get(0))?;
            assert_eq!(count, Some(expected));
        }
        Ok(())
    });

    // A tag that is taken away is gone, and a mission that is closed is not loaded.
    run(
        &world,
        &[("ada", Command::Settle)],
        &mut |_, state, _, _| {
            state.tags.get_mut(&TEAM).unwrap().edit().is_removed = true;
            let mission = state.missions.get_mut(&own.id).unwrap().edit();
            mission.is_open = false;
            mission.current = Amount::from_millionths(7);
        },
    );
    let (state, _) = found(&world, "ada");
    assert!(state.tags.is_empty() && state.missions.is_empty());
    let stored = read(store, |tx| {
        store::mission::find_of_user(tx, space, ada, own.id)
    });
    assert_eq!(stored.unwrap().current, Amount::from_millionths(7));
}

fn a_pending_entry_is_made_and_redeemed_in_one_batch(store: &Store) {
    let world = world(store);
    let bo = number(&world, "bo");
    let now = world.now;
    let asks = [("bo", Command::Settle), ("bo", Command::AssignMissions)];
    let mut step = 0;
    run(&world, &asks, &mut |_, state, _, outcome| {
        step += 1;
        if step == 1 {
            let made = entry(61, bo, now);
            outcome.appended.ledger.push(made.clone());
            state.pending.insert(made.id, Row::fresh(made));
        } else {
            let waiting = state.pending.values_mut().next().unwrap();
            let transaction = waiting.edit().transaction.as_mut().unwrap();
            transaction.state = TransactionState::Completed;
            transaction.redeemed = Some(now);
            transaction.redemption_group = Some("r".to_owned());
        }
    });
    assert!(found(&world, "bo").0.pending.is_empty());
    let space = world.space;
    let entries = read(store, |tx| store::ledger::last(tx, space, bo, COINS, 10));
    assert_eq!(entries.len(), 1);
    let details = read(store, |tx| {
        tx.row(
            "select state, details from ledger_entry where space_id = $1 and state is not null",
            &[space.number().into()],
            |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)),
        )
    });
    let (state, details) = details.unwrap();
    assert_eq!(state, "COMPLETED");
    assert!(details.contains("redemption"), "{details}");
}

fn missions_of_a_group_are_shared_by_a_batch(store: &Store) {
    let mut world = world(store);
    world.save("cy", Patch::default());
    carry_team(&world, &["ada", "bo"]);
    let now = world.now;
    let shared = mission(52, Owner::Group(TEAM), now);
    let rule = MissionRuleId(Uuid::from_u128(98));
    let asks: Vec<_> = ["ada", "cy", "bo", "ada"]
        .iter()
        .map(|name| (*name, Command::Settle))
        .collect();
    let mut sums = Vec::new();
    run(&world, &asks, &mut |name, _, company, outcome| {
        if name == "cy" {
            assert_eq!(*company, Company::default(), "not of the team");
            return;
        }
        let row = company
            .missions
            .entry(shared.id)
            .or_insert_with(|| Row::fresh(shared.clone()));
        let mission = row.edit();
        mission.current = mission
            .current
            .checked_add(Amount::from_millionths(1_000_000))
            .unwrap();
        sums.push(mission.current);
        company
            .evaluations
            .entry((TEAM, rule))
            .or_insert_with(|| Row::fresh(String::new()))
            .edit()
            .push('x');
        if sums.len() == 3 {
            outcome.appended.completed_groups.push(shared.id);
        }
    });
    assert_eq!(
        sums.iter().map(|sum| sum.millionths()).collect::<Vec<_>>(),
        [1_500_000, 2_500_000, 3_500_000]
    );
    let (_, company) = found(&world, "bo");
    let stored = company.missions[&shared.id].get();
    assert_eq!(stored.current.millionths(), 3_500_000);
    assert_eq!(&*stored.snapshot, &*shared.snapshot);
    assert_eq!(company.evaluations[&(TEAM, rule)].get(), "xxx");
    assert_eq!(found(&world, "cy").1, Company::default());

    let jobs = read(store, |tx| job::list(tx, 10));
    let task = Task::PayGroup(shared.id);
    let left = jobs.iter().find(|job| job.task == task).unwrap();
    let space = world.space;
    read(store, |tx| {
        let mission = job::paid_mission(tx, space, shared.id)?.unwrap();
        assert_eq!(mission.owner, Owner::Group(TEAM));
        let all = job::tagged_after(tx, space, TEAM, left.position, 10)?;
        assert_eq!(all.len(), 2);
        assert!(all[0].0 < all[1].0);
        assert_eq!(job::tagged_after(tx, space, TEAM, 0, 1)?, all[..1]);
        assert_eq!(
            job::tagged_after(tx, space, TEAM, all[0].0.0, 10)?,
            all[1..]
        );
        Ok(())
    });
    // Who gets the tag now is with the group at once.
    let assign = Command::TagUser(TagUser {
        action: TagAction::AssignNew,
        tags: vec![(TEAM, 0)],
    });
    run(&world, &[("cy", assign)], &mut |_, _, company, _| {
        assert!(company.missions.contains_key(&shared.id));
    });
}

fn transfer(source: &str, destination: &str) -> Command {
    Command::Transact(Transact {
        initiator_type: InitiatorType::Admin,
        initiator: "x".to_owned(),
        orders: vec![Order {
            currency: "coins".to_owned(),
            mode: RedemptionMode::Auto,
            amount: amount("1"),
            source: Some(source.to_owned()),
            destination: destination.to_owned(),
            expires: None,
            group: None,
            additional_data: None,
        }],
    })
}

fn others_are_at_hand_and_written_only_if_they_exist(store: &Store) {
    let world = world(store);
    let now = world.now;
    let filled = |text: &str| Purse {
        amount: amount(text),
        pending: Amount::ZERO,
        created: now,
        updated: now,
    };
    run(&world, &[("bo", Command::Settle)], &mut |_, state, _, _| {
        state.purses.insert(COINS, Row::fresh(filled("3")));
    });
    // Two commands, each of which names the user of the other one.
    let asks = [
        ("ada", transfer("bo", "ada")),
        ("bo", transfer("bo", "ghost")),
        ("ada", transfer("ada", "bo")),
    ];
    let mut names = Vec::new();
    run(&world, &asks, &mut |name, state, company, _| {
        names.push((
            name.to_owned(),
            company.others.keys().cloned().collect::<Vec<_>>(),
        ));
        if name == "ada" {
            let bo = company.others.get_mut("bo").unwrap();
            assert!(bo.purses.contains_key(&COINS));
            let purse = bo.purses.get_mut(&COINS).unwrap().edit();
            purse.amount = purse.amount.checked_add(amount("1")).unwrap();
            state.purses.insert(COINS, Row::fresh(filled("9")));
        } else {
            let ghost = company.others.get_mut("ghost").unwrap();
            assert!(ghost.is_new);
            ghost.purses.insert(COINS, Row::fresh(filled("1")));
        }
    });
    assert_eq!(
        names,
        [
            ("ada".to_owned(), vec!["bo".to_owned()]),
            ("bo".to_owned(), vec!["ghost".to_owned()]),
            ("ada".to_owned(), vec!["bo".to_owned()]),
        ]
    );
    let purse = |name: &str| found(&world, name).0.purses[&COINS].get().amount;
    assert_eq!(purse("bo"), amount("5"));
    assert_eq!(purse("ada"), amount("9"));
    let space = world.space;
    assert_eq!(read(store, |tx| user::find(tx, space, "ghost")), None);
    let count: Option<i64> = read(store, |tx| {
        tx.row(
            "select count(*) from balance where space_id = $1 and system_id = $2",
            &[space.number().into(), COINS.0.into()],
            |row| row.get(0),
        )
    });
    assert_eq!(count, Some(2));
}

fn a_taken_id_of_a_log_is_known(store: &Store) {
    let world = world(store);
    let now = world.now;
    let log = |id: &str| {
        Command::LogActivity(LogActivity {
            activity: "running".to_owned(),
            id: Some(id.to_owned()),
            outcome: None,
            value: None,
            tags: None,
            additional_data: None,
            completed: None,
        })
    };
    let asks = [("ada", log("one")), ("bo", log("one")), ("bo", log("two"))];
    let mut seen = Vec::new();
    let mut step = |name: &str, _: &mut UserState, company: &mut Company, outcome: &mut Outcome| {
        seen.push(company.logged.iter().cloned().collect::<Vec<_>>());
        if name == "ada" && company.logged.insert("one".to_owned()) {
            outcome.appended.activity = Some(ActivityLog {
                id: "one".to_owned(),
                activity: RUNNING,
                outcome: None,
                value: None,
                tags: None,
                additional_data: None,
                completed: now,
                created: now,
            });
        }
    };
    run(&world, &asks, &mut step);
    run(&world, &asks, &mut step);
    let one = vec!["one".to_owned()];
    assert_eq!(
        seen,
        [
            vec![],
            one.clone(),
            one.clone(),
            one.clone(),
            one.clone(),
            one
        ]
    );
}

fn a_renamed_user_keeps_its_rows(store: &Store) {
    let mut world = world(store);
    let ada = number(&world, "ada");
    let rename = |name: &str| {
        save(Patch {
            external_id: Some(name.to_owned()),
            ..Patch::default()
        })
    };
    let space = world.space;
    // The rest of the batch finds the user under the old name.
    let asks = [
        world.ask(space, "ada", rename("augusta")),
        world.ask(space, "ada", crate::world::event("runs", "2", &[])),
        world.ask(space, "new", save(Patch::default())),
        world.ask(space, "new", rename("newer")),
    ];
    world.carry_out(&asks);
    assert_eq!(world.find("augusta").id, ada);
    assert_eq!(read(store, |tx| user::find(tx, space, "ada")), None);
    assert!(read(store, |tx| user::find(tx, space, "newer")).is_some());
    assert_eq!(world.event("augusta", "runs", "1").total.rounded(), 3);
    // A name that is taken is a conflict.
    let ask = world.ask(space, "augusta", rename("bo"));
    let ids = &mut world.ids;
    let result = store.write(|tx| crate::world::carry_out(tx, &[ask], ids));
    assert!(
        matches!(result, Err(store::Error::Conflict(_))),
        "{result:?}"
    );
}

fn a_drawn_number_is_used(store: &Store) {
    let mut world = world(store);
    let drawn = world.ids.user(world.now);
    let name = drawn.0.to_string();
    let command = Command::SaveUser(SaveUser {
        user: Patch::default(),
        may_create: true,
        must_be_new: Some(Some(drawn)),
    });
    let space = world.space;
    world.send(space, &name, command);
    let made = world.find(&name);
    assert_eq!(made.id, drawn);
    assert_eq!(made.own_id(), None);
}

fn only_what_acts_is_compiled(store: &Store) {
    let mut world = world(store);
    let (space, now) = (world.space, world.now);
    let (draft, archived, blue) = (world.uuid(), world.uuid(), world.uuid());
    write(store, |tx| {
        document::insert(tx, space, draft, currency("gems"), now)?;
        publish(tx, space, archived, currency("shells"), now)?;
        store::definition::archive(tx, space, archived, now)?;
        document::insert(tx, space, blue, tag("blue"), now)?;
        let tag = [(TagId(blue), 3)];
        store::definition_tag::assign(tx, space, RUNNING.0, &tag, now)?;
        Ok(())
    });
    let book = read(store, |tx| catalog(tx, space)).book.clone();
    assert_eq!(book.currencies().count(), 1);
    assert!(book.currency(COINS).is_some());
    assert_eq!(book.tag_named("team:blue"), Some(TagId(blue)));
    assert_eq!(book.activity("running").unwrap().tags, [TagId(blue)]);
    assert!(book.has_group_missions());
}

#[test]
fn a_group_of_two_processes_counts_exactly() {
    let url = testkit::postgres_url();
    let first = migrated(Location::Postgres(url.clone()));
    let second = Store::open(Location::Postgres(url)).unwrap();
    let world = world(&first);
    carry_team(&world, &["ada", "bo"]);
    let (space, now) = (world.space, world.now);
    let shared = mission(53, Owner::Group(TEAM), now);
    run(
        &world,
        &[("ada", Command::Settle)],
        &mut |_, _, company, _| {
            let fresh = Row::fresh(Mission {
                current: Amount::ZERO,
                ..shared.clone()
            });
            company.missions.insert(shared.id, fresh);
        },
    );
    let catalog = read(&first, |tx| catalog(tx, space));
    std::thread::scope(|scope| {
        for (store, name) in [(&first, "ada"), (&second, "bo")] {
            let catalog = &catalog;
            scope.spawn(move || {
                for _ in 0..50 {
                    // No deadlock, no lost addition, no repetition.
                    write(store, |tx| {
                        let asks = [(name, Command::Settle)];
                        act(tx, space, catalog, &asks, now, &mut |_, _, company, _| {
                            for row in company.missions.values_mut() {
                                let mission = row.edit();
                                let one = Amount::from_millionths(1);
                                mission.current = mission.current.checked_add(one).unwrap();
                            }
                        })
                    });
                }
            });
        }
    });
    let (_, company) = found(&world, "ada");
    assert_eq!(company.missions[&shared.id].get().current.millionths(), 100);
}
