//! A receiver of webhooks that behaves as it is told, on a thread of this process; and addresses that no message may reach.
//!
//! It listens on 127.0.0.2, so that a server can be allowed to reach it and 127.0.0.1 stays closed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where receivers listen.
pub const HOST: &str = "127.0.0.2";

/// What a receiver does with every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers 200.
    Fine,
    /// Answers 200 after a while.
    Slow(Duration),
    /// Answers with this status.
    Status(u16),
    /// Answers 429 and asks to wait so many seconds.
    Throttle(u32),
    /// Answers 301 to another address.
    Redirect(String),
    /// Closes the connection without a word.
    Close,
    /// Closes the connection in the head of the answer.
    CloseMidWay,
    /// Never answers.
    Hang,
    /// Answers a byte every tenth of a second, without end.
    Drip,
    /// Answers 200 with a body without end.
    Huge,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its headers; the names are in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// When its last byte came.
    pub at: Instant,
}

impl Received {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

#[derive(Debug)]
struct Inside {
    behaviour: Behaviour,
    received: Vec<Received>,
    /// Bytes of answers that somebody took.
    sent: u64,
}

/// A running receiver; it ends with the process.
#[derive(Clone, Debug)]
pub struct Receiver {
    address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
}

impl Receiver {
    /// Starts one.
    ///
    /// # Panics
    /// When the machine has no free port.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((HOST, 0)).expect("a free port");
        let receiver = Self {
            address: listener.local_addr().expect("a bound port"),
            inside: Arc::new(Mutex::new(Inside {
                behaviour,
                received: Vec::new(),
                sent: 0,
            })),
        };
        let accepting = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = accepting.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        receiver
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// An address at which nobody listens.
    ///
    /// # Panics
    /// When the machine has no free port.
    pub fn url_of_nobody() -> String {
        let listener = TcpListener::bind((HOST, 0)).expect("a free port");
        format!("http://{}/hook", listener.local_addr().expect("a port"))
    }

    /// Behaves differently from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.lock().behaviour = behaviour;
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// The requests since the last time they were taken.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.lock().received)
    }

    /// How many bytes of endless answers were taken.
    pub fn sent(&self) -> u64 {
        self.lock().sent
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) {
        while let Some(request) = read_request(&mut stream) {
            let behaviour = {
                let mut inside = self.lock();
                inside.received.push(request);
                inside.behaviour.clone()
            };
            // Whoever called may be gone.
            if self.answer(&mut stream, behaviour).is_err() {
                return;
            }
        }
    }

    fn answer(&self, stream: &mut TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
        match behaviour {
            Behaviour::Fine => respond(stream, "200 OK", ""),
            Behaviour::Slow(pause) => {
                wait(stream, Some(pause))?;
                respond(stream, "200 OK", "")
            }
            Behaviour::Status(status) => respond(stream, &format!("{status} So"), ""),
            Behaviour::Throttle(seconds) => {
                let more = format!("retry-after: {seconds}\r\n");
                respond(stream, "429 Too Many Requests", &more)
            }
            Behaviour::Redirect(url) => {
                let more = format!("location: {url}\r\n");
                respond(stream, "301 Moved Permanently", &more)
            }
            Behaviour::Close => Err(std::io::ErrorKind::ConnectionAborted.into()),
            Behaviour::CloseMidWay => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-len")?;
                Err(std::io::ErrorKind::ConnectionAborted.into())
            }
            Behaviour::Hang => wait(stream, None),
            Behaviour::Drip => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-drip: ")?;
                loop {
                    wait(stream, Some(Duration::from_millis(100)))?;
                    stream.write_all(b"x")?;
                }
            }
            Behaviour::Huge => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")?;
                let chunk = [b'x'; 16 * 1_024];
                loop {
                    stream.write_all(&chunk)?;
                    self.lock().sent += 16 * 1_024;
                }
            }
        }
    }
}

fn respond(stream: &mut TcpStream, status: &str, more: &str) -> std::io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n{more}\r\nok");
    stream.write_all(answer.as_bytes())
}

/// Waits for a while, or for ever; fails when the other side has gone.
fn wait(stream: &mut TcpStream, pause: Option<Duration>) -> std::io::Result<()> {
    stream.set_read_timeout(pause)?;
    let read = stream.read(&mut [0]);
    stream.set_read_timeout(None)?;
    match read {
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
        Ok(_) => Err(std::io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Reads a request; nothing when there is none or it breaks off.
fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    let mut more = |bytes: &mut Vec<u8>| match stream.read(&mut chunk) {
        Ok(0) | Err(_) => None,
        Ok(read) => {
            bytes.extend_from_slice(&chunk[..read]);
            Some(())
        }
    };
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        more(&mut bytes)?;
        // The first word of TLS, which we do not speak.
        if bytes.first() == Some(&0x16) {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let headers: Vec<(String, String)> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
    while bytes.len() < head + 4 + length {
        more(&mut bytes)?;
    }
    Some(Received {
        headers,
        body: bytes[head + 4..head + 4 + length].to_vec(),
        at: Instant::now(),
    })
}

/// Hosts that are no way into the public internet, as a customer may write them; only [`HOST`] is allowed by those who test
/// with them.
pub const CLOSED: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0X7F.1",
    "127.0.0.1.",
    "127.255.255.254",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "10.255.255.255",
    "0x0a000001",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "0300.0250.1.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "169.254.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[::a00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[2001:0:53aa:64c::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
];
