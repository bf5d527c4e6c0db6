#!/usr/bin/env node
// `ampho-attack URL`: turns arguments into an attack, and its results into a table. Exit codes: 0 every attack that ran was blocked,
// 1 an attack succeeded or could not run, 2 wrong use.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { parseArgs } from "node:util";
import type { UserCredentials } from "./attack.js";
import { createCommands } from "./commands.js";
import { NoResponse } from "./exchange.js";
import { Failure, UsageError } from "./failures.js";
import { attackInstance } from "./instance.js";
import { type AttackResult, allBlocked } from "./run.js";
import { apiOf, readSettings } from "./settings.js";
import { attacks } from "./table.js";
import { createTestUsers } from "./test-users.js";

const help = `Usage: ampho-attack [options] URL

Runs harmless attacks on a running instance of Ampho that is yours, and prints
which of them were blocked.

Without --login, the command \`ampho\` creates test users and service accounts
in the configured database, and deletes them afterwards. Parameters come from
the environment and from .env, as those of Ampho do.

Options:
  --key-stdin             Read the key of the server from stdin, as a JWK or
                          JWK Set.
  --login USER            Sign in as this user instead of creating test users.
  --password-stdin        Read the password of that user from stdin.
  --ampho COMMAND         The command to create test users with, for example
                          'docker exec -i api ampho'. Default: the ampho of
                          this folder, or of PATH.
  --role NAME             A role of the test users. With one that has a scope,
                          API keys are attacked too.
  --i-own-this-host HOST  Attack this host, which must be that of URL, without
                          its key.
  --json                  Print the result as one line of JSON.
  --version               Print the version.
  --help                  Print this text.

Exit codes: 0 every attack that ran was blocked, 1 an attack succeeded or
could not be completed, or none ran, 2 wrong use.
`;

const options = {
  "key-stdin": { type: "boolean" },
  login: { type: "string" },
  "password-stdin": { type: "boolean" },
  ampho: { type: "string" },
  role: { type: "string" },
  "i-own-this-host": { type: "string" },
  json: { type: "boolean" },
  version: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function readArguments() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "The arguments are wrong.");
  }
}

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  if (values.help) return print(help.trimEnd());
  if (values.version) return print(versionOf());
  const { login, role, json = false } = values;
  const [typed, ...more] = positionals;
  if (typed === undefined || more.length > 0) throw new UsageError("Give one URL. --help prints the options.");
  if (values["password-stdin"] && values["key-stdin"])
    throw new UsageError("Use one of --key-stdin and --password-stdin. AMPHO_SECURITY_KEY_FILE can name the key.");
  if (values["password-stdin"] && login === undefined) throw new UsageError("--password-stdin requires --login.");
  if (role !== undefined && !/^[\w.:-]+$/.test(role)) throw new UsageError("--role must be the name of a role.");
  const cwd = process.cwd();
  const settings = readSettings(cwd, process.env);
  const api = apiOf(typed, settings.restPrefix);
  const repeated = values["i-own-this-host"];
  if (repeated !== undefined && repeated.toLowerCase() !== api.host)
    throw new UsageError("--i-own-this-host must repeat the host of the URL, with its port if it has one.");
  const key = values["key-stdin"] ? settings.readKey(await readStdin(), "The text on stdin") : settings.configuredKey();
  const user: UserCredentials | undefined =
    login === undefined ? undefined : { login, password: await readPassword(values["password-stdin"] === true) };
  const createUsers = () => {
    if (values.ampho === undefined && settings.noDatabase !== undefined)
      throw new Failure(`${settings.noDatabase} Set it, or use --ampho, or --login and --password-stdin.`);
    return createTestUsers(createCommands(cwd, values.ampho, role), settings.passwordMinCharacters);
  };
  const report = await withStop((stop) =>
    attackInstance({
      attacks,
      api,
      key,
      rules: settings.rules,
      ownsHost: repeated !== undefined,
      user: user ?? createUsers,
      now: () => Math.floor(Date.now() / 1000),
      stop,
    }),
  );
  if (report.notStarted !== undefined) throw new Failure(report.notStarted);
  printResults(report.results, json);
  const successes = report.results.filter(({ outcome }) => outcome === "succeeded").length;
  if (successes > 0) throw new Failure(`${successes} of ${report.results.length} attacks succeeded.`);
  if (!allBlocked(report.results)) throw new Failure("Some attacks could not be completed.");
  note("Every attack that ran was blocked.");
}

/** The first Ctrl+C stops the attacks, and the cleanup still runs. */
async function withStop<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  process.once("SIGINT", abort).once("SIGTERM", abort);
  try {
    return await work(stop.signal);
  } finally {
    process.off("SIGINT", abort).off("SIGTERM", abort);
  }
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return String(Object(manifest).version);
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}

async function readPassword(onStdin: boolean): Promise<string> {
  if (!process.stdin.isTTY && !onStdin)
    throw new UsageError("The password comes from a terminal or from --password-stdin.");
  const password = onStdin ? (await readStdin()).replace(/\r?\n$/, "") : await ask("Password: ");
  if (password === "") throw new Failure("The password is empty.");
  return password;
}

/** Asks on the terminal without showing what is typed. */
async function ask(text: string): Promise<string> {
  process.stderr.write(text);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const asking = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await asking.question("");
  } finally {
    asking.close();
    process.stderr.write("\n");
  }
}

const words: Readonly<Record<AttackResult["outcome"], string>> = {
  blocked: "blocked",
  succeeded: "SUCCEEDED",
  not_run: "not run",
  failed: "FAILED",
};

function printResults(results: readonly AttackResult[], json: boolean): void {
  if (json) {
    print(JSON.stringify(results));
    return;
  }
  const rows = results.map(({ attack, source, outcome }) => [attack, source, words[outcome]] as const);
  const table = [["ATTACK", "FROM", "RESULT"] as const, ...rows];
  const [first, second] = ([0, 1] as const).map((at) => Math.max(...table.map((row) => row[at].length)));
  for (const [attack, source, outcome] of table)
    print(`${attack.padEnd(first ?? 0)}  ${source.padEnd(second ?? 0)}  ${outcome}`);
  for (const { attack, title, outcome, detail } of results) {
    if (detail === null) continue;
    if (outcome === "not_run") note(`${attack}: not run. ${detail}`);
    else print(`${words[outcome]} ${attack} (${title}): ${detail}`);
  }
}

/** An instance can return control characters, which a terminal would obey. */
const shown = (text: string): string =>
  text.replace(/[^\P{C}\n]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
const print = (text: string): void => void process.stdout.write(`${shown(text)}\n`);
const note = (text: string): void => void process.stderr.write(`${shown(text)}\n`);

try {
  await main();
} catch (error) {
  const isKnown = error instanceof UsageError || error instanceof Failure || error instanceof NoResponse;
  note(`ampho-attack: ${isKnown ? error.message : `There was an unexpected error. ${String(error)}`}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
