// One connection to PostgreSQL. No session state, and no named statement unless that is asked for, so that a pooler may hand
// each transaction to another server process (PgBouncer in transaction mode).
import { Socket } from "node:net";
import type { ClientConfig, CustomTypesConfig, QueryResult } from "pg";
import { ConfigurationError, isNotInstalled } from "../../errors.js";
import type { Row, SqlValue } from "../transaction.js";
import { failureOf, PostgresFailure } from "./failure.js";
import type { StatementNames } from "./statement-names.js";

export type PostgresModule = Pick<typeof import("pg"), "Client">;

export interface PostgresConnection {
  /**
   * Rejects with PostgresFailure, and throws at once what is a bug. Without parameters the text may be several statements:
   * the last one's result is told, and none has a name.
   */
  query(sql: string, parameters?: readonly SqlValue[]): Promise<QueryResult<Row>>;
  /** False once it is lost. */
  readonly usable: boolean;
  /** At once; what runs on it rejects. */
  destroy(): void;
  /** Says goodbye to the server. */
  end(): void;
  /** Whether it keeps the process alive. */
  hold(held: boolean): void;
  /** Called once, when it is lost or ended. */
  onLost(listener: () => void): void;
}

/** Throws ConfigurationError when the optional peer is not installed. */
export async function loadPostgres(): Promise<PostgresModule> {
  try {
    return await import("pg");
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw new ConfigurationError("AMPHO_DATABASE_URL: PostgreSQL needs the package pg: npm install pg");
  }
}

/** For one who is told to go, but never answers. */
const goodbyeMs = 500;
const keepAliveMs = 10_000;

/** The whole of TLS and authentication has to be done within `timeoutMs`. Without `names` no statement has one. */
export async function connect(
  module: PostgresModule,
  url: string,
  timeoutMs: number,
  names?: StatementNames,
): Promise<PostgresConnection> {
  const socket = new Socket();
  const client = createClient(module, { ...clientOptions, connectionString: libpqModes(url), stream: () => socket });
  let usable = true;
  /**
   * Texts by whether the server has made their names. One whose first statement has failed goes without: PgBouncer knows a
   * name from the moment at which it was asked for, and ends the connection of whoever asks a second time.
   */
  const made = new Map<string, boolean>();
  let tellLost = () => {};
  const lose = () => {
    usable = false;
    tellLost();
    tellLost = () => {};
  };
  // Without a listener an idle connection that breaks would end the process.
  client.on("error", lose);
  client.on("end", lose);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.destroy();
  }, timeoutMs);
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throw late ? new PostgresFailure("late") : failureOf(error);
  } finally {
    clearTimeout(timer);
  }

  return {
    query: (text, parameters) => {
      // PostgreSQL refuses NUL in text; here it is the same bug as it is with SQLite.
      if (parameters?.some((value) => typeof value === "string" && value.includes("\0")))
        throw new TypeError("a bound text holds NUL");
      // What is sent in one turn goes out in one piece: half of a renewal's time in this process is writing to the socket.
      socket.cork();
      process.nextTick(() => socket.uncork());
      const name = parameters && made.get(text) !== false ? names?.of(text) : undefined;
      const answer = answerOf(
        client.query<Row>({ text, types, ...(parameters && { values: [...parameters] }), ...(name && { name }) }),
        name && text,
      );
      if (name !== undefined && !made.has(text))
        answer.then(
          () => void made.set(text, true),
          () => void made.set(text, made.get(text) ?? false),
        );
      return answer;
    },
    get usable() {
      return usable;
    },
    destroy: () => {
      usable = false;
      socket.destroy();
    },
    end: () => {
      usable = false;
      setTimeout(() => socket.destroy(), goodbyeMs).unref();
      client.end().catch(() => undefined);
    },
    hold: (held) => void (held ? socket.ref() : socket.unref()),
    onLost: (listener) => {
      tellLost = listener;
    },
  };
}

/** `text`: of a statement that has a name. */
async function answerOf(answer: Promise<QueryResult<Row>>, text?: string): Promise<QueryResult<Row>> {
  try {
    const result = await answer;
    return [result].flat().at(-1) ?? result;
  } catch (error) {
    throw failureOf(error, text);
  }
}

// int8, int2, int4 as numbers: all of ours are safe integers. The rest of what the schema has is text. Given with each query:
// in older versions the second result of one does not know the connection's.
const types: CustomTypesConfig = {
  getTypeParser: (oid: number) => (value: string | Buffer) =>
    [20, 21, 23].includes(oid) ? Number(value) : String(value),
};

const clientOptions: ClientConfig = {
  fallback_application_name: "ampho",
  keepAlive: true,
  keepAliveInitialDelayMillis: keepAliveMs,
  // A statement does not wait for the answer to `begin`; versions of `pg` that do not know it wait.
  pipeline: true,
};

function createClient(module: PostgresModule, options: ClientConfig) {
  try {
    return new module.Client(options);
  } catch {
    // A certificate file that is not there, a mode that is none. The message may hold parts of the URL.
    throw new ConfigurationError("AMPHO_DATABASE_URL: a parameter of the postgres:// URL is wrong, or names no file");
  }
}

/**
 * `require` and `verify-ca` verify as `verify-full` does, unless the URL says `uselibpqcompat=true`: as `pg` 8 reads them,
 * said in a way that the next version reads alike. A server without TLS is refused.
 */
function libpqModes(url: string): string {
  if (/[?&]uselibpqcompat=true(?:&|$)/.test(url)) return url;
  return url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, "$1verify-full");
}
