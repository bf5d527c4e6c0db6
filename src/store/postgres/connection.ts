// One connection to PostgreSQL. It has no session state, and named statements only on request, so that a pooler can
// hand each transaction to another server process (PgBouncer in transaction mode).
import { Socket } from "node:net";
import type { ClientConfig, CustomTypesConfig, QueryResult } from "pg";
import { ConfigurationError, isNotInstalled } from "../../errors.js";
import type { Row, SqlValues } from "../rows.js";
import { failureOf, PostgresFailure } from "./failure.js";
import type { StatementNames } from "./statement-names.js";

export type PostgresModule = Pick<typeof import("pg"), "Client">;

export type PostgresConnection = Awaited<ReturnType<typeof connect>>;

/** Throws ConfigurationError when the optional peer is not installed. */
export async function loadPostgres(): Promise<PostgresModule> {
  try {
    return await import("pg");
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw new ConfigurationError(
      "AMPHO_DATABASE_URL names PostgreSQL, which needs the package pg. Install it: npm install pg",
    );
  }
}

/** How long the server can take to close the connection. */
const goodbyeMs = 500;
const keepAliveMs = 10_000;

/** The server keeps prepared statements by name. A pooler in front of it must support them. */
export const keepsStatements = (url: string): boolean =>
  ["true", "1"].includes(new URL(url).searchParams.get("prepare") ?? "");

/** TLS and authentication must be done within `timeoutMs`. Without `names` no statement has a name. */
export async function connect(module: PostgresModule, url: string, timeoutMs: number, names?: StatementNames) {
  const socket = new Socket();
  const client = createClient(module, { ...clientOptions, connectionString: libpqModes(url), stream: () => socket });
  let usable = true;
  /**
   * The texts, and whether the server has prepared their names. A text whose first statement failed gets no name.
   * PgBouncer knows a name from the first request for it, and ends a connection that requests it a second time.
   */
  const made = new Map<string, boolean>();
  let reportLost = () => {};
  const lose = () => {
    usable = false;
    reportLost();
    reportLost = () => {};
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
    /**
     * Rejects with PostgresFailure, and throws at once for a bug. Without parameters the text can be several
     * statements. The last result is then returned, and no statement has a name.
     */
    query: (text: string, parameters?: SqlValues): Promise<QueryResult<Row>> => {
      // PostgreSQL rejects NUL in text. Here it is the same bug as with SQLite.
      if (parameters?.some((value) => typeof value === "string" && value.includes("\0")))
        throw new TypeError("a bound text contains NUL");
      // All queries of one turn go out in one piece. Half of the time of a renewal in this process is writing to the
      // socket.
      socket.cork();
      process.nextTick(() => socket.uncork());
      const name = parameters && made.get(text) !== false ? names?.of(text) : undefined;
      const sent = resultOf(
        client.query<Row>({ text, types, ...(parameters && { values: [...parameters] }), ...(name && { name }) }),
        name && text,
      );
      if (name !== undefined && !made.has(text))
        sent.then(
          () => void made.set(text, true),
          () => void made.set(text, made.get(text) ?? false),
        );
      return sent;
    },
    /** False once it is lost. */
    get usable() {
      return usable;
    },
    /** Closes it at once. Running queries reject. */
    destroy: () => {
      usable = false;
      socket.destroy();
    },
    /** Closes it with a message to the server. */
    end: () => {
      usable = false;
      setTimeout(() => socket.destroy(), goodbyeMs).unref();
      client.end().catch(() => undefined);
    },
    /** Lets it keep the process alive, or not. */
    hold: (held: boolean) => void (held ? socket.ref() : socket.unref()),
    /** Called once, when it is lost or ended. */
    onLost: (listener: () => void) => {
      reportLost = listener;
    },
  };
}

/** `text`: the text of a statement with a name. */
async function resultOf(sent: Promise<QueryResult<Row>>, text?: string): Promise<QueryResult<Row>> {
  try {
    const result = await sent;
    return [result].flat().at(-1) ?? result;
  } catch (error) {
    throw failureOf(error, text);
  }
}

// int8, int2 and int4 are numbers, because all integers of the schema are safe. All other columns are text. They come
// with each query, because older versions of `pg` forget those of the connection for a second result.
const types: CustomTypesConfig = {
  getTypeParser: (oid: number) => (value: string | Buffer) =>
    [20, 21, 23].includes(oid) ? Number(value) : String(value),
};

const clientOptions: ClientConfig = {
  fallback_application_name: "ampho",
  keepAlive: true,
  keepAliveInitialDelayMillis: keepAliveMs,
  // A statement does not wait for the result of `begin`. Versions of `pg` without this option wait.
  pipeline: true,
};

function createClient(module: PostgresModule, options: ClientConfig) {
  try {
    return new module.Client(options);
  } catch {
    // A certificate file is missing, or a mode is unknown. The message of `pg` can contain parts of the URL.
    throw new ConfigurationError(
      "AMPHO_DATABASE_URL has a wrong parameter, or one that names a file which does not exist.",
    );
  }
}

/**
 * `require` and `verify-ca` verify as `verify-full` does, unless the URL has `uselibpqcompat=true`. `pg` 8 reads them
 * so, and this spelling means the same in the next version. A server without TLS is rejected.
 */
function libpqModes(url: string): string {
  if (/[?&]uselibpqcompat=true(?:&|$)/.test(url)) return url;
  return url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, "$1verify-full");
}
