// A PostgreSQL server, and a database in it, for the duration of a file or of a `describe`.
import { afterAll, beforeAll } from "vitest";
import { type Database, type PostgresServer, startPostgres } from "./postgres.js";

/** Available once the tests begin. Its hook runs last, after those that are registered later. */
export function usePostgres(): PostgresServer;
export function usePostgres<S extends PostgresServer>(start: () => Promise<S>): S;
export function usePostgres(start: () => Promise<PostgresServer> = startPostgres): PostgresServer {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());
  return later(() => server);
}

/** Available once the tests begin. It has no schema until it is emptied for the first time. */
export function useDatabase(server: PostgresServer = usePostgres()): Database {
  let database: Database | undefined;
  beforeAll(async () => {
    database = await server.database();
  });
  return later(() => database);
}

/** Stands in for an object that is created later. */
function later<T extends object>(made: () => T | undefined): T {
  return new Proxy({} as T, {
    get(_, name) {
      const there = made();
      if (there === undefined) throw new Error(`${String(name)} is available only once the tests begin`);
      return Reflect.get(there, name);
    },
  });
}
