//! `kleos demo`: a small believable world to look at - two products, some hundred users, ninety days of what they did.
//!
//! Everything goes the way it goes in earnest: events through the desk, midnights through their worker, only the clock is set
//! by hand. The same seed on the same day makes the same world.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use clap::Args;
use engine::amount::Amount;
use engine::calendar::RunUnit;
use engine::command::{Command, RecordEvent};
use engine::definition::{
    Achievement, AchievementStatus, AchievementTrigger, Attribute, AttributeKind, Board,
    BoardStatus, Definition, Freezes, Metric, PointsLevel, PointsSystem, PointsTrigger, RankBy,
    Run, StreakMetric, StreakSettings, TriggerRule, UnitType,
};
use engine::id::{AchievementId, BoardId, CurrencyId, Ids, MetricId};
use engine::user::{Change, Patch};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use server::admin_key::AdminKey;
use server::app::{App, Configuration};
use server::clock::Clock;
use server::desk::Verdict;
use server::problem::Problem;
use server::workers;
use store::{Space, tenancy};

use crate::logging::print;
use crate::settings::{CommonFlags, Place, Settings};
use crate::{folder, logging};

/// The flags of `kleos demo`.
#[derive(Args)]
pub(crate) struct DemoFlags {
    #[command(flatten)]
    common: CommonFlags,
    /// Another number makes another world
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const DAYS: i32 = 90;
const ZONES: [&str; 16] = [
    "Europe/London",
    "Europe/Rome",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Kyiv",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Singapore",
    "Australia/Sydney",
    "Africa/Lagos",
    "Pacific/Auckland",
];
const FIRST_NAMES: [&str; 24] = [
    "Ada", "Alan", "Amara", "Aiko", "Bruno", "Chiara", "Dina", "Emeka", "Fatima", "Grace", "Hugo",
    "Ines", "Jonas", "Kofi", "Lena", "Mateo", "Nora", "Omar", "Priya", "Quinn", "Rosa", "Sven",
    "Tomoko", "Yara",
];
const LAST_NAMES: [&str; 20] = [
    "Almeida", "Bianchi", "Chen", "Diallo", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito",
    "Jensen", "Kowalski", "Lopez", "Moreau", "Nguyen", "Okafor", "Patel", "Rossi", "Silva",
    "Tanaka", "Weber",
];

/// One of the two products.
struct Product {
    customer: &'static str,
    name: &'static str,
    users: u64,
    /// What keeps the streak: name, key, unit, the most of it in one event.
    main: (&'static str, &'static str, &'static str, u64),
    /// What goes with it.
    other: (&'static str, &'static str, &'static str, u64),
    attribute: (&'static str, &'static str, [&'static str; 4]),
    badges: [(&'static str, i64); 3],
}

const PRODUCTS: [Product; 2] = [
    Product {
        customer: "lingua",
        name: "Lingua, a language school",
        users: 180,
        main: ("Lessons completed", "lessons-completed", "lessons", 3),
        other: ("Words learned", "words-learned", "words", 25),
        attribute: (
            "Language",
            "language",
            ["Italian", "Japanese", "Spanish", "Swahili"],
        ),
        badges: [("First steps", 10), ("Bookworm", 50), ("Polyglot", 150)],
    },
    Product {
        customer: "stride",
        name: "Stride, a running club",
        users: 140,
        main: ("Workouts", "workouts", "workouts", 1),
        other: ("Distance run", "distance-run", "km", 14),
        attribute: (
            "Surface",
            "surface",
            ["road", "trail", "track", "treadmill"],
        ),
        badges: [("Warm-up", 5), ("Regular", 25), ("Iron will", 60)],
    },
];

/// Somebody who comes back at some hour on some days.
struct Player {
    space: Space,
    product: &'static Product,
    id: String,
    name: String,
    zone: &'static str,
    plan: &'static str,
    first_day: i32,
    /// In how many of a hundred days something happens.
    diligence: u64,
    hour: i32,
}

/// Numbers that look random and repeat with the seed.
struct Dice(Ids);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.random() % limit.max(1)
    }

    fn small(&mut self, limit: u64) -> i32 {
        i32::try_from(self.below(limit)).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        let index = usize::try_from(self.below(u64::try_from(among.len()).ok()?)).ok()?;
        among.get(index).copied()
    }
}

/// Something that will happen: the minute of the whole time, who, and what.
struct Plan {
    minute: i64,
    player: usize,
    metric: &'static str,
    value: Amount,
    attribute: Option<(&'static str, &'static str)>,
}

/// Fills an empty place.
pub(crate) fn run(flags: DemoFlags) -> anyhow::Result<()> {
    let DemoFlags { common, seed } = flags;
    let mut settings = Settings::of_command(common)?;
    // The start and end of the server's parts are of no interest here.
    "warn".clone_into(&mut settings.log);
    logging::start(&settings)?;
    if let Place::Folder(folder) = &settings.place {
        ensure!(
            folder::is_empty(folder)?,
            "{} is not empty: the demo wants a folder of its own, e.g. --data-dir ./kleos-demo",
            folder.display()
        );
    }
    let held = folder::hold(&settings.place)?;
    let now = Clock::system().now();
    let last_day = now.to_zoned(TimeZone::UTC).date();
    let first_day = last_day.checked_sub(jiff::Span::new().days(DAYS))?;
    let start = first_day.to_zoned(TimeZone::UTC)?.timestamp();
    let clock = Clock::set_to(start);
    let app = App::open(settings.place.location(), clock.clone(), seed)?;
    let mut dice = Dice(Ids::seeded(seed));
    let (key, spaces) = organize(&app)?;
    let mut players = Vec::new();
    for (product, space) in PRODUCTS.iter().zip(spaces) {
        app.configure_space(space, |configuration| {
            configure(configuration, product, first_day)
        })
        .map_err(|problem| anyhow::anyhow!("{}: {}", product.name, problem.message))?;
        players.extend((0..product.users).map(|number| player(&mut dice, product, space, number)));
    }
    app.load_ranks()?;
    let minutes = now.duration_since(start).as_mins();
    let plans = plan(&mut dice, &players, minutes);
    let events = plans.len();
    // One thread, so that events reach the desk in the order they were planned in.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let lived = runtime.block_on(live(&app, &clock, start, &players, plans));
    drop(runtime);
    app.close();
    drop(held);
    lived?;
    farewell(&settings.place, &key, players.len(), events);
    Ok(())
}

/// Makes the organization with its tenants and an admin key.
fn organize(app: &App) -> anyhow::Result<(AdminKey, Vec<Space>)> {
    let key = AdminKey::random()?;
    let spaces = app.room.store.write(|tx| {
        let now = app.room.clock.stamp();
        let mut ids = app
            .room
            .ids
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(environment) = tenancy::bootstrap(tx, "Kleos demo", true, &mut ids, now)? else {
            bail!("the database is not empty: the demo wants one of its own");
        };
        key.keep(tx, environment, "Made by the demo", &mut ids, now)?;
        let mut spaces = Vec::new();
        for product in &PRODUCTS {
            let (customer, name) = (product.customer, product.name);
            tenancy::insert_tenant(tx, environment, customer, name, &mut ids, now)?;
            let space = store::access::tenant_space(tx, environment, customer)?;
            spaces.push(space.context("the tenant that was just made is missing")?);
        }
        Ok(spaces)
    })?;
    Ok((key, spaces))
}

fn publish<T: Definition>(
    configuration: &mut Configuration<'_, '_>,
    body: &T,
) -> Result<uuid::Uuid, Problem> {
    if let Some(problem) = body.problem() {
        return Err(Problem::unprocessable(problem));
    }
    let id = configuration.id();
    let (space, now) = (configuration.space, configuration.now);
    store::definition::insert(configuration.tx, space, id, body, now)?;
    Ok(id)
}

/// What a product's makers would have set up.
fn configure(
    configuration: &mut Configuration<'_, '_>,
    product: &Product,
    first_day: Date,
) -> Result<(), Problem> {
    let now = configuration.now;
    let attribute = |name: &str, key: &str, kind| Attribute {
        name: name.to_owned(),
        key: key.to_owned(),
        kind,
    };
    let plan = publish(
        configuration,
        &attribute("Plan", "plan", AttributeKind::User),
    )?;
    let (name, key, _) = product.attribute;
    publish(configuration, &attribute(name, key, AttributeKind::Event))?;
    let mut metrics = Vec::new();
    for (name, key, units, _) in [product.main, product.other] {
        let metric = Metric {
            name: name.to_owned(),
            key: key.to_owned(),
            unit_type: UnitType::Number,
            units: units.to_owned(),
        };
        metrics.push(MetricId(publish(configuration, &metric)?));
    }
    let [main, other] = metrics[..] else {
        return Err(Problem::busy());
    };

    let achievement = |name: &str, key: &str, trigger| Achievement {
        name: name.to_owned(),
        description: None,
        badge_url: None,
        status: AchievementStatus::Active,
        rule_since: now,
        trigger,
        key: Some(key.to_owned()),
        user_filters: Vec::new(),
    };
    let mut badges = Vec::new();
    for (name, value) in product.badges {
        let trigger = AchievementTrigger::Metric {
            metric: main,
            value: Amount::from_units(value),
            event_filters: Vec::new(),
        };
        let key = name.to_lowercase().replace(' ', "-");
        badges.push(AchievementId(publish(
            configuration,
            &achievement(name, &key, trigger),
        )?));
    }
    for (name, key, length) in [("A week", "streak-7", 7), ("A month", "streak-30", 30)] {
        let trigger = AchievementTrigger::Streak { length };
        badges.push(AchievementId(publish(
            configuration,
            &achievement(name, key, trigger),
        )?));
    }
    let all = AchievementTrigger::Composite {
        achievements: badges.clone(),
    };
    publish(configuration, &achievement("Everything", "everything", all))?;
    let by_hand = achievement(
        "Profile complete",
        "profile-complete",
        AchievementTrigger::Api,
    );
    publish(configuration, &by_hand)?;

    let streak = StreakSettings {
        metrics: vec![StreakMetric {
            metric: main,
            threshold: 1,
        }],
        freezes: Some(Freezes {
            start_count: 1,
            max_count: 3,
            auto_earn: Some((7, 1)),
            since: now,
        }),
        ..StreakSettings::default()
    };
    publish(configuration, &streak)?;

    let points = PointsSystem {
        name: "Experience".to_owned(),
        key: "xp".to_owned(),
        description: "Grows with everything a user does.".to_owned(),
        badge_url: None,
        max_points: None,
    };
    let system = CurrencyId(publish(configuration, &points)?);
    let each = |metric| TriggerRule::Metric {
        metric,
        threshold: 1,
        event_filters: Vec::new(),
    };
    let mut rules = vec![
        (each(main), 10),
        (each(other), 1),
        (TriggerRule::Streak { length: 7 }, 50),
        (TriggerRule::UserCreation, 20),
    ];
    rules.extend(
        badges
            .iter()
            .map(|id| (TriggerRule::Achievement { achievement: *id }, 100)),
    );
    for (rule, points) in rules {
        let trigger = PointsTrigger {
            system,
            rule,
            points,
            is_active: true,
            active_since: now,
            user_filters: Vec::new(),
            block_if_out_of_points: false,
        };
        publish(configuration, &trigger)?;
    }
    for (name, points) in [
        ("Bronze", 100),
        ("Silver", 500),
        ("Gold", 1_500),
        ("Diamond", 4_000),
    ] {
        let level = PointsLevel {
            system,
            name: name.to_owned(),
            key: name.to_lowercase(),
            description: String::new(),
            badge_url: None,
            points,
        };
        publish(configuration, &level)?;
    }

    let week = Some(Run {
        unit: RunUnit::Day,
        interval: 7,
    });
    for (name, key, rank_by, run, breakdown) in [
        ("This week", "weekly", RankBy::Metric(other), week, vec![]),
        (
            "Most experienced",
            "all-time-xp",
            RankBy::Points(system),
            None,
            vec![],
        ),
        (
            "By plan",
            "xp-by-plan",
            RankBy::Points(system),
            None,
            vec![plan.into()],
        ),
        ("Longest streaks", "streaks", RankBy::Streak, None, vec![]),
    ] {
        let board = Board {
            name: name.to_owned(),
            key: key.to_owned(),
            description: None,
            status: BoardStatus::Active,
            rank_by,
            max_participants: 100,
            start: first_day,
            end: None,
            start_time: None,
            end_time: None,
            run,
            breakdown,
            user_filters: Vec::new(),
        };
        let id = publish(configuration, &board)?;
        configuration.board_changed(BoardId(id));
    }
    Ok(())
}

fn player(dice: &mut Dice, product: &'static Product, space: Space, number: u64) -> Player {
    let first = dice.pick(&FIRST_NAMES).unwrap_or_default();
    let last = dice.pick(&LAST_NAMES).unwrap_or_default();
    // A third was there from the start; few come every day, many now and then.
    let first_day = if dice.below(3) == 0 {
        0
    } else {
        dice.small(80)
    };
    let diligence = match dice.below(10) {
        0..=1 => 93 + dice.below(7),
        2..=5 => 40 + dice.below(45),
        _ => 4 + dice.below(25),
    };
    Player {
        space,
        product,
        id: format!("user-{:03}", number + 1),
        name: format!("{first} {last}"),
        zone: dice.pick(&ZONES).unwrap_or("UTC"),
        plan: if dice.below(4) == 0 { "pro" } else { "free" },
        first_day,
        diligence,
        hour: 7 + dice.small(14),
    }
}

/// All events up to a minute, in order.
fn plan(dice: &mut Dice, players: &[Player], minutes: i64) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (index, player) in players.iter().enumerate() {
        let product = player.product;
        let offset_hours = TimeZone::get(player.zone).map_or(0, |zone| {
            zone.to_offset(Timestamp::UNIX_EPOCH).seconds() / 3_600
        });
        for day in player.first_day..=DAYS {
            // Everybody acts on the first day; that is how we know of them.
            if day != player.first_day && dice.below(100) >= player.diligence {
                continue;
            }
            let hour = (player.hour - offset_hours).rem_euclid(24);
            let minute = i64::from(day * 24 + hour) * 60 + i64::from(dice.small(60));
            let (_, attribute, values) = product.attribute;
            let value = dice.pick(&values).unwrap_or_default();
            for (after, (_, metric, _, most)) in [(0, product.main), (5, product.other)] {
                let tenths = if most == 1 {
                    10
                } else {
                    10 + dice.below(most * 10)
                };
                let value_of_event = match metric {
                    // Distances have decimals, lessons and words do not.
                    "distance-run" => tenths * 100_000,
                    _ => tenths / 10 * 1_000_000,
                };
                plans.push(Plan {
                    minute: minute + after,
                    player: index,
                    metric,
                    value: Amount::from_millionths(i64::try_from(value_of_event).unwrap_or(0)),
                    attribute: Some((attribute, value)),
                });
            }
        }
    }
    plans.retain(|plan| plan.minute < minutes);
    plans.sort_by_key(|plan| (plan.minute, plan.player));
    plans
}

/// How many minutes of the world pass at once: what happens in them goes to the desk together.
const STEP_MINUTES: i64 = 30;

/// Lets everything happen.
async fn live(
    app: &App,
    clock: &Clock,
    start: Timestamp,
    players: &[Player],
    plans: Vec<Plan>,
) -> anyhow::Result<()> {
    let bar = ProgressBar::new(u64::try_from(plans.len())?);
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len} events, {eta} left",
    )?);
    let mut plans = plans.into_iter().peekable();
    let mut is_known = vec![false; players.len()];
    while let Some(first) = plans.peek() {
        let from = first.minute - first.minute.rem_euclid(STEP_MINUTES);
        settle(app, clock, start, from).await?;
        let mut asked = Vec::new();
        while let Some(plan) = plans.next_if(|plan| plan.minute < from + STEP_MINUTES) {
            let player = &players[plan.player];
            let is_first = !std::mem::replace(&mut is_known[plan.player], true);
            let command = Command::RecordEvent(event(player, &plan, is_first));
            let desk = app.desk();
            let (space, who) = (player.space, player.id.clone());
            asked.push(tokio::spawn(async move {
                desk.ask_patiently(space, who, command).await
            }));
        }
        bar.inc(u64::try_from(asked.len())?);
        for verdict in asked {
            match verdict.await? {
                Verdict::Done(_) => {}
                Verdict::Refused(refusal) => bail!("an event was refused: {refusal}"),
                Verdict::Failed(error) => return Err(error).context("an event failed"),
                Verdict::Stale(..) | Verdict::Repeated(_) | Verdict::Gone | Verdict::Full => {
                    bail!("the desk took no event")
                }
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Passes all midnights up to a minute, as the server would have.
async fn settle(app: &App, clock: &Clock, start: Timestamp, minute: i64) -> anyhow::Result<()> {
    clock.set(start + SignedDuration::from_mins(minute));
    workers::midnight::step(app)
        .await
        .map_err(|problem| anyhow::anyhow!("midnights: {}", problem.message))?;
    Ok(())
}

fn event(player: &Player, plan: &Plan, is_first: bool) -> RecordEvent {
    let user = if is_first {
        Patch {
            name: Change::Set(player.name.clone()),
            email: Change::Set(format!("{}@{}.example", player.id, player.product.customer)),
            tz: Change::Set(player.zone.to_owned()),
            attributes: BTreeMap::from([("plan".to_owned(), Some(player.plan.to_owned()))]),
            ..Patch::default()
        }
    } else {
        Patch::default()
    };
    let attributes = plan
        .attribute
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    RecordEvent {
        metric: plan.metric.to_owned(),
        value: plan.value,
        attributes: attributes.collect(),
        user,
        idempotency_key: None,
    }
}

fn farewell(place: &Place, key: &AdminKey, users: usize, events: usize) {
    let AdminKey { prefix, body } = key;
    let headers = format!("-H 'X-API-KEY: {prefix}.{body}' -H 'Tenant-ID: lingua'");
    let flag = place.flag();
    print(&format!(
        "Made {users} users and {events} events of the tenants lingua and stride in {}.\n\n\
         Start the server:\n\n  kleos serve{flag}\n\n\
         and look at a leaderboard and at one user:\n\n  \
         curl {headers} http://127.0.0.1:8080/v1/leaderboards/weekly\n\n  \
         curl {headers} http://127.0.0.1:8080/v1/users/user-001/streak\n\n\
         Admin key (shown only now): {prefix}.{body}",
        place.shown()
    ));
}
