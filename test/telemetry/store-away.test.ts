// The metrics of a PostgreSQL that hangs, and of its connections.
import { beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { openWorld, password, type World } from "../world/ampho.js";
import { startOwnPostgres } from "../world/postgres.js";
import { useDatabase, usePostgres } from "../world/use-postgres.js";
import { samplesOf } from "./reading.js";

const server = usePostgres(startOwnPostgres);
const database = useDatabase(server);
beforeAll(() => database.empty());

const open = () => openWorld({ databaseUrl: database.runtimeUrl, databaseMigrate: "off", clock: undefined });
const metric = ({ ampho }: World, name: string) => samplesOf(ampho.metrics()).get(name) ?? Number.NaN;
const until = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 50 });

it("the metrics show how long a process could not reach its database, and that it can again", async () => {
  const world = await open();
  const lag = () => metric(world, "ampho_revocation_lag_seconds");
  await until(() => expect(lag()).toBeLessThan(1));
  await server.signal("SIGSTOP");
  onTestFinished(() => server.signal("SIGCONT"));
  await until(() => expect(lag()).toBeGreaterThan(3));
  await until(() => expect(metric(world, 'ampho_store_errors_total{error_type="unavailable"}')).toBeGreaterThan(0));
  await server.signal("SIGCONT");
  await until(() => expect(lag()).toBeLessThan(1));
});

it("the metrics show open and busy connections and the operations that wait", async () => {
  const world = await open();
  await world.user("alice", { password });
  expect(metric(world, "ampho_store_connections")).toBeGreaterThan(0);
  await server.signal("SIGSTOP");
  onTestFinished(() => server.signal("SIGCONT"));
  const calls = Array.from({ length: 30 }, () => world.ampho.users.find("alice").catch(() => undefined));
  await until(() => {
    const [opened, busy] = [metric(world, "ampho_store_connections"), metric(world, "ampho_store_busy")];
    expect([busy, opened > 0, metric(world, "ampho_store_waiting") > 10]).toEqual([opened, true, true]);
  });
  await server.signal("SIGCONT");
  await Promise.all(calls);
  await until(() => expect([metric(world, "ampho_store_busy"), metric(world, "ampho_store_waiting")]).toEqual([0, 0]));
});
