//! Which addresses a message may go to: those of the public internet, and what the operator allows.
//!
//! Customers choose the addresses, so none may lead into the network of the operator. A literal that does is refused when an
//! endpoint is made; names are looked up when a connection is made, every address they lead to is checked, and the
//! connection goes to exactly those: a name that leads elsewhere the next time gains nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::http::Uri;

/// The longest address of an endpoint, in characters.
const URL_CHARS_MAX: usize = 2_048;

/// What besides the public internet may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    nets: Vec<(IpAddr, u8)>,
    hosts: Vec<String>,
}

impl Reach {
    /// Reads what the operator allows: networks such as `10.1.0.0/16`, addresses and names of hosts, separated by
    /// commas. A name may lead anywhere.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reach = Self::default();
        for entry in text.split([',', ' ']).filter(|entry| !entry.is_empty()) {
            let (host, bits) = match entry.split_once('/') {
                Some((host, bits)) => (host, Some(bits)),
                None => (entry, None),
            };
            if let Ok(ip) = host.parse::<IpAddr>() {
                let max = if ip.is_ipv4() { 32 } else { 128 };
                let bits = bits.map_or(Ok(max), str::parse);
                let bits = bits.ok().filter(|bits| *bits <= max);
                let bits = bits.ok_or_else(|| format!("{entry} is not a network"))?;
                reach.nets.push((ip, bits));
            } else if bits.is_none() && is_name(host) {
                reach.hosts.push(plain(host));
            } else {
                return Err(format!(
                    "{entry} is neither a network nor the name of a host"
                ));
            }
        }
        Ok(reach)
    }

    /// Whether a connection may be made to this address, which a host led to.
    fn permits(&self, host: &str, ip: IpAddr) -> bool {
        is_public(ip)
            || self.hosts.iter().any(|known| *known == plain(host))
            || self
                .nets
                .iter()
                .any(|(net, bits)| contains(*net, *bits, ip))
    }

    /// Checks the address of an endpoint as far as it can be judged without asking anybody.
    pub fn check(&self, url: &str) -> Result<(), String> {
        let host = host_of(url)?;
        let Some(ip) = literal(&host)? else {
            let plain = plain(&host);
            let is_local = plain == "localhost" || plain.ends_with(".localhost");
            if is_local && !self.permits(&host, Ipv4Addr::LOCALHOST.into()) {
                return Err(refusal(&host));
            }
            return Ok(());
        };
        if self.permits(&host, ip) {
            Ok(())
        } else {
            Err(refusal(&host))
        }
    }

    /// The addresses that a connection to a host may be made to.
    pub(super) async fn vet(
        &self,
        resolver: &Resolver,
        host: &str,
        port: u16,
    ) -> io::Result<Vec<SocketAddr>> {
        let refused = |message| io::Error::new(io::ErrorKind::PermissionDenied, message);
        let ips = match literal(host).map_err(refused)? {
            Some(ip) => vec![ip],
            None => resolver(host.to_owned()).await?,
        };
        if ips.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("{host} leads to no address"),
            ));
        }
        if !ips.iter().all(|ip| self.permits(host, *ip)) {
            return Err(refused(refusal(host)));
        }
        Ok(ips.into_iter().map(|ip| (ip, port).into()).collect())
    }
}

fn refusal(host: &str) -> String {
    format!("{host} does not lead to the public internet (setting webhook_allow)")
}

/// Finds the addresses of a host.
pub type Resolver = Arc<dyn Fn(String) -> Found + Send + Sync>;
/// See [`Resolver`].
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Asks the machine.
pub fn resolver() -> Resolver {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// The host of the address of an endpoint, as it is written.
fn host_of(url: &str) -> Result<String, String> {
    if url.chars().count() > URL_CHARS_MAX {
        return Err(format!("url must have at most {URL_CHARS_MAX} characters"));
    }
    let uri: Uri = url
        .parse()
        .ok()
        .filter(|_| !url.contains('#'))
        .ok_or("url must be an absolute http or https URL in ASCII without a fragment")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("url must begin with http:// or https://".to_owned());
    }
    let authority = uri.authority().ok_or("url must name a host")?;
    if authority.as_str().contains('@') {
        return Err("url must not contain credentials".to_owned());
    }
    let is_open_port = match authority.as_str().rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.parse::<u16>().is_ok_and(|port| port > 0),
        _ => true,
    };
    if !is_open_port {
        return Err("url must have a port from 1 to 65535 or none".to_owned());
    }
    let host = uri.host().unwrap_or_default();
    if literal(host)?.is_none() && !is_name(host) {
        return Err("url must name a host in letters, digits, hyphens and dots".to_owned());
    }
    Ok(host.to_owned())
}

fn is_name(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 255
        && !host.starts_with('.')
        && !host.contains("..")
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A name in the form in which names are compared.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The address that a host is, if it is written as one, in any way that programs read: `[::1]`, `127.1`, `0x7f.0.0.1`,
/// `017700000001`, `2130706433` (the host parser of the URL standard). Fails for what looks like one and is none.
fn literal(host: &str) -> Result<Option<IpAddr>, String> {
    let wrong = || format!("{host} is not an address");
    if let Some(rest) = host.strip_prefix('[') {
        let ip = rest
            .strip_suffix(']')
            .and_then(|text| text.parse::<Ipv6Addr>().ok());
        return ip.map(|ip| Some(ip.into())).ok_or_else(wrong);
    }
    if let Ok(ip) = host.parse::<Ipv6Addr>() {
        return Ok(Some(ip.into()));
    }
    let text = host.strip_suffix('.').unwrap_or(host);
    let parts: Vec<&str> = text.split('.').collect();
    let last = parts.last().copied().unwrap_or_default();
    let is_numeric = !last.is_empty()
        && (last.bytes().all(|byte| byte.is_ascii_digit()) || number(last).is_some());
    if !is_numeric {
        return Ok(None);
    }
    let numbers: Option<Vec<u64>> = parts.iter().map(|part| number(part)).collect();
    let numbers = numbers.filter(|all| all.len() <= 4).ok_or_else(wrong)?;
    let (last, first) = numbers.split_last().ok_or_else(wrong)?;
    let bits = 8 * (4 - first.len());
    if first.iter().any(|byte| *byte > 255) || *last >= 1 << bits {
        return Err(wrong());
    }
    let value = first
        .iter()
        .enumerate()
        .fold(*last, |sum, (place, byte)| sum | byte << (24 - 8 * place));
    let value = u32::try_from(value).map_err(|_| wrong())?;
    Ok(Some(Ipv4Addr::from_bits(value).into()))
}

/// A part of an IPv4 address: decimal, `0x` hexadecimal or `0` octal.
fn number(text: &str) -> Option<u64> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match (hex, text.strip_prefix('0')) {
        (Some(""), _) => return Some(0),
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

fn contains(net: IpAddr, bits: u8, ip: IpAddr) -> bool {
    match (net, ip) {
        (IpAddr::V4(net), IpAddr::V4(ip)) => {
            let shift = u32::from(32 - bits.min(32));
            (net.to_bits() ^ ip.to_bits())
                .checked_shr(shift)
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V6(net), IpAddr::V6(ip)) => {
            let shift = u32::from(128 - bits.min(128));
            (net.to_bits() ^ ip.to_bits())
                .checked_shr(shift)
                .unwrap_or(0)
                == 0
        }
        _ => false,
    }
}

/// Special networks of IPv4 (IANA registry, RFC 6890 and what followed), and the one public address at which a cloud
/// answers its own machines.
const CLOSED_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The one network of IPv6 that is public, and what inside it is not: protocols and tunnels, documentation, 6to4. Mapped,
/// compatible, NAT64, local and multicast addresses lie outside.
const OPEN_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const CLOSED_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_public(ip: IpAddr) -> bool {
    let is_in = |net: IpAddr, bits: u8| contains(net, bits, ip);
    if ip.is_ipv4() {
        !CLOSED_V4
            .iter()
            .any(|(net, bits)| is_in((*net).into(), *bits))
    } else {
        is_in(OPEN_V6.0.into(), OPEN_V6.1)
            && !CLOSED_V6
                .iter()
                .any(|(net, bits)| is_in((*net).into(), *bits))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use testkit::receiver::{CLOSED, HOST};

    use super::*;

    fn vet(reach: &Reach, resolver: &Resolver, host: &str) -> io::Result<Vec<SocketAddr>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(reach.vet(resolver, host, 80))
    }

    /// A name server that answers the same for every name.
    fn always(ips: &[&str]) -> Resolver {
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(move |_| {
            let ips = ips.clone();
            Box::pin(async move { Ok(ips) })
        })
    }

    /// Asks nobody: literals need no name server.
    fn nobody() -> Resolver {
        Arc::new(|host| panic!("{host} was looked up"))
    }

    #[test]
    fn no_literal_leads_inside() {
        assert!(CLOSED.len() >= 40);
        let reach = Reach::parse(HOST).unwrap();
        for host in CLOSED {
            for url in [format!("http://{host}/x"), format!("https://{host}:8443")] {
                assert!(reach.check(&url).is_err(), "{url}");
            }
            if !host.to_lowercase().contains("localhost") {
                let refused = vet(&reach, &nobody(), host).unwrap_err();
                assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied, "{host}");
            }
        }
    }

    #[test]
    fn no_name_leads_inside() {
        let reach = Reach::parse(HOST).unwrap();
        let ips = CLOSED.iter().filter_map(|host| literal(host).unwrap());
        let mut refused = 0;
        for ip in ips {
            // Alone, or hidden behind a public one.
            for answer in [vec![ip], vec!["93.184.215.14".parse().unwrap(), ip]] {
                let answer: Vec<String> = answer.iter().map(ToString::to_string).collect();
                let answer: Vec<&str> = answer.iter().map(String::as_str).collect();
                let error = vet(&reach, &always(&answer), "hooks.example.com").unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{ip}");
            }
            refused += 1;
        }
        assert!(refused >= 40, "only {refused}");
        let nothing = vet(&reach, &always(&[]), "hooks.example.com").unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::NotFound);
    }

    /// Public when it is checked, local when it is used: what was checked is what is used.
    #[test]
    fn a_name_that_changes_its_mind_gains_nothing() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let rebinding: Resolver = Arc::new(move |_| {
            let is_first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            let ip = if is_first {
                "93.184.215.14"
            } else {
                "127.0.0.1"
            };
            Box::pin(async move { Ok(vec![ip.parse().unwrap()]) })
        });
        let reach = Reach::default();
        let first = vet(&reach, &rebinding, "rebind.example.com").unwrap();
        assert_eq!(first, ["93.184.215.14:80".parse().unwrap()]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(vet(&reach, &rebinding, "rebind.example.com").is_err());
    }

    #[test]
    fn the_public_internet_is_open() {
        let reach = Reach::default();
        for host in [
            "8.8.8.8",
            "93.184.215.14",
            "172.32.0.1",
            "100.128.0.1",
            "134744072",
        ] {
            assert_eq!(reach.check(&format!("https://{host}/x")), Ok(()), "{host}");
            assert!(vet(&reach, &nobody(), host).is_ok(), "{host}");
        }
        let host = "[2606:4700:4700::1111]";
        assert!(vet(&reach, &nobody(), host).is_ok());
        for url in [
            "https://hooks.example.com/a?b=c",
            "http://example.com:8080",
            "http://cafe",
            "https://a.b-c_d.example./",
        ] {
            assert_eq!(reach.check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_of_an_endpoint_is_refused() {
        let reach = Reach::default();
        let long = format!("http://example.com/{}", "a".repeat(URL_CHARS_MAX));
        for url in [
            "",
            "example.com",
            "/x",
            "ftp://example.com",
            "file:///etc/passwd",
            "http://",
            "http:///x",
            "http://user@example.com",
            "http://user:secret@example.com",
            "http://example.com#x",
            "http://example.com:0",
            "http://example.com:99999",
            "http://exa mple.com",
            "http://ex%61mple.com",
            "http://１２７.0.0.1",
            "http://[::1%25eth0]/",
            "http://1.2.3.4.5",
            "http://256.1.1.1",
            "http://1.2.3.0x100",
            "http://a..b",
            "http://example.com\\@127.0.0.1",
            &long,
        ] {
            assert!(reach.check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn operators_can_open_networks_and_hosts() {
        let reach = Reach::parse("10.1.0.0/16, fd00::/8,127.0.0.1,hooks.local").unwrap();
        for host in ["10.1.2.3", "[fd12::1]", "127.0.0.1", "0x7f.1"] {
            assert!(vet(&reach, &nobody(), host).is_ok(), "{host}");
        }
        for host in ["10.2.0.1", "127.0.0.2", "[fe80::1]", "[::ffff:10.1.2.3]"] {
            assert!(vet(&reach, &nobody(), host).is_err(), "{host}");
        }
        let inside = always(&["192.168.1.1"]);
        assert!(vet(&reach, &inside, "HOOKS.local.").is_ok());
        assert!(vet(&reach, &inside, "other.local").is_err());
        assert_eq!(reach.check("http://localhost:9/"), Ok(()));
        for wrong in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/x",
            "a b/8",
            "http://x",
            "10.0.0.0/",
        ] {
            assert!(Reach::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Reach::parse(""), Ok(Reach::default()));
    }
}
