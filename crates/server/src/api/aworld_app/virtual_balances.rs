//! What the acting user has of each currency (spec/aworld.md 3.17, 4.10).
//!
//! A points system is read as a currency whose id is its key; a virtual currency of the same id hides it.

use axum::Json;
use axum::extract::State;
use engine::amount::Amount;
use engine::catalog::{Catalog, SystemEntry};
use engine::definition::{Document, Origin, Stored, VirtualCurrency};
use engine::id::CurrencyId;
use engine::state::{Purse, Row, UserState};
use jiff::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::aworld as w;

use super::missions::translation;
use crate::api::aworld::page::{Page, PageQuery, fields};
use crate::api::aworld::time::iso;
use crate::api::trophy_app::users::settled;
use crate::app::{App, View};
use crate::bearer::{Acting, AppBearer};
use crate::body::Segment;
use crate::problem::{Problem, Result};
use crate::query::Query;

/// What may be asked for with `fields`.
const PARTS: &[&str] = &["translation"];
/// The language that the name of a points system is taken for.
const SYSTEM_LANG: &str = "en";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_virtual_balances))
        .routes(routes!(get_virtual_balance))
}

/// Lists what the user has of every currency the user ever had transactions in.
#[utoipa::path(
    get, path = "/virtual-balances", operation_id = "aworld_app_list_virtual_balances", tag = "Virtual balances",
    params(
        ("fields" = Option<Vec<String>>, Query, description = "`translation`."),
        PageQuery,
    ),
    responses((status = 200, description = "The balances.", body = w::VirtualBalancePage)),
)]
async fn list_virtual_balances(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    query: Query,
) -> Result<Json<w::VirtualBalancePage>> {
    let page = Page::of(&query)?;
    let with_texts = !fields(&query, PARTS)?.is_empty();
    let acting = bearer.user()?.clone();
    let lang = bearer.lang().to_owned();
    app.read(&bearer.caller, move |view| {
        let catalog = view.catalog.clone();
        let holder = Holder::of(view, acting)?;
        let mut held = Vec::new();
        for currency in currencies(&catalog) {
            held.extend(holder.find(view, currency)?.map(|purse| (currency, purse)));
        }
        let place =
            |(currency, purse): &(Currency<'_>, Purse)| (purse.updated, currency.key().to_owned());
        // A token counts in microseconds.
        held.sort_by_key(|item| place(item));
        if !page.is_ascending {
            held.reverse();
        }
        if let Some(after) = &page.after {
            held.retain(|item| {
                if page.is_ascending {
                    place(item) > *after
                } else {
                    place(item) < *after
                }
            });
        }
        let next_token = page.cut(&mut held, place);
        let lang = with_texts.then_some(lang.as_str());
        let items = held
            .into_iter()
            .map(|(currency, purse)| holder.shown(currency, &purse, lang))
            .collect();
        Ok(Json(w::VirtualBalancePage { items, next_token }))
    })
    .await
}

/// Shows what the user has of a currency; nothing, if the user never had any.
#[utoipa::path(
    get, path = "/virtual-balances/{virtualCurrencyId}", operation_id = "aworld_app_get_virtual_balance",
    tag = "Virtual balances",
    params(
        ("virtualCurrencyId" = String, Path, description = "The id of the currency."),
        ("fields" = Option<Vec<String>>, Query, description = "`translation`."),
    ),
    responses((status = 200, description = "The balance.", body = w::VirtualBalance)),
)]
async fn get_virtual_balance(
    State(app): State<App>,
    AppBearer(bearer): AppBearer,
    Segment(key): Segment,
    query: Query,
) -> Result<Json<w::VirtualBalance>> {
    let with_texts = !fields(&query, PARTS)?.is_empty();
    let acting = bearer.user()?.clone();
    let lang = bearer.lang().to_owned();
    app.read(&bearer.caller, move |view| {
        let catalog = view.catalog.clone();
        let currency = Currency::named(&catalog, &key)
            .ok_or_else(|| Problem::not_found("virtual currency", &key))?;
        let holder = Holder::of(view, acting)?;
        let purse = match holder.find(view, currency)? {
            Some(purse) => purse,
            None => Purse {
                amount: Amount::ZERO,
                pending: Amount::ZERO,
                created: holder.state.user.get().created,
                updated: holder.state.user.get().created,
            },
        };
        let lang = with_texts.then_some(lang.as_str());
        Ok(Json(holder.shown(currency, &purse, lang)))
    })
    .await
}

/// What can be read as a virtual currency.
#[derive(Clone, Copy, Debug)]
pub(super) enum Currency<'a> {
    /// A virtual currency.
    Virtual(&'a Stored<Document<VirtualCurrency>>),
    /// A points system.
    Points(&'a SystemEntry),
}

/// Everything in a space that can be read as a virtual currency.
pub(super) fn currencies(catalog: &Catalog) -> impl Iterator<Item = Currency<'_>> {
    let systems = catalog.systems().filter(|system| {
        let key = &system.body().key;
        catalog.book.currency_named(key).is_none()
    });
    catalog
        .book
        .currencies()
        .map(Currency::Virtual)
        .chain(systems.map(Currency::Points))
}

impl<'a> Currency<'a> {
    /// The one with an id.
    fn named(catalog: &'a Catalog, key: &str) -> Option<Self> {
        match catalog.book.currency_named(key) {
            Some(currency) => Some(Self::Virtual(currency)),
            None => catalog.system_by_key(key).map(Self::Points),
        }
    }

    /// The id it is kept by.
    pub(super) fn id(self) -> CurrencyId {
        match self {
            Self::Virtual(stored) => CurrencyId(stored.id),
            Self::Points(system) => system.id(),
        }
    }

    /// The id it is known by.
    pub(super) fn key(self) -> &'a str {
        match self {
            Self::Virtual(stored) => &stored.body.id,
            Self::Points(system) => &system.body().key,
        }
    }

    fn shown(self) -> w::HeldCurrency {
        match self {
            Self::Virtual(stored) => {
                let content = &stored.body.content;
                w::HeldCurrency {
                    virtual_currency_id: stored.body.id.clone(),
                    name: content.name.clone(),
                    catalog_virtual_currency_id: content.catalog_virtual_currency_id.clone(),
                    origin: match stored.body.origin() {
                        Origin::Catalog => w::Origin::Catalog,
                        Origin::Custom => w::Origin::Custom,
                    },
                    sync_with_catalog: content.sync_with_catalog,
                    default_lang: stored.body.default_lang.clone(),
                    langs: stored.body.langs().into_iter().map(str::to_owned).collect(),
                    min_allowed_balance: content.min_allowed_balance.map(Amount::to_f64),
                    max_allowed_balance: content.max_allowed_balance.map(Amount::to_f64),
                    icon: content.icon.clone(),
                    created_at: iso(stored.created),
                    updated_at: iso(stored.updated),
                }
            }
            Self::Points(system) => w::HeldCurrency {
                virtual_currency_id: system.body().key.clone(),
                name: system.body().name.clone(),
                catalog_virtual_currency_id: None,
                origin: w::Origin::Custom,
                sync_with_catalog: None,
                default_lang: SYSTEM_LANG.to_owned(),
                langs: vec![SYSTEM_LANG.to_owned()],
                min_allowed_balance: None,
                max_allowed_balance: system
                    .body()
                    .max_points
                    .map(|points| Amount::from_units(points).to_f64()),
                icon: system.body().badge_url.clone(),
                created_at: iso(system.stored.created),
                updated_at: iso(system.stored.updated),
            },
        }
    }

    fn texts(self, lang: &str) -> Option<w::Translation> {
        match self {
            Self::Virtual(stored) => translation(stored.body.translation(lang)?),
            Self::Points(system) => {
                let description = &system.body().description;
                Some(w::Translation {
                    lang: SYSTEM_LANG.to_owned(),
                    label: system.body().name.clone(),
                    description: (!description.is_empty()).then(|| description.clone()),
                })
            }
        }
    }
}

/// A user with all rows as they are now, whether or not anybody has swept.
struct Holder {
    acting: Acting,
    state: UserState,
    now: Timestamp,
}

impl Holder {
    fn of(view: &mut View<'_, '_>, acting: Acting) -> Result<Self> {
        let (state, _) = settled(view, &acting.external_id)?;
        Ok(Self {
            acting,
            state,
            now: view.now,
        })
    }

    /// What the user has of a currency, if the user ever had any.
    fn find(&self, view: &mut View<'_, '_>, currency: Currency<'_>) -> Result<Option<Purse>> {
        match currency {
            Currency::Virtual(stored) => Ok(self
                .state
                .purses
                .get(&CurrencyId(stored.id))
                .map(|row| *row.get())),
            Currency::Points(system) => {
                let balance = self.state.balances.get(&system.id()).map(Row::get);
                let Some(balance) = balance else {
                    return Ok(None);
                };
                let user = self.acting.id;
                let span = store::transaction::span(view.tx, view.space, user, system.id())?;
                // Without entries the balance is what time has just brought.
                let (created, updated) = span.unwrap_or((self.now, self.now));
                Ok(Some(Purse {
                    amount: Amount::from_units(*balance),
                    pending: Amount::ZERO,
                    created,
                    updated,
                }))
            }
        }
    }

    fn shown(
        &self,
        currency: Currency<'_>,
        purse: &Purse,
        lang: Option<&str>,
    ) -> w::VirtualBalance {
        w::VirtualBalance {
            user_id: self.acting.id.0.to_string(),
            virtual_currency_id: currency.key().to_owned(),
            amount: purse.amount.to_f64(),
            available_amount: purse.available().to_f64(),
            created_at: iso(purse.created),
            updated_at: iso(purse.updated),
            virtual_currency: currency.shown(),
            is_active: true,
            translation: lang.and_then(|lang| currency.texts(lang)),
        }
    }
}
