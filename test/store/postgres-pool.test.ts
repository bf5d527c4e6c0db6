// The order of calls that wait for a connection.
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../dist/store/postgres/connection.js";
import { PostgresFailure } from "../../dist/store/postgres/failure.js";
import { createPool } from "../../dist/store/postgres/pool.js";
import { useDatabase } from "../world/use-postgres.js";

const database = useDatabase();

it("urgent calls get a connection before others, in the order in which they came", async () => {
  const pool = createPool(() => connect(pg, database.runtimeUrl, 2000), {
    connections: 1,
    reserved: 0,
    waiting: 10,
    idleMs: 60_000,
  });
  onTestFinished(() => pool.close());
  const held = await pool.take(2000, false);
  const served: string[] = [];
  const ask = async (name: string, urgent: boolean) => {
    const connection = await pool.take(2000, urgent);
    served.push(name);
    pool.give(connection);
  };
  const asked = [ask("first", false), ask("urgent 1", true), ask("urgent 2", true), ask("second", false)];
  asked.push(ask("urgent 3", true));
  pool.give(held);
  await Promise.all(asked);
  expect(served).toEqual(["urgent 1", "urgent 2", "urgent 3", "first", "second"]);
});

it.each([
  ["EPIPE", true],
  ["EPERM", true],
  ["ECONNRESET", true],
  ["57P01", true],
  ["40P01", false],
  ["23505", false],
  ["P0001", false],
])("a connection whose failure is %s is given up: %s", (code, isBreaking) => {
  expect(new PostgresFailure(code).breaking).toBe(isBreaking);
});
