//! A server of the release binary with its own data, and enough of HTTP to talk to it at little cost.
//!
//! Must not know what is measured or tried.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A kept connection that speaks just enough HTTP.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    body: (usize, usize),
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            answer: vec![0; 64 * 1024],
            body: (0, 0),
        })
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn send(
        &mut self,
        headers: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<u16> {
        use std::io::Write as _;
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        loop {
            if filled == self.answer.len() {
                self.answer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.answer[filled..]).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            filled += read;
            let seen = &self.answer[..filled];
            let Some(head) = seen.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head_text = std::str::from_utf8(&seen[..head])?;
            let length: usize = head_text
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .context("an answer without a length")?
                .1
                .trim()
                .parse()?;
            if filled >= head + 4 + length {
                let status = head_text.get(9..12).context("an answer without a status")?;
                self.body = (head + 4, head + 4 + length);
                return Ok(status.parse()?);
            }
        }
    }
}

/// A server of the release binary with its own data.
pub(crate) struct Server {
    child: Child,
    command: Command,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    _folder: tempfile::TempDir,
    _cluster: Option<testkit::Cluster>,
}

impl Server {
    /// Starts one on a store, with more words on its command line.
    pub(crate) fn start(binary: &Path, store: &str, more: &[&str]) -> Result<Self> {
        let folder = testkit::temp_dir();
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let key = "benchkey.0123456789abcdef0123456789abcdef".to_owned();
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", &address.to_string()]);
        command.args(more);
        let cluster = match store {
            "sqlite" => {
                command.arg("--data-dir").arg(folder.path());
                None
            }
            "postgres" => {
                let cluster = testkit::Cluster::start(testkit::Options { durable: true })?;
                command.args(["--database", &cluster.url()]);
                Some(cluster)
            }
            other => bail!("there is no store {other}: sqlite or postgres"),
        };
        command.env("KLEOS_ADMIN_KEY", &key).stdout(Stdio::null());
        let child = command.spawn().context("the release binary starts")?;
        let server = Self {
            child,
            command,
            address,
            key,
            _folder: folder,
            _cluster: cluster,
        };
        server.wait()?;
        Ok(server)
    }

    /// Kills the process without a warning and starts it again on the same data.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = self.command.spawn().context("the server starts again")?;
        self.wait()
    }

    /// The most memory that the process ever held, in MiB, where the machine tells.
    pub(crate) fn memory_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1_024)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "another process tells us nothing when it is ready"
    )]
    fn wait(&self) -> Result<()> {
        for _ in 0..200 {
            if let Ok(mut stream) = std::net::TcpStream::connect(self.address) {
                use std::io::{Read as _, Write as _};
                stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer)?;
                if answer.contains(" 200 ") {
                    return Ok(());
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server did not become ready")
    }

    /// Sends one request as the admin.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let body = body.map_or_else(String::new, ToString::to_string);
        let headers = format!("x-api-key: {}\r\ncontent-type: application/json", self.key);
        self.ask(&headers, method, path, &body).await
    }

    /// Sends one request with any headers.
    pub(crate) async fn ask(
        &self,
        headers: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, Value)> {
        let mut connection = Connection::open(self.address).await?;
        let status = connection.send(headers, method, path, body).await?;
        let (start, end) = connection.body;
        Ok((
            status,
            serde_json::from_slice(&connection.answer[start..end]).unwrap_or_default(),
        ))
    }

    /// Creates one thing and answers its id.
    pub(crate) async fn create(&self, path: &str, item: Value) -> Result<String> {
        let (status, answer) = self.call("POST", path, Some(&json!([item]))).await?;
        let id = answer["created"][0]["id"].as_str().map(str::to_owned);
        id.with_context(|| format!("POST {path}: {status} {answer}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self
            .child
            .kill()
            .and_then(|()| self.child.wait().map(drop))
            .is_err()
        {
            eprintln!("the server could not be stopped");
        }
    }
}
