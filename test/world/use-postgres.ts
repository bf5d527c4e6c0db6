// A PostgreSQL server, and a database of it, from before the tests of a file or of a `describe` until after them.
import { afterAll, beforeAll } from "vitest";
import { type Database, type PostgresServer, startPostgres } from "./postgres.js";

/** There once the tests begin. It ends last: what is registered after it to be done after the tests is done before. */
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

/** There once the tests begin; without a schema until it is emptied for the first time. */
export function useDatabase(server: PostgresServer = usePostgres()): Database {
  let database: Database | undefined;
  beforeAll(async () => {
    database = await server.database();
  });
  return later(() => database);
}

/** Stands for what is made later. */
function later<T extends object>(made: () => T | undefined): T {
  return new Proxy({} as T, {
    get(_, name) {
      const there = made();
      if (there === undefined) throw new Error(`${String(name)}: it is there once the tests begin`);
      return Reflect.get(there, name);
    },
  });
}
