// Lines of the log, for the operator of the process. Every line is here. `scripts/docs-logs.mjs` has causes and fixes.
import { isError } from "./errors.js";

const notAnError = "a value that is no Error was thrown";

/** The message of the database driver. It contains nothing that a user typed and no part of a URL. */
export function reasonOf(error: unknown): string {
  const cause = isError(error) && isError(error.cause) ? error.cause : error;
  return isError(cause) ? cause.message : notAnError;
}

function stackOf(error: unknown): string {
  return isError(error) ? (error.stack ?? error.message) : notAnError;
}

/** The stack of a bug goes to the log and never into a response. */
export const internalErrorLine = (error: unknown) => `internal error: ${stackOf(error)}`;

export const signingKeyRevokedLine = (kid: string) =>
  [
    `The signing key ${kid} was revoked. Login and renewal return 503 until there is another key.`,
    "Run `ampho sec-rotate-key --in-place` (docs/operate/signing-keys.md, Replace a stolen signing key).",
  ].join(" ");

/** `aheadSeconds`: how far the machine's clock is ahead of the database's. 0 means that they agree again. */
export function clockLine(aheadSeconds: number): string {
  if (aheadSeconds === 0) return "This machine's clock agrees with the database's again.";
  const side = aheadSeconds > 0 ? "ahead of" : "behind";
  return `This machine's clock is ${Math.abs(aheadSeconds)} s ${side} the database's, which Ampho uses. Set it.`;
}

export const databaseLine = (state: "failing" | "following", error?: unknown) =>
  state === "following"
    ? "The database responds again."
    : `The database cannot be read: ${reasonOf(error)}. Ampho tries again until it responds.`;

/** Without an error, all operations work again. */
export const databaseOperationLine = (operation?: string, error?: unknown) =>
  operation === undefined
    ? "All operations of the database work again."
    : `The database operation ${operation} fails: ${reasonOf(error)}. Requests that need it get 503.`;

/** Without a reason, mails are sent again. */
export const mailLine = (reason?: string) =>
  reason === undefined ? "Mails are sent again." : `Mails fail: ${reason} Ampho tries again (\`ampho mail-list\`).`;

export const usersElsewhereLine = () =>
  [
    "Another process gave this database the option `users`, and users of that table are signed in. Give this process the",
    "option, too. Without it, their logins are rejected here, and their renewals return 503.",
    "If the users are in the database now, run `ampho session-end --all` and restart (docs/guides/own-users.md).",
  ].join(" ");

export function userTableLine(state: "failing" | "responding" | "undecided", cause: unknown): string {
  if (state === "failing") return `The user table fails: ${stackOf(cause)}`;
  if (state === "responding") return "The user table responds again.";
  return "users.verify returned neither true nor false. Only true accepts a password.";
}

export const hookFailsLine = (hook: string, error: unknown) =>
  `The hook ${hook} fails: ${stackOf(error)}. Ampho calls it again.`;

export const providerLine = (name: string, reason: string) => `The provider ${name} cannot be used: ${reason}.`;

export const keyFileFailsLine = (problem: string) =>
  `error: ${problem} This process keeps the keys that it read before.`;

export const keyFileReadsLine = () => "The key file can be used again.";

/** Names keys by `kid`, which every token shows anyway. */
export const keysChangedLine = (signing: string, verifying: readonly string[], gone: readonly string[]) =>
  [
    `The key file was read again. ${signing} signs.`,
    verifying.length > 0 ? ` ${verifying.join(", ")} only ${verifying.length === 1 ? "verifies" : "verify"}.` : "",
    gone.length > 0 ? ` No longer accepted: ${gone.join(", ")} and all tokens that they signed.` : "",
  ].join("");

export const ownKeyLine = () =>
  "AMPHO_SECURITY_KEY is not set. This process created its own key, so its tokens end with it. Create a permanent key with `ampho sec-gen-key`, or with `ampho init` and `node --env-file=.env`.";

export const forwardedLine = () =>
  "Requests carry X-Forwarded-For or Forwarded, but AMPHO_TRUST_PROXY is 0, so every client has the proxy's IP address. If a proxy of yours forwards them, set AMPHO_TRUST_PROXY to the number of proxies.";

export const plainHttpLine = () =>
  "A page was opened over http under another name than localhost. Browsers keep no Secure cookie there, so users cannot sign in. Use https, or open the page on localhost.";

export const defaultDatabaseLine = (path: string) => `AMPHO_DATABASE_URL is not set. The database is ${path}.`;

export const migrationLine = (version: number | string, name: string) => `applied migration ${version} (${name})`;

/** The schema is newer than the program and still works with it. */
export const newerSchemaLine = (version: number | string, newest: number | string) =>
  `The database has schema version ${version}. This program has ${newest} and still works with it. Start the newer program soon.`;

/** The message of the error at the start, and the beginning of the line after it. */
export const unprepared =
  "The pooler in front of PostgreSQL does not take prepared statements. Remove prepare=true from AMPHO_DATABASE_URL.";

export const unpreparedLine = () => `${unprepared} Until the next start there are none.`;

export const metricsLine = (url: string) => `metrics: ${url}`;

export const hangUpLine = (problem?: string) =>
  problem === undefined ? "SIGHUP: the key file was read." : `error: SIGHUP: ${problem} The keys stay as they are.`;

export const notReadyLine = (signal: string, seconds: number | string) =>
  `${signal}: not ready any more. The port closes in ${seconds} s.`;

export const stoppingLine = (signal: string) => `${signal}: the server stops. Running requests can end.`;

export const keysWarningLine = (origin: string, warning: string) => `the keys of ${origin}: ${warning}`;

/** Without a reason, the keys can be fetched again. */
export const fetchedKeysLine = (origin: string, reason?: string) =>
  reason === undefined
    ? `the keys of ${origin} can be fetched again`
    : `the keys of ${origin} cannot be fetched: ${reason}`;

/** Without a reason, the feed can be read again. */
export const feedLine = (origin: string, reason?: string) =>
  reason === undefined
    ? `the revocations of ${origin} can be read again`
    : `the revocations of ${origin} cannot be read: ${reason}`;

/**
 * Returns the host, the port and the name of a PostgreSQL database. Undefined for a URL that an unquoted password could
 * have made: it contains a character that would end the password.
 */
export const databaseAddress = (url: string): string | undefined =>
  /^postgres(?:ql)?:\/\/(?:[^/?#@]*@)?((?:[\w.-]+|\[[\da-f:]+\])(?::\d+)?(?:\/[\w.-]*)?)(?:\?[^@#]*)?$/i.exec(url)?.[1];
