// Lines of the log, for the operator of the process, and the table of docs/reference/log-lines.md. Every line is here,
// so that none is without a cause and a fix.
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
    "Run `ampho sec-rotate-key --in-place` (docs/operate/keys.md, Replace a stolen key).",
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

export const prepareWithoutEffectLine = () =>
  "AMPHO_DATABASE_PREPARE has no effect with SQLite, which always keeps prepared statements. It is for PostgreSQL.";

export const migrationLine = (version: number | string, name: string) => `applied migration ${version} (${name})`;

/** The schema is newer than the program and still works with it. */
export const newerSchemaLine = (version: number | string, newest: number | string) =>
  `The database has schema version ${version}. This program has ${newest} and still works with it. Start the newer program soon.`;

/** The message of the error at the start, and the beginning of the line after it. */
export const unprepared =
  "The pooler in front of PostgreSQL does not take prepared statements. Unset AMPHO_DATABASE_PREPARE.";

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

interface LogLine {
  /** The line, with an ellipsis for each computed part. */
  readonly lines: () => readonly string[];
  readonly cause: string;
  readonly fix: string;
}

const ellipsis = "…";
/** Its message and its stack are the ellipsis. */
const errorWithEllipsis = (): Error => Object.assign(new Error(ellipsis), { stack: ellipsis });

/** One row for each function above. The lines are computed on demand, so that a bundle can leave the table out. */
export const logLines: Readonly<Record<string, LogLine>> = {
  internalErrorLine: {
    lines: () => [internalErrorLine(errorWithEllipsis())],
    cause:
      "A bug. The line has its stack. If it was in a request, the response was `internal_error`, and the line has the id of the request.",
    fix: "Report it with the stack. If a function of your application is in the stack, look there first.",
  },
  signingKeyRevokedLine: {
    lines: () => [signingKeyRevokedLine(ellipsis)],
    cause: "An operator or another process revoked the key that signs.",
    fix: "Replace the key (docs/operate/keys.md). Existing sessions go on after that.",
  },
  clockLine: {
    lines: () => [1, -1, 0].map((by) => clockLine(by).replace(" 1 s", ` ${ellipsis} s`)),
    cause: "The machine's clock differs from that of the database by more than the leeway, or agrees again.",
    fix: "Set the clock of the machine, and let a time service keep it.",
  },
  databaseLine: {
    lines: () => [databaseLine("failing", errorWithEllipsis()), databaseLine("following")],
    cause:
      "The database is unreachable, or responds again. Guarded requests go on with the revocations that are known.",
    fix: "Start the database, or repair the network to it. The reason is that of the database driver.",
  },
  databaseOperationLine: {
    lines: () => [databaseOperationLine(ellipsis, errorWithEllipsis()), databaseOperationLine()],
    cause:
      "The database responds and rejects a kind of request, or no longer does: the disk is full, a lock is held, a right or a table is missing.",
    fix: "Remove the cause that the line names. The metrics count the requests that failed.",
  },
  mailLine: {
    lines: () => [mailLine(ellipsis), mailLine()],
    cause: "The mail server is unreachable or rejects a mail, or a function of your application did. Once an outage.",
    fix: "Remove the cause that the line names. `ampho mail-test ADDRESS` shows more.",
  },
  usersElsewhereLine: {
    lines: () => [usersElsewhereLine()],
    cause: "A process without the option `users` uses the database of an application that has it.",
    fix: "Give each process the same options, or its own database.",
  },
  userTableLine: {
    lines: () =>
      (["failing", "responding", "undecided"] as const).map((state) => userTableLine(state, errorWithEllipsis())),
    cause: "A function of the option `users` threw, took too long, or returned no boolean (docs/guides/own-users.md).",
    fix: "Look at the stack. Logins and renewals return 503 until the function works.",
  },
  hookFailsLine: {
    lines: () => [hookFailsLine(ellipsis, errorWithEllipsis())],
    cause: "A function for changes of users threw or took too long (docs/guides/user-hooks.md). At most once a minute.",
    fix: "Look at the stack. The change waits until the function succeeds.",
  },
  providerLine: {
    lines: () => [providerLine(ellipsis, ellipsis)],
    cause: "An outside provider is unreachable, or its response breaks a rule of the protocol.",
    fix: "Run `ampho provider-check NAME`, and compare the settings with docs/guides/providers.md.",
  },
  keyFileFailsLine: {
    lines: () => [keyFileFailsLine(ellipsis)],
    cause: "The changed file of AMPHO_SECURITY_KEY_FILE cannot be read, or has a key that cannot be used.",
    fix: "Repair the file. It is read again within seconds.",
  },
  keyFileReadsLine: {
    lines: () => [keyFileReadsLine()],
    cause: "The key file was unusable before, and is usable now.",
    fix: "Nothing to do.",
  },
  keysChangedLine: {
    lines: () => [keysChangedLine(ellipsis, [ellipsis], [ellipsis])],
    cause: "The key file has other keys than before.",
    fix: "Check that you have changed it. Otherwise an attacker might have, so replace the key (docs/operate/keys.md).",
  },
  ownKeyLine: {
    lines: () => [ownKeyLine()],
    cause: "No key is configured, and NODE_ENV is not `production`.",
    fix: "Run `ampho init`, or set AMPHO_SECURITY_KEY_FILE.",
  },
  forwardedLine: {
    lines: () => [forwardedLine()],
    cause: "The server is behind a proxy that it does not know, or a client sends such headers.",
    fix: "Set AMPHO_TRUST_PROXY behind a proxy. Otherwise there is nothing to do.",
  },
  plainHttpLine: {
    lines: () => [plainHttpLine()],
    cause:
      "Tokens are in cookies (AMPHO_SECURITY_COOKIES), and a browser opened the application over http, for example a phone in the network of a developer.",
    fix: "Use https, for example with mkcert, or open the page on localhost (docs/guides/cookies.md).",
  },
  defaultDatabaseLine: {
    lines: () => [defaultDatabaseLine(ellipsis)],
    cause: "No database is configured, so the default file is used.",
    fix: "Set AMPHO_DATABASE_URL.",
  },
  prepareWithoutEffectLine: {
    lines: () => [prepareWithoutEffectLine()],
    cause: "AMPHO_DATABASE_PREPARE is true for SQLite.",
    fix: "Unset it.",
  },
  migrationLine: {
    lines: () => [migrationLine(ellipsis, ellipsis)],
    cause: "The start updated the schema of the database.",
    fix: "Nothing to do.",
  },
  newerSchemaLine: {
    lines: () => [newerSchemaLine(ellipsis, ellipsis)],
    cause: "A newer version of Ampho has updated the schema.",
    fix: "Finish the deployment of the newer version.",
  },
  unpreparedLine: {
    lines: () => [unpreparedLine()],
    cause: "AMPHO_DATABASE_PREPARE is true, and the pooler loses prepared statements (docs/operate/postgresql.md).",
    fix: "Unset the parameter, or use a pooler that keeps them.",
  },
  metricsLine: {
    lines: () => [metricsLine(ellipsis)],
    cause: "The server opened the port of AMPHO_METRICS_PORT.",
    fix: "Nothing to do.",
  },
  hangUpLine: {
    lines: () => [hangUpLine(), hangUpLine(ellipsis)],
    cause: "The process got SIGHUP and read the key file. Without AMPHO_SECURITY_KEY_FILE there is only the error.",
    fix: "After an error, set the parameter or repair the file. Then send SIGHUP again.",
  },
  notReadyLine: {
    lines: () => [notReadyLine("SIGTERM", ellipsis)],
    cause: "The process got SIGTERM, and AMPHO_SHUTDOWN_DELAY is set.",
    fix: "Nothing to do.",
  },
  stoppingLine: {
    lines: () => [stoppingLine(ellipsis)],
    cause: "The process got SIGTERM or SIGINT, or its terminal was closed, and it stops gracefully.",
    fix: "Nothing to do.",
  },
  keysWarningLine: {
    lines: () => [keysWarningLine(ellipsis, ellipsis)],
    cause: "A verifier skipped a published key that it cannot use.",
    fix: "Look at the keys of the issuer. Tokens of the skipped key are rejected.",
  },
  fetchedKeysLine: {
    lines: () => [fetchedKeysLine(ellipsis, ellipsis), fetchedKeysLine(ellipsis)],
    cause: "A verifier cannot fetch the published keys, or can again.",
    fix: "Check `jwksUrl` and the network. Known keys go on until then.",
  },
  feedLine: {
    lines: () => [feedLine(ellipsis, ellipsis), feedLine(ellipsis)],
    cause: "A verifier cannot read the revocation feed, or can again.",
    fix: "Check the URL, the token and the network (docs/guides/verifying.md).",
  },
};
