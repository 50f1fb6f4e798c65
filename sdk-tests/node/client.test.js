"use strict";
// Every call of the published Node client, on both stores. The client checks each answer against the shapes it was built for and
// throws where one does not fit.

const assert = require("node:assert/strict");
const { after, before, describe, test } = require("node:test");

const { TrophyApiClient } = require("@trophyso/node");

const { start } = require("./server");

const METRIC = "words-written";

/** Every method of a resource of the client, by its path, e.g. `users.get`. */
function methods(resource, prefix) {
    const own = Object.getPrototypeOf(resource);
    return Object.getOwnPropertyNames(own).flatMap((name) => {
        const described = Object.getOwnPropertyDescriptor(own, name);
        if (described.get) {
            return methods(resource[name], `${prefix}${name}.`);
        }
        return name === "constructor" || name.startsWith("_") ? [] : [`${prefix}${name}`];
    });
}

for (const kind of ["sqlite", "postgres"]) {
    describe(`the Node client on ${kind}`, () => {
        let server;
        let client;
        const called = new Set();

        /** Calls a method of the client and notes that it was called. */
        function call(name, ...args) {
            called.add(name);
            const parts = name.split(".");
            const method = parts.pop();
            const resource = parts.reduce((from, part) => from[part], client);
            return resource[method](...args);
        }

        async function create(path, item) {
            const answer = await fetch(`${server.url}/admin/v1${path}`, {
                method: "POST",
                headers: { "X-API-KEY": server.key, "Content-Type": "application/json" },
                body: JSON.stringify([item]),
            });
            const body = await answer.json();
            assert.equal(answer.status, 201, JSON.stringify(body));
            return body.created[0];
        }

        before(async () => {
            server = await start(kind);
            client = new TrophyApiClient({
                apiKey: server.key,
                environment: { api: `${server.url}/v1`, admin: `${server.url}/admin/v1` },
            });
            const metric = await create("/metrics", { name: "Words written", key: METRIC });
            const settings = await fetch(`${server.url}/admin/v1/streaks/settings`, {
                method: "PATCH",
                headers: { "X-API-KEY": server.key, "Content-Type": "application/json" },
                body: JSON.stringify({
                    metrics: [{ key: METRIC, threshold: 1 }],
                    freezes: { startCount: 1, maxCount: 2 },
                    customizationEnabled: true,
                }),
            });
            assert.equal(settings.status, 200);
            await create("/achievements", {
                name: "Novelist", trigger: "metric", status: "active", metricId: metric.id, metricValue: 500,
            });
            await create("/achievements", { name: "Bio", trigger: "api", status: "active", key: "bio" });
            await create("/points", {
                name: "XP", key: "xp",
                levels: [{ name: "Bronze", key: "bronze", points: 0 }, { name: "Silver", key: "silver", points: 50 }],
                triggers: [{ type: "metric", status: "active", points: 10, metricId: metric.id, metricThreshold: 100 }],
            });
            await create("/leaderboards", {
                name: "All time", key: "all-time", rankBy: "metric", metricId: metric.id, status: "active",
            });
        });
        after(async () => server?.close());

        test("users are created, identified, changed and read", async () => {
            const made = await call("users.create", { id: "ada", email: "ada@example.com", tz: "Europe/London" });
            assert.equal(made.id, "ada");
            assert.equal((await call("users.identify", "ada", { name: "Ada" })).name, "Ada");
            assert.equal((await call("users.update", "ada", { tz: "Asia/Tokyo" })).tz, "Asia/Tokyo");
            const read = await call("users.get", "ada");
            assert.deepEqual([read.name, read.tz, read.email], ["Ada", "Asia/Tokyo", "ada@example.com"]);
        });

        test("an event changes everything at once", async () => {
            const answer = await call("metrics.event", METRIC, { user: { id: "ada" }, value: 750 });
            assert.equal(answer.total, 750);
            assert.equal(answer.achievements.length, 1);
            assert.equal(answer.currentStreak.length, 1);
            assert.equal(answer.points.xp.added, 70);
            assert.equal(answer.leaderboards["all-time"].rank, 1);
        });

        test("an achievement is completed once", async () => {
            const first = await call("achievements.complete", "bio", { user: { id: "ada" } });
            const again = await call("achievements.complete", "bio", { user: { id: "ada" } });
            assert.equal(first.completionId, again.completionId);
            assert.deepEqual((await call("achievements.all")).map((one) => one.completions), [1, 1]);
            assert.equal((await call("users.achievements", "ada")).length, 2);
        });

        test("metrics, points and boards of a user are read", async () => {
            assert.equal((await call("users.allMetrics", "ada"))[0].current, 750);
            assert.equal((await call("users.singleMetric", "ada", METRIC)).current, 750);
            const points = await call("users.points", "ada", "xp", { awards: 5 });
            assert.deepEqual([points.total, points.level.key, points.awards.length], [70, "silver", 1]);
            const range = { aggregation: "daily", startDate: "2026-01-01", endDate: "2026-01-08" };
            assert.equal((await call("users.metricEventSummary", "ada", METRIC, range)).length, 8);
            assert.equal((await call("users.pointsEventSummary", "ada", "xp", range)).length, 8);
            const board = await call("users.leaderboard", "ada", "all-time", { numEvents: 10 });
            assert.deepEqual([board.rank, board.value], [1, 750]);
            assert.equal((await call("points.system", "xp")).triggers.length, 1);
            assert.equal((await call("points.summary", "xp")).length, 11);
            assert.equal((await call("leaderboards.all")).length, 1);
            assert.equal((await call("leaderboards.get", "all-time", { limit: 10 })).rankings[0].userId, "ada");
        });

        test("streaks are read, frozen and restored", async () => {
            const streak = await call("users.streak", "ada", { historyPeriods: 3 });
            assert.deepEqual([streak.length, streak.streakHistory.length, streak.rank], [1, 3, 1]);
            assert.equal((await call("streaks.list", { userIds: ["ada"] }))[0].streakLength, 1);
            assert.equal((await call("streaks.rankings", { limit: 5 }))[0].userId, "ada");
            const granted = await call("admin.streaks.freezes.create", { freezes: [{ userId: "ada" }] });
            assert.deepEqual(granted.issues, []);
            assert.equal((await call("users.streak", "ada")).freezes, 2);
            const restored = await call("admin.streaks.restore", { users: [{ id: "ada" }] });
            assert.deepEqual([restored.restoredUsers, restored.issues[0].severity], [[], "warning"]);
        });

        test("preferences are changed and read", async () => {
            const wanted = { notifications: { recap: ["email"], streakReminder: [] } };
            await call("users.updatePreferences", "ada", wanted);
            const { notifications } = await call("users.getPreferences", "ada");
            assert.deepEqual(JSON.parse(JSON.stringify(notifications)), wanted.notifications);
        });

        test("a year is wrapped", async () => {
            const wrapped = await call("users.wrapped", "ada");
            assert.equal(wrapped.activity.daysActive, 1);
            assert.equal(wrapped.activity.entireYear.metrics[METRIC].currentTotal, 750);
        });

        test("errors are told as such", async () => {
            await assert.rejects(call("users.allMetrics", "nobody"), { statusCode: 404 });
            const wrong = { user: { id: "ada" }, value: 1, attributes: { nothing: "x" } };
            await assert.rejects(call("metrics.event", METRIC, wrong), { statusCode: 422 });
        });

        test("no method of the client was left out", () => {
            assert.deepEqual(methods(client, "").filter((name) => !called.has(name)), []);
        });
    });
}
