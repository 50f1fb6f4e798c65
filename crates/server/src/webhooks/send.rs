//! One request to one endpoint: what goes out, how long it may take, how much of the answer is read (spec/trophy.md 9.2, 9.5).
//!
//! Redirects are answers like any other that is no success. Must not know what an answer means for the message.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jiff::{SignedDuration, Timestamp};
use rustls::ClientConfig;
use store::delivery::{Attempt, Claimed};
use store::webhook::Endpoint;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::{Reach, Resolver};
use super::{schedule, sign};
use crate::telemetry;

/// The most that is read of the head of an answer, in bytes.
const HEAD_MAX: usize = 16 * 1_024;
/// The most that is read of the body of an answer, and what is kept of it, in bytes.
const BODY_MAX: usize = 4 * 1_024;
const KEPT_MAX: usize = 1_024;
/// The longest text kept about a failure, in characters.
const ERROR_CHARS_MAX: usize = 300;
/// How long a connection that nobody uses is kept, and how many of them to one receiver.
const IDLE: Duration = Duration::from_secs(30);
const IDLE_MAX: usize = 4;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the head of the answer is there, looking up the name and connecting included (spec/trophy.md 9.2).
    pub head: Duration,
    /// For connecting.
    pub connect: Duration,
    /// For what is read of the body.
    pub body: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_mins(1),
            connect: Duration::from_secs(10),
            body: Duration::from_secs(5),
        }
    }
}

/// The way out to the receivers.
pub struct Outbound {
    /// Where it may lead.
    pub reach: Reach,
    patience: Patience,
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("reach", &self.reach)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// The certificates of the web.
fn web() -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS for webhooks")?;
    Ok(config.with_webpki_roots().with_no_client_auth())
}

/// What came of a request.
#[derive(Debug)]
pub struct Sent {
    /// For the log of the message.
    pub attempt: Attempt,
    /// The status of the answer, if one came.
    pub status: Option<StatusCode>,
    /// How long the receiver asks us to wait.
    pub wait: Option<SignedDuration>,
}

impl Sent {
    /// Whether the receiver took the message.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.is_success())
    }
}

impl Outbound {
    /// To the public internet and what the operator allows.
    pub fn new(reach: Reach, resolver: Resolver, patience: Patience) -> anyhow::Result<Self> {
        Ok(Self::with_tls(reach, resolver, patience, web()?))
    }

    fn with_tls(reach: Reach, resolver: Resolver, patience: Patience, tls: ClientConfig) -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector {
                reach: Arc::new(reach.clone()),
                resolver,
                connect: patience.connect,
            });
        let client = Builder::new(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .http1_max_buf_size(HEAD_MAX)
            .build(connector);
        Self {
            reach,
            patience,
            client,
        }
    }

    /// Sends a message. `now`: what the attempt is dated and signed with.
    pub async fn send(&self, endpoint: &Endpoint, message: &Claimed, now: Timestamp) -> Sent {
        let started = telemetry::start();
        let answered = self.ask(endpoint, message, now).await;
        let took = started.elapsed();
        let mut attempt = Attempt {
            number: message.attempt,
            at: now,
            took_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            status: None,
            error: None,
            answer: None,
        };
        let answer = match answered {
            Ok(answer) => answer,
            Err(error) => {
                attempt.error = Some(error.chars().take(ERROR_CHARS_MAX).collect());
                return Sent {
                    attempt,
                    status: None,
                    wait: None,
                };
            }
        };
        attempt.status = Some(answer.status.as_u16().into());
        attempt.answer = Some(answer.body);
        if !answer.status.is_success() {
            attempt.error = Some(format!("the receiver answered {}", answer.status));
        }
        Sent {
            attempt,
            status: Some(answer.status),
            wait: answer.wait,
        }
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        message: &Claimed,
        now: Timestamp,
    ) -> Result<Answer, String> {
        let signed = sign::headers(endpoint, message.event, &message.body, now);
        let request = Request::post(&endpoint.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("kleos/", env!("CARGO_PKG_VERSION")),
            )
            .header("x-trophy-signature", &signed.trophy)
            .header("x-trophy-event-id", &signed.id)
            .header("x-trophy-attempt", message.attempt)
            .header("webhook-id", &signed.id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", &signed.standard)
            .body(Full::from(message.body.clone()))
            .map_err(|error| error.to_string())?;
        let response = match timeout(self.patience.head, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(causes(&error)),
            Err(_) => {
                let seconds = self.patience.head.as_secs_f64();
                return Err(format!("no answer within {seconds} s"));
            }
        };
        let wait = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| schedule::retry_after(text, now));
        let status = response.status();
        Ok(Answer {
            status,
            wait,
            body: begin(response.into_body(), self.patience.body).await,
        })
    }
}

struct Answer {
    status: StatusCode,
    wait: Option<SignedDuration>,
    body: String,
}

/// How a body begins. What does not come, or not in time, is left out: the head has said everything.
async fn begin(mut body: Incoming, limit: Duration) -> String {
    let mut bytes = Vec::new();
    let read = timeout(limit, async {
        while bytes.len() < BODY_MAX
            && let Some(Ok(frame)) = body.frame().await
        {
            if let Some(data) = frame.data_ref() {
                bytes.extend_from_slice(&data[..data.len().min(BODY_MAX - bytes.len())]);
            }
        }
    });
    if read.await.is_err() {
        tracing::debug!("the body of an answer took too long");
    }
    bytes.truncate(KEPT_MAX);
    // The databases keep no NUL.
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

/// An error with everything that led to it.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

/// Connects to addresses that were checked.
#[derive(Clone)]
struct Connector {
    reach: Arc<Reach>,
    resolver: Resolver,
    connect: Duration,
}

impl Connector {
    async fn connect(self, uri: Uri) -> io::Result<TokioIo<TcpStream>> {
        let host = uri.host().unwrap_or_default();
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let addresses = self.reach.vet(&self.resolver, host, port).await?;
        let stream = timeout(self.connect, TcpStream::connect(addresses.as_slice()))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))??;
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use uuid::Uuid;

    use super::*;

    /// Of `receiver.test`, signed by itself, for a hundred years.
    const CERTIFICATE: &[u8] = include_bytes!("../../tests/data/receiver.crt");
    const KEY: &[u8] = include_bytes!("../../tests/data/receiver.key");

    fn certificate() -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(CERTIFICATE).unwrap()
    }

    /// A receiver that answers 204 over TLS.
    async fn receiver() -> SocketAddr {
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Callers that do not trust us break off.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut request = [0; 4_096];
                    assert!(stream.read(&mut request).await.unwrap() > 0);
                    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
            }
        });
        address
    }

    fn trusting() -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(certificate()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    async fn send(tls: ClientConfig, url: String) -> Sent {
        let reach = Reach::parse("127.0.0.1").unwrap();
        let here: Resolver = Arc::new(|_| Box::pin(async { Ok(vec![[127, 0, 0, 1].into()]) }));
        let outbound = Outbound::with_tls(reach, here, Patience::default(), tls);
        let endpoint = super::super::endpoint(&url, "a secret of mine");
        let message = Claimed {
            id: Uuid::nil(),
            event: Uuid::nil(),
            body: b"{}".to_vec(),
            attempt: 1,
            before: 0,
        };
        outbound
            .send(&endpoint, &message, Timestamp::UNIX_EPOCH)
            .await
    }

    #[tokio::test]
    async fn tls_wants_a_trusted_certificate_of_the_right_name() {
        let port = receiver().await.port();
        let url = format!("https://receiver.test:{port}/hook");
        let sent = send(trusting(), url.clone()).await;
        assert_eq!(sent.attempt.status, Some(204), "{sent:?}");
        assert!(sent.is_success());
        let other_name = format!("https://other.test:{port}/hook");
        for (tls, url) in [
            (web().unwrap(), url),
            (trusting(), other_name),
            (trusting(), format!("https://127.0.0.1:{port}/hook")),
        ] {
            let sent = send(tls, url).await;
            let error = sent.attempt.error.unwrap_or_default();
            assert!(
                sent.status.is_none() && error.contains("certificate"),
                "{error}"
            );
        }
    }
}
