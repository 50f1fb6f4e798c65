//! `kleos serve`: from nothing to a process that answers, and back without losing what was accepted.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use server::api;
use server::app::App;
use server::clock::Clock;
use server::limits::Limits;
use server::problem::Problem;
use server::webhooks::{Outbound, Patience, address};
use server::{telemetry, workers};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::settings::Settings;
use crate::{first_start, folder, logging};

/// How long requests that were accepted may take after a signal to stop. With what follows it stays below the 30 seconds
/// after which service managers usually kill.
const GRACE: Duration = Duration::from_secs(20);
/// How long a client may take to send the head of a request, and how long a connection may idle. Longer than the
/// pools of usual clients keep a connection, so that none is closed under a request.
const HEAD_TIMEOUT: Duration = Duration::from_mins(2);
/// How long work on blocking threads may take at the end.
const BLOCKING_GRACE: Duration = Duration::from_secs(5);
/// How often the recorder of metrics tidies up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    logging::start(settings)?;
    telemetry::install()?;
    let held = folder::hold(&settings.place)?;
    let reach = settings.webhook_allow.clone();
    let app = App::open_with(
        settings.place.location(),
        Clock::system(),
        getrandom::u64()?,
        Outbound::new(reach, address::resolver(), Patience::default())?,
    )
    .with_context(|| format!("cannot open the store ({})", settings.place.shown()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = start(&app, settings, &runtime);
    // Whatever still holds the desk goes with the runtime; after that the desk finishes its queue.
    runtime.shutdown_timeout(BLOCKING_GRACE);
    app.close();
    drop(held);
    served?;
    tracing::info!("stopped");
    Ok(())
}

fn start(app: &App, settings: &Settings, runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    let listener = runtime
        .block_on(TcpListener::bind(&settings.listen))
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    let found = first_start::bootstrap(app, settings)?;
    let base = base(listener.local_addr()?);
    let is_multi_tenant = settings.multi_tenancy.unwrap_or(false);
    first_start::greet(&found, &settings.place, &base, is_multi_tenant);
    drop(found);
    tracing::info!(address = base, "listening");
    runtime.block_on(serve(app, listener, settings.limits))
}

/// The address by which a program on this machine reaches us.
fn base(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}

async fn serve(app: &App, listener: TcpListener, limits: Option<Limits>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut background = JoinSet::new();
    background.spawn(prepare(app.clone()));
    background.spawn(async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            telemetry::upkeep();
        }
    });
    let graceful = GracefulShutdown::new();
    let router = api::router(app, limits);
    let failed = loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            Some(ended) = background.join_next() => match ended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => break Some(error),
                Err(error) => break Some(anyhow::Error::new(error)),
            },
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or a client gone again: neither ends the server.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection without nodelay");
        }
        let router = router.clone();
        let app = app.clone();
        let service = service_fn(move |request| answer(app.clone(), router.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    };
    // No more connections; the workers stop asking; what was accepted is finished.
    drop(listener);
    background.shutdown().await;
    if failed.is_none() {
        tracing::info!("stopping");
        if tokio::time::timeout(GRACE, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(
                seconds = GRACE.as_secs(),
                "some requests did not end in time"
            );
        }
        // When keys were last used is kept in memory for a while.
        if let Err(problem) = workers::housekeeping::step(app).await {
            tracing::warn!(problem = problem.message, "the last housekeeping failed");
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Makes the process ready, then lets the workers run for good.
async fn prepare(app: App) -> anyhow::Result<()> {
    let started = telemetry::start();
    app.blocking(|app| Ok(app.load_ranks()?))
        .await
        .map_err(|problem| anyhow::anyhow!("cannot load the standings: {}", problem.message))?;
    tracing::info!(took_ms = started.elapsed().as_secs_f64() * 1_000.0, "ready");
    tokio::join!(
        workers::midnight::run(app.clone()),
        workers::event_queue::run(app.clone()),
        workers::jobs::run(app.clone()),
        workers::boards::run(app.clone()),
        workers::moments::run(app.clone()),
        workers::board_days::run(app.clone()),
        workers::dispatch::run(app.clone()),
        workers::delivery::run(app.clone()),
        workers::housekeeping::run(app),
    );
    Ok(())
}

async fn answer(
    app: App,
    router: Router,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let request = api::canonical(request.map(Body::new));
    if !app.is_ready() && is_product(request.uri().path()) {
        return Ok(Problem::busy().into_response());
    }
    router.oneshot(request).await
}

/// Whether a path belongs to an API, which needs a process that is ready.
fn is_product(path: &str) -> bool {
    ["/v1/", "/admin/", "/app/", "/dashboard/"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_to_paste_can_be_reached() {
        for (address, expected) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("10.0.0.7:8080", "http://10.0.0.7:8080"),
        ] {
            assert_eq!(base(address.parse().unwrap()), expected);
        }
    }
}
