//! A `PostgreSQL` cluster in a temporary folder.
//!
//! A shell stands between this process and the server. It reads commands from a pipe, and when the
//! pipe closes - because we are done, or were killed - it stops the server and deletes the folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail, ensure};

/// How the server shall run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Wait for the disk at every commit, as in production. Off: faster tests.
    pub durable: bool,
}

/// A running server with its folder.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    guard: Mutex<Guard>,
}

#[derive(Debug)]
struct Guard {
    /// Closing it ends the shell, and with it the server.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    shell: Child,
}

/// `$1` binaries, `$2` folder, `$3` port, rest: how to become another user (may be empty).
const SHELL: &str = r#"
trap '' INT TERM HUP
bin=$1 folder=$2 port=$3
shift 3
cd "$folder"
start() {
    "$@" "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 \
        -o "-p $port -k $folder -h 127.0.0.1" start </dev/null >/dev/null 2>&1
}
stop() {
    "$@" "$bin/pg_ctl" -D "$folder/data" -w -t 60 -m immediate stop </dev/null >/dev/null 2>&1
}
while read -r command; do
    if "$command" "$@"; then echo ok; else echo failed; fi
done
stop "$@"
cd /
rm -rf "$folder"
"#;

impl Cluster {
    /// Makes and starts a cluster. The superuser is `postgres`, without password.
    pub fn start(options: Options) -> anyhow::Result<Cluster> {
        let bin = binaries()?;
        // The socket's path must be short and its folder open to another user: not TMPDIR.
        let folder = tempfile::Builder::new()
            .prefix("kleos-pg-")
            .tempdir_in("/tmp")?;
        let user = other_user(folder.path())?;
        initialise(&bin, folder.path(), &user, options)?;
        // From here on the shell deletes the folder.
        let folder = folder.keep();
        // Another program may take the port between our look and the server's start.
        for _ in 0..3 {
            let port = free_port()?;
            let mut guard = Guard::spawn(&bin, &folder, port, &user)?;
            if guard.order("start").is_ok() {
                return Ok(Cluster {
                    port,
                    guard: Mutex::new(guard),
                });
            }
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            if !log.contains("Address already in use") {
                bail!("PostgreSQL did not start: {log}");
            }
            guard.abandon();
        }
        bail!("PostgreSQL found no free port")
    }

    /// The URL of the superuser's database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends the server at once, without a checkpoint, as a crash would; the folder stays for
    /// [`Cluster::restart`].
    pub fn kill(&self) -> anyhow::Result<()> {
        self.order("stop")
    }

    /// Starts the server again after [`Cluster::kill`].
    pub fn restart(&self) -> anyhow::Result<()> {
        self.order("start")
    }

    /// Ends the server and waits until its folder is gone. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }

    fn order(&self, command: &str) -> anyhow::Result<()> {
        self.guard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .order(command)
    }
}

impl Guard {
    fn spawn(bin: &Path, folder: &Path, port: u16, user: &[String]) -> anyhow::Result<Guard> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SHELL, "kleos-postgres"])
            .arg(bin)
            .arg(folder)
            .arg(port.to_string())
            .args(user)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt from the keyboard goes to our group only; the pipe tells the shell.
            .process_group(0)
            .spawn()?;
        let commands = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().context("no pipe from the shell")?);
        Ok(Guard {
            commands,
            answers,
            shell,
        })
    }

    fn order(&mut self, command: &str) -> anyhow::Result<()> {
        let pipe = self.commands.as_mut().context("the cluster is stopped")?;
        writeln!(pipe, "{command}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        ensure!(answer == "ok\n", "pg_ctl {command} failed");
        Ok(())
    }

    /// Ends the shell only: the folder is needed for another try.
    fn abandon(mut self) {
        // It ignores polite signals; nothing runs below it.
        self.shell.kill().ok();
        self.shell.wait().ok();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.commands = None;
        self.shell.wait().ok();
    }
}

fn initialise(bin: &Path, folder: &Path, user: &[String], options: Options) -> anyhow::Result<()> {
    let initdb = bin.join("initdb");
    let mut command = match user.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(initdb);
            command
        }
        None => Command::new(initdb),
    };
    let output = command
        .current_dir(folder)
        .arg("--pgdata")
        .arg(folder.join("data"))
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
        .args([
            "--locale=C",
            "--lc-collate=C",
            "--no-sync",
            "--no-instructions",
        ])
        .output()?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut settings = "max_connections = 200\nshared_buffers = 256MB\n".to_owned();
    if !options.durable {
        settings.push_str("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n");
    }
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(folder.join("data/postgresql.conf"))?;
    file.write_all(settings.as_bytes())?;
    Ok(())
}

/// The folder with `initdb` and `pg_ctl`: beside the one in the path, or where Debian puts it.
fn binaries() -> anyhow::Result<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    // The newest first; the path before all of them.
    folders.sort_by_key(|f| {
        let version = f
            .parent()
            .and_then(Path::file_name)
            .and_then(|n| n.to_str());
        std::cmp::Reverse(version.and_then(|n| n.parse::<u32>().ok()).unwrap_or(0))
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders)
        // A link in the path leads to the folder that has all the programs.
        .filter_map(|folder| folder.join("initdb").canonicalize().ok())
        .filter_map(|initdb| Some(initdb.parent()?.to_owned()))
        .find(|folder| folder.join("pg_ctl").exists())
        .context(format!(
            "initdb and pg_ctl were not found: run `apt-get install postgresql`, or set {} to \
             the URL of a running server",
            super::POSTGRES_VARIABLE
        ))
}

/// `PostgreSQL` refuses to run as root. For root: the words that run a command as `postgres`, who
/// is given the folder; otherwise nothing.
fn other_user(folder: &Path) -> anyhow::Result<Vec<String>> {
    // The owner of what we have just made is us.
    if std::fs::metadata(folder)?.uid() != 0 {
        return Ok(Vec::new());
    }
    let status = Command::new("chown")
        .arg("postgres:")
        .arg(folder)
        .status()?;
    ensure!(
        status.success(),
        "root needs a user `postgres`: run `apt-get install postgresql`"
    );
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    let words = [
        "setpriv",
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
        "--",
    ];
    Ok(words.map(str::to_owned).to_vec())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
