// Writes docs/reference/log-lines.md: the lines of src/log-lines.ts, each with its cause and its fix. Needs a build.
import { createAccessLog } from "../dist/http/server/access-log.js";
import * as written from "../dist/log-lines.js";
import { linkPages } from "./page-links.mjs";
import { wrap } from "./wrap.mjs";

const file = "docs/reference/log-lines.md";

/** The path and the text of each generated page. */
export function generate() {
  return { [file]: page() };
}

const request = {
  timeMs: 1_790_000_000_000,
  method: "POST",
  route: "/api/security/login",
  status: 401,
  durationMs: 71.3,
  error: "invalid_credentials",
  requestId: "0af7651916cd43dd8448eb211c80319c",
};

function accessLine(format) {
  let line = "";
  createAccessLog(format, (text) => {
    line = text.trimEnd();
  })(request);
  return line;
}

/** Headings that differ from the names of their functions. */
const headings = {
  keyFileFailsLine: "Signing key file fails",
  keyFileReadsLine: "Signing key file reads",
  keysChangedLine: "Signing keys changed",
  ownKeyLine: "Own signing key",
  keysWarningLine: "Skipped signing key",
  fetchedKeysLine: "Fetched signing keys",
};

/** `signingKeyRevokedLine` -> `Signing key revoked`. */
const headingOf = (name) =>
  headings[name] ??
  name
    .replace(/Line$/, "")
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(/^./, (letter) => letter.toUpperCase());

const marked = (text) =>
  linkPages(text, file).replace(/(?<![`\w])(AMPHO_[A-Z_]+[A-Z]|NODE_ENV|SIG[A-Z]+)(?![`\w])/g, "`$1`");

const ellipsis = "…";
/** Its message and its stack are the ellipsis. */
const error = Object.assign(new Error(ellipsis), { stack: ellipsis });

/** One row for each function of src/log-lines.ts. `lines`: where not every argument is an ellipsis, or for several. */
export const logLines = {
  internalErrorLine: {
    lines: [written.internalErrorLine(error)],
    cause:
      "A bug. The line has its stack. If it was in a request, the response was `internal_error`, and the line has the id of the request.",
    fix: "Report it with the stack. If a function of your application is in the stack, look there first.",
  },
  signingKeyRevokedLine: {
    cause: "An operator or another process revoked the key that signs.",
    fix: "Replace the key (docs/operate/signing-keys.md). Existing sessions go on after that.",
  },
  clockLine: {
    lines: [1, -1, 0].map((by) => written.clockLine(by).replace(" 1 s", ` ${ellipsis} s`)),
    cause: "The machine's clock differs from that of the database by more than the leeway, or agrees again.",
    fix: "Set the clock of the machine, and let a time service keep it.",
  },
  databaseLine: {
    lines: [written.databaseLine("failing", error), written.databaseLine("following")],
    cause:
      "The database is unreachable, or responds again. Guarded requests go on with the revocations that are known.",
    fix: "Start the database, or repair the network to it. The reason is that of the database driver.",
  },
  databaseOperationLine: {
    lines: [written.databaseOperationLine(ellipsis, error), written.databaseOperationLine()],
    cause:
      "The database responds and rejects a kind of request, or no longer does: the disk is full, a lock is held, a right or a table is missing.",
    fix: "Remove the cause that the line names. The metrics count the requests that failed.",
  },
  mailLine: {
    lines: [written.mailLine(ellipsis), written.mailLine()],
    cause: "The mail server is unreachable or rejects a mail, or a function of your application did. Once an outage.",
    fix: "Remove the cause that the line names. `ampho mail-test ADDRESS` shows more.",
  },
  usersElsewhereLine: {
    cause: "A process without the option `users` uses the database of an application that has it.",
    fix: "Give each process the same options, or its own database.",
  },
  userTableLine: {
    lines: ["failing", "responding", "undecided"].map((state) => written.userTableLine(state, error)),
    cause: "A function of the option `users` threw, took too long, or returned no boolean (docs/guides/own-users.md).",
    fix: "Look at the stack. Logins and renewals return 503 until the function works.",
  },
  hookFailsLine: {
    lines: [written.hookFailsLine(ellipsis, error)],
    cause: "A function for changes of users threw or took too long (docs/guides/user-hooks.md). At most once a minute.",
    fix: "Look at the stack. The change waits until the function succeeds.",
  },
  providerLine: {
    cause: "An outside provider is unreachable, or its response breaks a rule of the protocol.",
    fix: "Run `ampho provider-check NAME`, and compare the settings with docs/guides/providers.md.",
  },
  keyFileFailsLine: {
    cause: "The changed file of AMPHO_SECURITY_KEY_FILE cannot be read, or has a key that cannot be used.",
    fix: "Repair the file. It is read again within seconds.",
  },
  keyFileReadsLine: {
    cause: "The key file was unusable before, and is usable now.",
    fix: "Nothing to do.",
  },
  keysChangedLine: {
    lines: [written.keysChangedLine(ellipsis, [ellipsis], [ellipsis])],
    cause: "The key file has other keys than before.",
    fix: "Check that you have changed it. Otherwise an attacker might have, so replace the key (docs/operate/signing-keys.md).",
  },
  ownKeyLine: {
    cause: "No key is configured, and NODE_ENV is not `production`.",
    fix: "Run `ampho init`, or set AMPHO_SECURITY_KEY_FILE.",
  },
  forwardedLine: {
    cause: "The server is behind a proxy that it does not know, or a client sends such headers.",
    fix: "Set AMPHO_TRUST_PROXY behind a proxy. Otherwise there is nothing to do.",
  },
  plainHttpLine: {
    cause:
      "Tokens are in cookies (AMPHO_SECURITY_COOKIES), and a browser opened the application over http, for example a phone in the network of a developer.",
    fix: "Use https, for example with mkcert, or open the page on localhost (docs/guides/cookies.md).",
  },
  defaultDatabaseLine: {
    cause: "No database is configured, so the default file is used.",
    fix: "Set AMPHO_DATABASE_URL.",
  },
  migrationLine: {
    cause: "The start updated the schema of the database.",
    fix: "Nothing to do.",
  },
  newerSchemaLine: {
    cause: "A newer version of Ampho has updated the schema.",
    fix: "Finish the deployment of the newer version.",
  },
  unpreparedLine: {
    cause:
      "AMPHO_DATABASE_URL has prepare=true, and the pooler loses prepared statements (docs/operate/postgresql.md).",
    fix: "Remove it, or use a pooler that keeps them.",
  },
  metricsLine: {
    cause: "The server opened the port of AMPHO_METRICS_LISTEN.",
    fix: "Nothing to do.",
  },
  hangUpLine: {
    lines: [written.hangUpLine(), written.hangUpLine(ellipsis)],
    cause: "The process got SIGHUP and read the key file. Without AMPHO_SECURITY_KEY_FILE there is only the error.",
    fix: "After an error, set the parameter or repair the file. Then send SIGHUP again.",
  },
  notReadyLine: {
    lines: [written.notReadyLine("SIGTERM", ellipsis)],
    cause: "The process got SIGTERM, and AMPHO_SHUTDOWN_DELAY is set.",
    fix: "Nothing to do.",
  },
  stoppingLine: {
    cause: "The process got SIGTERM or SIGINT, or its terminal was closed, and it stops gracefully.",
    fix: "Nothing to do.",
  },
  keysWarningLine: {
    cause: "A verifier skipped a published key that it cannot use.",
    fix: "Look at the keys of the issuer. Tokens of the skipped key are rejected.",
  },
  fetchedKeysLine: {
    lines: [written.fetchedKeysLine(ellipsis, ellipsis), written.fetchedKeysLine(ellipsis)],
    cause: "A verifier cannot fetch the published keys, or can again.",
    fix: "Check `jwksUrl` and the network. Known keys go on until then.",
  },
  feedLine: {
    lines: [written.feedLine(ellipsis, ellipsis), written.feedLine(ellipsis)],
    cause: "A verifier cannot read the revocation feed, or can again.",
    fix: "Check the URL, the token and the network (docs/guides/verifying.md).",
  },
};

const functions = { ...written };

/** The lines of a row, with an ellipsis for each computed part. */
export function linesOf(name) {
  const write = functions[name];
  return logLines[name].lines ?? [write(...Array(write.length).fill(ellipsis))];
}

const section = ([name, { cause, fix }]) => `## ${headingOf(name)}

\`\`\`text
${linesOf(name).join("\n")}
\`\`\`

${wrap(`**Cause:** ${marked(cause)}`)}

${wrap(`**Fix:** ${marked(fix)}`)}
`;

function page() {
  return `<!-- Generated by scripts/docs-logs.mjs from src/log-lines.ts. -->
# Log lines

\`ampho serve\` writes its log to stderr. An application gets the lines by the option \`log\` of \`createAmpho\`, and those
of a verifier by the option \`log\` of \`createVerifier\`. [Metrics, traces and alerts](../operate/metrics.md) shows what to watch.
In the lines below, \`…\` stands for a computed part. With \`--log json\` each line is an object with \`time\`,
\`message\` and, for a line about one request, \`id\`.

A warning about the configuration is in the log as \`warning: …\`, and names the parameter. A mail that could not be
sent is there with its reason ([Send mail](../guides/mail.md)). The line never contains an address, a code or a link.

## Request

\`\`\`text
${accessLine("text")}
${accessLine("json")}
\`\`\`

**Cause:** The server has responded to a request. The second form is that of \`--log json\`.

**Fix:** [Errors](errors.md) has the cause and the fix of each code.

${Object.entries(logLines).map(section).join("\n")}`;
}
