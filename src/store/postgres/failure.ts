// Failures of PostgreSQL and of the connection to it, by SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html) or by the code of the socket.
// No message of a server or socket is passed on. It can contain parts of the URL, with a password that was typed wrong.
import { isError } from "../../errors.js";
import { withAddresses } from "../../version.js";

export class PostgresFailure extends Error {
  override readonly name = "PostgresFailure";
  /** The code of the server, of Node's sockets, or one of Ampho: `lost`, `late`, `standby`, `tls`. */
  readonly code: string;
  /** The text of the statement, if it was sent with a name. */
  readonly text: string | undefined;

  constructor(code: string, text?: string) {
    const explanation = explanations.find(([pattern]) => pattern.test(code))?.[1];
    super(explanation === undefined ? `PostgreSQL returned the error ${code}` : withAddresses(explanation));
    this.code = code;
    this.text = text;
  }

  /**
   * The transaction is undone for certain. It can succeed in a moment (serialization failure, deadlock). Or it can
   * succeed without a name for the statement, whose name is missing or taken, or whose plan is older than the table.
   */
  get undone(): boolean {
    return /^40(?:001|P01)$/.test(this.code) || this.nameUnusable || this.planStale;
  }

  /** The statement's name is missing at the server, or taken there. */
  get nameUnusable(): boolean {
    return this.text !== undefined && /^(?:26000|42P05)$/.test(this.code);
  }

  /** The types of the columns have changed since a statement with a name was planned. */
  get planStale(): boolean {
    return this.text !== undefined && this.code === "0A000";
  }

  /** The connection of the failure cannot be used any more. */
  get breaking(): boolean {
    // `EPIPE` and `EPERM` of a socket have the form of an SQLSTATE, whose classes never begin with an E.
    return !/^[0-9A-Z]{5}$/.test(this.code) || /^(?:08|57P|58|E|F0|XX|25006)/.test(this.code);
  }
}

/** `text`: that of a statement with a name. An error of neither the server nor the network is a bug, and returned. */
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

const asError = (error: unknown): Error => (isError(error) ? error : new Error("a value that is no Error was thrown"));

const explanations: readonly (readonly [RegExp, string])[] = [
  [/^lost$|^ECONNRESET$|^EPIPE$/, "the connection to PostgreSQL was lost"],
  [/^late$|^ETIMEDOUT$|^57014$/, "PostgreSQL does not respond in time"],
  [/^standby$|^25006$/, "the PostgreSQL server is a standby or read-only"],
  [/^tls$/, "PostgreSQL has no TLS, or its certificate is not trusted"],
  [/^ECONNREFUSED$|^ENOENT$/, "PostgreSQL is unreachable, because nothing listens at the address"],
  [/^ENOTFOUND$|^EAI_AGAIN$/, "PostgreSQL is unreachable, because the host is unknown"],
  [/^EHOSTUNREACH$|^ENETUNREACH$/, "PostgreSQL is unreachable, because there is no route to the host"],
  [/^28/, "PostgreSQL rejects the role or its password"],
  [/^3D000$/, "PostgreSQL has no database of that name"],
  [
    /^42501$/,
    "the role lacks rights in the database. Run `ampho db-up` as the owner of the schema, and serve as a role with its rights (docs/operate/postgresql.md, Two roles)",
  ],
  [/^3F000$/, "the search path has no schema in which tables can be created"],
  [/^42P01$|^42703$/, "a table or column of the schema is missing"],
  [/^53300$/, "PostgreSQL has no connection left"],
  [/^53100$/, "the disk of PostgreSQL is full"],
  [/^57P03$/, "PostgreSQL is starting up"],
  [/^57P/, "PostgreSQL is shutting down"],
  [/^55P03$/, "another session holds a lock in PostgreSQL for too long"],
  [/^40/, "PostgreSQL found conflicting transactions again and again"],
];
