"""Starts and stops the server under test, with an empty store of its own. Must not know the API it serves."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx

ADMIN_KEY = "testkey1.0123456789abcdef0123456789abcdef"

BINARY = Path(
    os.environ.get("KLEOS_BINARY", Path(__file__).resolve().parents[2] / "target" / "release" / "kleos")
).resolve()

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30


class NotRunnable(Exception):
    """Something the tests need is missing; the text says how to provide it."""


class Database:
    """A fresh PostgreSQL database, made and dropped with the `psql` program."""

    def __init__(self) -> None:
        self.admin_url = os.environ.get("KLEOS_TEST_POSTGRES", "")
        if not self.admin_url:
            raise NotRunnable(
                "KLEOS_TEST_POSTGRES is not set. `cargo xtask test` starts a throw-away PostgreSQL and sets it; by hand: "
                "KLEOS_TEST_POSTGRES=postgres://postgres@127.0.0.1:5432/postgres pytest"
            )
        if shutil.which("psql") is None:
            raise NotRunnable("the program `psql` is not in PATH: install the PostgreSQL client, or run `.ci/run`")
        self.name = f"kleos_sdk_{uuid.uuid4().hex}"
        self.psql(f"create database {self.name}")
        parts = urlsplit(self.admin_url)
        self.url = urlunsplit(parts._replace(path=f"/{self.name}"))

    def psql(self, sql: str) -> None:
        """Runs one statement in the admin database."""
        command = ["psql", self.admin_url, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotRunnable(f"psql could not run `{sql}`: {done.stderr.strip()}")

    def drop(self) -> None:
        """Removes the database, whoever is still connected."""
        self.psql(f"drop database if exists {self.name} with (force)")


class Server:
    """One server process over one store. `stop` and `start` again keep the store; `close` removes it."""

    def __init__(self, store: str, *, multi_tenancy: bool, flags: tuple[str, ...] = ()) -> None:
        if not BINARY.is_file():
            raise NotRunnable(f"{BINARY} is missing: `cargo build --release`, or set KLEOS_BINARY")
        self.folder = Path(tempfile.mkdtemp(prefix="kleos-sdk-"))
        self.database = Database() if store == "postgres" else None
        self.multi_tenancy = multi_tenancy
        self.flags = flags
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.start()

    def start(self) -> None:
        """Starts the process on a free port and waits until it says it is ready."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        where = ["--database", self.database.url] if self.database else ["--data-dir", str(self.folder / "data")]
        # Unknown KLEOS_* variables are refused by the server, so ours must not reach it.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KLEOS_")}
        environment["KLEOS_ADMIN_KEY"] = ADMIN_KEY
        if self.multi_tenancy:
            environment["KLEOS_MULTI_TENANCY"] = "on"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "serve", "--listen", f"127.0.0.1:{port}", *where, *self.flags],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode} at start:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the server is not ready after {READY_WITHIN_S} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def ready(self) -> bool:
        """Whether the server says that it can serve."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def log_tail(self) -> str:
        """The last of what the server logged, for failures."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def stop(self) -> None:
        """Asks the server to end and insists that it does so by itself, with exit code 0."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"still running {STOPPED_WITHIN_S} s after SIGTERM:\n{self.log_tail()}") from None
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.log_tail()}"

    def close(self) -> None:
        """Stops the server and removes its store."""
        try:
            self.stop()
        finally:
            if self.database:
                self.database.drop()
            shutil.rmtree(self.folder, ignore_errors=True)
