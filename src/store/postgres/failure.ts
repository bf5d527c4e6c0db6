// What PostgreSQL or the way to it says when it cannot, told apart by SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html) or by the code of the socket.
// Messages of servers and sockets may hold parts of the URL, and a password that was written wrong in it: none is passed on.
import { isError } from "../../errors.js";

export class PostgresFailure extends Error {
  override readonly name = "PostgresFailure";
  /** Of the server, of Node's sockets, or one of ours: `lost`, `late`, `standby`, `tls`. */
  readonly code: string;
  /** Of the statement, if it was sent with a name. */
  readonly text: string | undefined;

  constructor(code: string, text?: string) {
    super(explanations.find(([pattern]) => pattern.test(code))?.[1] ?? `PostgreSQL answers with error ${code}`);
    this.code = code;
    this.text = text;
  }

  /**
   * The transaction is undone for certain, and the same one may succeed in a moment (serialization failure, deadlock), or
   * without a name for the statement (its name is missing or taken, its plan older than the table).
   */
  get undone(): boolean {
    return /^40(?:001|P01)$/.test(this.code) || this.nameUnusable || this.planStale;
  }

  /** The statement's name is missing at the server, or taken there. */
  get nameUnusable(): boolean {
    return this.text !== undefined && /^(?:26000|42P05)$/.test(this.code);
  }

  /** The types of the columns of a statement with a name are others since it was planned. */
  get planStale(): boolean {
    return this.text !== undefined && this.code === "0A000";
  }

  /** Of no more use is the connection that it came by. */
  get breaking(): boolean {
    return !/^[0-9A-Z]{5}$/.test(this.code) || /^(?:08|57P|58|F0|XX|25006)/.test(this.code);
  }
}

/**
 * Whatever `pg` rejects with; `text` is that of a statement with a name. What is no failure of the server or the network is a
 * bug, and comes back as it is.
 */
export function failureOf(error: unknown, text?: string): Error {
  if (error instanceof PostgresFailure || !isError(error)) return asError(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (code !== undefined)
    return new PostgresFailure(/^(?:ERR_TLS|CERT_|DEPTH_|SELF_|UNABLE_)/.test(code) ? "tls" : code, text);
  if (/SSL|certificate/i.test(error.message)) return new PostgresFailure("tls");
  if (/SASL|SCRAM|password/i.test(error.message)) return new PostgresFailure("28P01");
  // `pg` gives no code to the end of a connection.
  return /connection|terminated|timeout/i.test(error.message) ? new PostgresFailure("lost") : error;
}

function asError(error: unknown): Error {
  return isError(error) ? error : new Error("something that is no Error was thrown");
}

const explanations: readonly (readonly [RegExp, string])[] = [
  [/^lost$|^ECONNRESET$|^EPIPE$/, "the connection to PostgreSQL was lost"],
  [/^late$|^ETIMEDOUT$|^57014$/, "PostgreSQL does not answer in time"],
  [/^standby$|^25006$/, "the PostgreSQL server is a standby or read-only"],
  [/^tls$/, "no TLS connection to PostgreSQL, or its certificate is not good"],
  [/^ECONNREFUSED$|^ENOENT$/, "PostgreSQL cannot be reached: nothing listens there"],
  [/^ENOTFOUND$|^EAI_AGAIN$/, "PostgreSQL cannot be reached: the host is not known"],
  [/^EHOSTUNREACH$|^ENETUNREACH$/, "PostgreSQL cannot be reached: there is no way to the host"],
  [/^28/, "PostgreSQL refuses the role or its password"],
  [/^3D000$/, "PostgreSQL has no database of that name"],
  [
    /^42501$/,
    "the role may not do what is needed in the database: `ampho db-up` runs as the owner of the schema, and what serves as a role with its rights (docs/operating.md, Two roles)",
  ],
  [/^3F000$/, "there is no schema in the search path to make tables in"],
  [/^42P01$|^42703$/, "a table or column of the schema is missing"],
  [/^53300$/, "PostgreSQL has no connection left"],
  [/^53100$/, "the disk of PostgreSQL is full"],
  [/^57P03$/, "PostgreSQL is starting up"],
  [/^57P/, "PostgreSQL is shutting down"],
  [/^55P03$/, "a lock in PostgreSQL is held by somebody else for too long"],
  [/^40/, "PostgreSQL found transactions in each other's way again and again"],
];
