//! What the first start makes - organization, production environment, admin key - and what it tells the newcomer.

use engine::id::Ids;
use server::admin_key::AdminKey;
use server::app::App;
use store::tenancy;

use crate::logging::print;
use crate::settings::{Place, Settings};

/// What the start found.
pub(crate) enum Start {
    /// Nothing was there; the key that was made, unless the operator had chosen it.
    First(Option<AdminKey>),
    /// Everything was there.
    Later,
}

/// Makes what is missing. Several processes may do it at once on one database: one of them wins.
pub(crate) fn bootstrap(app: &App, settings: &Settings) -> anyhow::Result<Start> {
    let mut ids = Ids::seeded(getrandom::u64()?);
    let random = AdminKey::random()?;
    let given = settings.admin_key.as_ref();
    let key = given.unwrap_or(&random);
    let is_multi_tenant = settings.multi_tenancy.unwrap_or(false);
    let mut tries = 0;
    let is_first = loop {
        let now = app.room.clock.now();
        let made = app.room.store.write(|tx| {
            let Some(environment) =
                tenancy::bootstrap(tx, "Kleos", is_multi_tenant, &mut ids, now)?
            else {
                return Ok(false);
            };
            key.keep(tx, environment, "Made at first start", &mut ids, now)?;
            Ok(true)
        });
        match made {
            Err(store::Error::Busy | store::Error::Conflict(_)) if tries < 5 => tries += 1,
            made => break made?,
        }
    };
    if is_first {
        return Ok(Start::First(given.is_none().then_some(random)));
    }
    remind(app, settings)?;
    Ok(Start::Later)
}

/// Says so when settings of the first start are given later and say something else.
fn remind(app: &App, settings: &Settings) -> anyhow::Result<()> {
    let (is_known, is_multi_tenant) = app.room.store.read(|tx| {
        let is_known = match &settings.admin_key {
            None => true,
            Some(given) => store::access::find_key(tx, &given.prefix)?
                .is_some_and(|key| key.hash == server::door::hash(&given.body)),
        };
        let organization = match tenancy::production(tx)? {
            Some(environment) => tenancy::organization(tx, environment)?,
            None => None,
        };
        Ok::<_, store::Error>((is_known, organization.map(|found| found.is_multi_tenant)))
    })?;
    if !is_known {
        tracing::warn!(
            "KLEOS_ADMIN_KEY is not a key of this store: it is read at first start only; \
             make one with `kleos keys create{}`",
            settings.place.flag()
        );
    }
    if let (Some(wanted), Some(is)) = (settings.multi_tenancy, is_multi_tenant)
        && wanted != is
    {
        tracing::warn!(
            "multi-tenancy stays {}: KLEOS_MULTI_TENANCY is read at first start only; \
             change it with PATCH /admin/v1/organization",
            if is { "on" } else { "off" }
        );
    }
    Ok(())
}

/// Tells how to go on. `base`: where the server listens, `http://host:port`.
pub(crate) fn greet(start: &Start, place: &Place, base: &str, is_multi_tenant: bool) {
    match start {
        Start::First(made) => print(&welcome(made.as_ref(), place, base, is_multi_tenant)),
        Start::Later => print(&format!(
            "Kleos listens on {base} (reference: {base}/docs), data in {}.\n\
             Another admin key: kleos keys create{}",
            place.shown(),
            place.flag()
        )),
    }
}

fn welcome(made: Option<&AdminKey>, place: &Place, base: &str, is_multi_tenant: bool) -> String {
    let mut lines = vec![format!(
        "\nKleos listens on {base} (reference: {base}/docs), data in {}.\n",
        place.shown()
    )];
    let key = if let Some(AdminKey { prefix, body }) = made {
        lines.push("Your admin key. It is shown only now, keep it:\n".to_owned());
        lines.push(format!("  {prefix}.{body}\n"));
        format!("{prefix}.{body}")
    } else {
        lines.push("Your admin key is the one you chose in KLEOS_ADMIN_KEY.\n".to_owned());
        "$KLEOS_ADMIN_KEY".to_owned()
    };
    let tenant = if is_multi_tenant {
        " -H 'Tenant-ID: acme'"
    } else {
        ""
    };
    let headers = format!("-H \"X-API-KEY: {key}\" -H 'Content-Type: application/json'");
    if is_multi_tenant {
        lines.push("Paste this to make a tenant:\n".to_owned());
        lines.push(format!(
            "  curl {base}/admin/v1/tenants {headers} -d '[{{\"customerId\": \"acme\", \"name\": \"Acme\"}}]'\n"
        ));
    }
    lines.push(
        if is_multi_tenant {
            "this to make a metric in it:\n"
        } else {
            "Paste this to make a metric:\n"
        }
        .to_owned(),
    );
    lines.push(format!(
        "  curl {base}/admin/v1/metrics {headers}{tenant} -d '[{{\"name\": \"Words written\", \"key\": \"words-written\"}}]'\n"
    ));
    lines.push("and then this as often as you like, to record what a user did:\n".to_owned());
    lines.push(format!(
        "  curl {base}/v1/metrics/words-written/event {headers}{tenant} -d '{{\"user\": {{\"id\": \"ada\", \"tz\": \"Europe/London\"}}, \"value\": 250}}'\n"
    ));
    lines.push(format!(
        "Another admin key: kleos keys create{}\n",
        place.flag()
    ));
    lines.join("\n")
}
