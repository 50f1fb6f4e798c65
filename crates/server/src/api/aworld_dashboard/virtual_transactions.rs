//! Credits, debits and transfers by hand (spec/aworld.md 3.17, 4.10).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::command::{Command, Transact};
use engine::outcome::InitiatorType;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::aworld as w;

use crate::api::aworld::ask::{answered, unfit};
use crate::api::aworld::once::{OnceHeader, OnceKey};
use crate::api::aworld::provenance;
use crate::api::aworld_app::virtual_transactions::{Asked, carry_out, orders, owned};
use crate::app::App;
use crate::bearer::DashboardBearer;
use crate::body::RawBody;
use crate::problem::Result;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_virtual_transactions))
}

/// Makes transactions, all or nothing.
#[utoipa::path(
    post, path = "/virtual-transactions", operation_id = "aworld_dashboard_create_virtual_transactions",
    tag = "Virtual transactions",
    params(
        OnceHeader,
    ),
    request_body = w::CreateTransactions,
    responses(
        (status = 201, description = "The transactions; of a transfer both sides.", body = w::OwnedTransactions),
        (status = 409, description = "The limits of a currency do not allow it.", body = w::ErrorEnvelope),
    ),
)]
async fn create_virtual_transactions(
    State(app): State<App>,
    DashboardBearer(bearer): DashboardBearer,
    once: OnceKey,
    body: RawBody,
) -> Result<Response> {
    if let Some(answer) = answered(&app, &bearer, &once).await? {
        return Ok(answer);
    }
    let request: w::CreateTransactions = body.object()?;
    let asked = request
        .transactions
        .into_iter()
        .map(|new| Asked {
            currency: new.virtual_currency_id,
            mode: new.redemption_mode,
            amount: new.amount,
            expires: new.expires_at,
            source: new.source_user_id,
            destination: new.destination_user_id,
            group: new.virtual_transaction_group_id,
            additional_data: new.additional_data,
        })
        .collect();
    let orders = orders(&app, &bearer, asked).await?;
    // All users of the command are held alike; it is handed in under the name of the first one.
    let user = orders
        .first()
        .map(|order| order.destination.clone())
        .ok_or_else(unfit)?;
    let transact = Transact {
        initiator_type: InitiatorType::Admin,
        initiator: bearer.token.client.clone(),
        orders,
    };
    let provenance = provenance::of(&bearer);
    carry_out(
        &app,
        &bearer,
        &once,
        &user,
        Command::Transact(transact),
        StatusCode::CREATED,
        move |transactions| owned(&provenance, transactions),
    )
    .await
}
