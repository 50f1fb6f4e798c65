"use strict";
// Starts the server under test with an empty store of its own. Knows nothing of the API it serves.

const { spawn, execFileSync } = require("node:child_process");
const { randomUUID } = require("node:crypto");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");

const ADMIN_KEY = "testkey1.0123456789abcdef0123456789abcdef";
const BINARY = process.env.KLEOS_BINARY || path.resolve(__dirname, "../../target/release/kleos");
const READY_WITHIN_MS = 60_000;
const PAUSE_MS = 50;

function freePort() {
    return new Promise((resolve, reject) => {
        const probe = net.createServer();
        probe.on("error", reject);
        probe.listen(0, "127.0.0.1", () => {
            const { port } = probe.address();
            probe.close(() => resolve(port));
        });
    });
}

function psql(sql) {
    const admin = process.env.KLEOS_TEST_POSTGRES;
    if (!admin) {
        throw new Error("KLEOS_TEST_POSTGRES is not set: `cargo xtask test` starts a throw-away PostgreSQL and sets it");
    }
    execFileSync("psql", [admin, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", sql]);
}

/** Makes an empty store: the flags that name it, and how it is removed. */
function emptyStore(kind, folder) {
    if (kind === "sqlite") {
        return { flags: ["--data-dir", path.join(folder, "data")], remove() {} };
    }
    const name = `kleos_node_${randomUUID().replaceAll("-", "")}`;
    psql(`create database ${name}`);
    const url = new URL(process.env.KLEOS_TEST_POSTGRES);
    url.pathname = `/${name}`;
    return { flags: ["--database", url.href], remove: () => psql(`drop database if exists ${name} with (force)`) };
}

/** A running server: its address, the admin key, and how it ends. */
async function start(kind) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "kleos-node-"));
    const store = emptyStore(kind, folder);
    const url = `http://127.0.0.1:${await freePort()}`;
    // Unknown KLEOS_* variables are refused by the server, so ours must not reach it.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KLEOS_")));
    env.KLEOS_ADMIN_KEY = ADMIN_KEY;
    const log = fs.openSync(path.join(folder, "log"), "a");
    const flags = ["serve", "--listen", new URL(url).host, ...store.flags];
    const child = spawn(BINARY, flags, { env, cwd: folder, stdio: ["ignore", log, log] });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
        const answer = await fetch(`${url}/readyz`).catch(() => undefined);
        if (answer?.ok) {
            break;
        }
        if (child.exitCode !== null || Date.now() > deadline) {
            throw new Error(`the server is not ready:\n${fs.readFileSync(path.join(folder, "log"), "utf8")}`);
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return {
        url,
        key: ADMIN_KEY,
        async close() {
            child.kill("SIGTERM");
            await ended;
            store.remove();
            fs.rmSync(folder, { recursive: true, force: true });
        },
    };
}

module.exports = { start };
