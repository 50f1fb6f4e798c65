//! What the operator says about the process: by flag, `KLEOS_*` variable and TOML file, in this order of precedence.
//!
//! The one place that reads the environment. A name that nobody knows is refused with the nearest known one: a mistyped
//! setting that is silently ignored costs an afternoon. Secrets never come in by flag, where `ps` shows them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use server::admin_key::AdminKey;
use server::limits::Limits;
use server::webhooks::Reach;
use store::driver::Location;

/// The settings by the name they have in the file; flags have `-` for `_`, variables are `KLEOS_` and the name in capitals.
const NAMES: [&str; 11] = [
    "listen",
    "data_dir",
    "database",
    "log_format",
    "log",
    "admin_key",
    "multi_tenancy",
    "webhook_allow",
    "rate_limits",
    "rate_limit_tier1",
    "rate_limit_tier2",
];
/// The variable that names the file.
const CONFIG: &str = "KLEOS_CONFIG";
/// Variables that belong to tests and benchmarks.
const FOREIGN: [&str; 2] = ["KLEOS_BINARY", "KLEOS_CONTRACT"];
const FOREIGN_PREFIX: &str = "KLEOS_TEST_";

const LISTEN: &str = "127.0.0.1:8080";
const DATA_DIR: &str = "./kleos-data";
const LOG: &str = "info";
/// The highest rate limit, calls a second.
const RATE_MAX: u32 = 1_000_000;
/// The embedded database inside the data folder.
const DATABASE_FILE: &str = "kleos.db";

/// Where the data is, and what is logged.
#[derive(Args, Default)]
pub(crate) struct CommonFlags {
    /// TOML file with settings, e.g. `listen = "0.0.0.0:8080"` [variable: `KLEOS_CONFIG`]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the embedded store [variable: `KLEOS_DATA_DIR`] [default: ./kleos-data]
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    data_dir: Option<String>,
    /// PostgreSQL instead of the embedded store, `postgres://user:password@host/name` [variable: `KLEOS_DATABASE`]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// How the log looks [variable: `KLEOS_LOG_FORMAT`] [default: text]
    #[arg(long, value_name = "text|json")]
    log_format: Option<String>,
    /// What is logged, e.g. `warn` or `info,kleos::request=debug` for a line per request [variable: `KLEOS_LOG`]
    /// [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

/// The flags of `kleos serve`. The admin key of the first start comes from `KLEOS_ADMIN_KEY` or the file only.
#[derive(Args, Default)]
pub(crate) struct ServeFlags {
    #[command(flatten)]
    common: CommonFlags,
    /// Address and port to listen on [variable: `KLEOS_LISTEN`] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Whether the organization made at first start has tenants [variable: `KLEOS_MULTI_TENANCY`] [default: off]
    #[arg(long, value_name = "on|off")]
    multi_tenancy: Option<String>,
    /// Networks and hosts besides the public internet that webhooks may lead to, e.g. `127.0.0.1,10.1.0.0/16,hooks.local`
    /// [variable: `KLEOS_WEBHOOK_ALLOW`]
    #[arg(long, value_name = "LIST")]
    webhook_allow: Option<String>,
    /// Whether the two APIs of the first dialect limit how often each operation is called
    /// [variable: `KLEOS_RATE_LIMITS`] [default: off]
    #[arg(long, value_name = "on|off")]
    rate_limits: Option<String>,
    /// Calls a second of events, completions and every operation of the Admin API
    /// [variable: `KLEOS_RATE_LIMIT_TIER1`] [default: 5]
    #[arg(long, value_name = "NUMBER")]
    rate_limit_tier1: Option<String>,
    /// Calls a second of every other operation of the Application API [variable: `KLEOS_RATE_LIMIT_TIER2`] [default: 50]
    #[arg(long, value_name = "NUMBER")]
    rate_limit_tier2: Option<String>,
}

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A folder with an embedded database.
    Folder(PathBuf),
    /// The URL of a `PostgreSQL` database.
    Postgres(String),
}

impl Place {
    /// For the store. Does not touch the disk.
    pub(crate) fn location(&self) -> Location {
        match self {
            Self::Folder(folder) => Location::Sqlite(folder.join(DATABASE_FILE)),
            Self::Postgres(url) => Location::Postgres(url.clone()),
        }
    }

    /// The file of the embedded database.
    pub(crate) fn database_file(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(DATABASE_FILE)),
            Self::Postgres(_) => None,
        }
    }

    /// For people, without secrets.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Postgres(_) => "the PostgreSQL database".to_owned(),
        }
    }

    /// The flag that names this place again, for commands to paste.
    pub(crate) fn flag(&self) -> String {
        match self {
            Self::Folder(folder) if folder == Path::new(DATA_DIR) => String::new(),
            Self::Folder(folder) => format!(" --data-dir {}", quoted(&folder.to_string_lossy())),
            Self::Postgres(_) => " --database \"$KLEOS_DATABASE\"".to_owned(),
        }
    }
}

/// A text as one word for a shell.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-:@%+=,".contains(&b));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// How the log looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one object per line.
    Json,
}

/// All settings. Has no `Debug`: it holds secrets.
pub(crate) struct Settings {
    pub(crate) listen: String,
    pub(crate) place: Place,
    pub(crate) log_format: LogFormat,
    pub(crate) log: String,
    pub(crate) admin_key: Option<AdminKey>,
    pub(crate) multi_tenancy: Option<bool>,
    pub(crate) webhook_allow: Reach,
    /// Nothing: there are no limits.
    pub(crate) limits: Option<Limits>,
}

/// Settings from one source, by name.
type Layer = BTreeMap<&'static str, String>;

impl Settings {
    /// The settings of `kleos serve`.
    pub(crate) fn of_server(flags: ServeFlags) -> anyhow::Result<Self> {
        let ServeFlags {
            common,
            listen,
            multi_tenancy,
            webhook_allow,
            rate_limits,
            rate_limit_tier1,
            rate_limit_tier2,
        } = flags;
        let more = [
            ("listen", listen),
            ("multi_tenancy", multi_tenancy),
            ("webhook_allow", webhook_allow),
            ("rate_limits", rate_limits),
            ("rate_limit_tier1", rate_limit_tier1),
            ("rate_limit_tier2", rate_limit_tier2),
        ];
        Self::gather(common, more, std::env::vars_os())
    }

    /// The settings of the other commands.
    pub(crate) fn of_command(flags: CommonFlags) -> anyhow::Result<Self> {
        Self::gather(flags, [], std::env::vars_os())
    }

    fn gather(
        common: CommonFlags,
        more: impl IntoIterator<Item = (&'static str, Option<String>)>,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<Self> {
        let CommonFlags {
            config,
            data_dir,
            database,
            log_format,
            log,
        } = common;
        let named = [
            ("data_dir", data_dir),
            ("database", database),
            ("log_format", log_format),
            ("log", log),
        ];
        let flags: Layer = named
            .into_iter()
            .chain(more)
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let (variables, config_variable) = from_variables(variables)?;
        let file = match config.or(config_variable) {
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read the settings in {}", path.display()))?;
                from_file(&text).with_context(|| format!("in {}", path.display()))?
            }
            None => Layer::new(),
        };
        Self::of_layers(&[flags, variables, file])
    }

    /// The first layer that says something wins.
    fn of_layers(layers: &[Layer]) -> anyhow::Result<Self> {
        let find = |name: &str| layers.iter().find_map(|layer| layer.get(name));
        let mut place = Place::Folder(PathBuf::from(DATA_DIR));
        for layer in layers {
            match (layer.get("data_dir"), layer.get("database")) {
                (None, None) => continue,
                (Some(_), Some(_)) => bail!("data_dir and database exclude each other: keep one"),
                (Some(folder), None) => place = Place::Folder(PathBuf::from(folder)),
                (None, Some(url)) => {
                    ensure!(
                        url.starts_with("postgres://") || url.starts_with("postgresql://"),
                        "database must be a URL like postgres://user:password@host:5432/name"
                    );
                    place = Place::Postgres(url.clone());
                }
            }
            break;
        }
        let log_format = match find("log_format").map(String::as_str) {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => bail!("log_format must be text or json, not {other:?}"),
        };
        let switch = |name: &str| {
            Ok(match find(name).map(String::as_str) {
                None => None,
                Some("on" | "true") => Some(true),
                Some("off" | "false") => Some(false),
                Some(other) => bail!("{name} must be on or off, not {other:?}"),
            })
        };
        let rate = |name: &str, default: u32| match find(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (1..=RATE_MAX).contains(number))
                .with_context(|| {
                    format!("{name} must be a number from 1 to {RATE_MAX}, not {text:?}")
                }),
        };
        let (tier1, tier2) = (
            rate("rate_limit_tier1", Limits::USUAL.tier1)?,
            rate("rate_limit_tier2", Limits::USUAL.tier2)?,
        );
        let are_limited = switch("rate_limits")?.unwrap_or(false);
        Ok(Self {
            listen: find("listen").cloned().unwrap_or_else(|| LISTEN.to_owned()),
            place,
            log_format,
            log: find("log").cloned().unwrap_or_else(|| LOG.to_owned()),
            admin_key: find("admin_key").map(|key| admin_key(key)).transpose()?,
            multi_tenancy: switch("multi_tenancy")?,
            limits: are_limited.then_some(Limits { tier1, tier2 }),
            webhook_allow: find("webhook_allow")
                .map_or(Ok(Reach::default()), |list| Reach::parse(list))
                .map_err(|problem| anyhow!("webhook_allow: {problem}"))?,
        })
    }
}

/// Reads a key `prefix.body`; the message does not repeat it.
fn admin_key(text: &str) -> anyhow::Result<AdminKey> {
    const SHAPE: &str = "KLEOS_ADMIN_KEY must be prefix.body: a prefix of exactly 8 characters and a body of at least 16, \
         letters and digits, e.g. \"$(openssl rand -hex 4).$(openssl rand -hex 24)\"";
    let (prefix, body) = text.split_once('.').context(SHAPE)?;
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b'.');
    ensure!(prefix.len() == 8 && body.len() >= 16, "{SHAPE}");
    ensure!(is_plain(prefix) && is_plain(body), "{SHAPE}");
    ensure!(
        body.len() <= 1_000,
        "KLEOS_ADMIN_KEY is too long: at most 1000 characters"
    );
    Ok(AdminKey {
        prefix: prefix.to_owned(),
        body: body.to_owned(),
    })
}

fn variable(name: &str) -> String {
    format!("KLEOS_{}", name.to_ascii_uppercase())
}

/// An empty variable counts as not set.
fn from_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> anyhow::Result<(Layer, Option<PathBuf>)> {
    let mut layer = Layer::new();
    let mut config = None;
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("KLEOS_")) else {
            continue;
        };
        if FOREIGN.contains(&name) || name.starts_with(FOREIGN_PREFIX) {
            continue;
        }
        if name == CONFIG {
            config = (!value.is_empty()).then(|| PathBuf::from(value));
        } else if let Some(known) = NAMES.into_iter().find(|known| variable(known) == name) {
            let value = value
                .into_string()
                .ok()
                .with_context(|| format!("{name} is not UTF-8"))?;
            if !value.is_empty() {
                layer.insert(known, value);
            }
        } else {
            let names = NAMES.map(variable);
            let known = names.iter().map(String::as_str).chain([CONFIG]);
            bail!(
                "unknown variable {name}: did you mean {}?",
                nearest(name, known)
            );
        }
    }
    Ok((layer, config))
}

fn from_file(text: &str) -> anyhow::Result<Layer> {
    let table: toml::Table = toml::from_str(text)?;
    let mut layer = Layer::new();
    for (name, value) in table {
        let Some(known) = NAMES.into_iter().find(|known| *known == name) else {
            bail!(
                "unknown setting {name:?}: did you mean {:?}?",
                nearest(&name, NAMES.into_iter())
            );
        };
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Array(list) if known == "webhook_allow" => list
                .iter()
                .map(|entry| {
                    entry
                        .as_str()
                        .context("webhook_allow must be a list of texts")
                })
                .collect::<anyhow::Result<Vec<_>>>()?
                .join(","),
            toml::Value::Integer(number) if known.starts_with("rate_limit_") => number.to_string(),
            _ => bail!("{name} must be a text"),
        };
        layer.insert(known, value);
    }
    Ok(layer)
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    known
        .min_by_key(|known| {
            strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
        let owned: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect();
        owned.into_iter()
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        match Settings::gather(CommonFlags::default(), [], variables(pairs)) {
            Ok(_) => panic!("{pairs:?} must be refused"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "listen = \"file:1\"\nlog = \"file\"\nlog_format = \"json\"\nmulti_tenancy = true\ndata_dir = \"file\"\n",
        )
        .unwrap();
        let flags = CommonFlags {
            config: Some(file.path().to_owned()),
            log: Some("flag".to_owned()),
            ..CommonFlags::default()
        };
        let settings = Settings::gather(
            flags,
            [("listen", None)],
            variables(&[
                ("KLEOS_LISTEN", "variable:1"),
                ("KLEOS_LOG", "variable"),
                ("KLEOS_DATABASE", "postgres://localhost/k"),
                ("KLEOS_LOG_FORMAT", ""),
                ("KLEOS_TEST_POSTGRES", "x"),
                ("KLEOS_BINARY", "x"),
                ("PATH", "/bin"),
            ]),
        )
        .unwrap();
        assert_eq!(settings.listen, "variable:1");
        assert_eq!(settings.log, "flag");
        assert_eq!(settings.log_format, LogFormat::Json);
        assert_eq!(settings.multi_tenancy, Some(true));
        // A higher layer chose the other kind of store.
        assert_eq!(
            settings.place,
            Place::Postgres("postgres://localhost/k".to_owned())
        );
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest_one() {
        assert_eq!(
            refusal(&[("KLEOS_LISTN", "x")]),
            "unknown variable KLEOS_LISTN: did you mean KLEOS_LISTEN?"
        );
        assert_eq!(
            from_file("data-dir = \"x\"").unwrap_err().to_string(),
            "unknown setting \"data-dir\": did you mean \"data_dir\"?"
        );
        assert_eq!(
            from_file("listen = 8080").unwrap_err().to_string(),
            "listen must be a text"
        );
        let list = from_file("webhook_allow = [\"127.0.0.1\", \"hooks.local\"]").unwrap();
        assert_eq!(list["webhook_allow"], "127.0.0.1,hooks.local");
        assert!(from_file("webhook_allow = [1]").is_err());
    }

    #[test]
    fn impossible_values_are_refused_without_repeating_secrets() {
        for key in [
            "nodot",
            "short.0123456789abcdef",
            "12345678.short",
            "12345678.0123456789 abcdef",
        ] {
            let text = refusal(&[("KLEOS_ADMIN_KEY", key)]);
            assert!(
                text.contains("exactly 8 characters") && !text.contains(key),
                "{text}"
            );
        }
        for (name, value) in [
            ("KLEOS_WEBHOOK_ALLOW", "127.0.0.1/33"),
            ("KLEOS_WEBHOOK_ALLOW", "http://127.0.0.1"),
            ("KLEOS_DATABASE", "mysql://secret"),
            ("KLEOS_LOG_FORMAT", "xml"),
            ("KLEOS_MULTI_TENANCY", "maybe"),
            ("KLEOS_RATE_LIMITS", "maybe"),
            ("KLEOS_RATE_LIMIT_TIER1", "0"),
            ("KLEOS_RATE_LIMIT_TIER2", "many"),
        ] {
            assert!(!refusal(&[(name, value)]).contains("secret"));
        }
        assert!(
            refusal(&[
                ("KLEOS_DATABASE", "postgres://h/d"),
                ("KLEOS_DATA_DIR", "d")
            ])
            .contains("exclude each other")
        );
    }

    #[test]
    fn rates_are_limited_only_when_asked_for() {
        let limits = |pairs: &[(&str, &str)]| {
            Settings::gather(CommonFlags::default(), [], variables(pairs))
                .map(|settings| settings.limits)
                .unwrap()
        };
        assert_eq!(limits(&[]), None);
        assert_eq!(limits(&[("KLEOS_RATE_LIMIT_TIER1", "7")]), None);
        assert_eq!(
            limits(&[("KLEOS_RATE_LIMITS", "on"), ("KLEOS_RATE_LIMIT_TIER1", "7")]),
            Some(Limits {
                tier1: 7,
                tier2: 50
            })
        );
        let file = from_file("rate_limits = true\nrate_limit_tier2 = 9").unwrap();
        assert_eq!(
            Settings::of_layers(&[file]).unwrap().limits,
            Some(Limits { tier1: 5, tier2: 9 })
        );
    }

    #[test]
    fn words_for_a_shell_are_quoted_only_when_needed() {
        assert_eq!(quoted("/tmp/a-b_c.d"), "/tmp/a-b_c.d");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
