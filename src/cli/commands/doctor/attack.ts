// `ampho doctor --attack`: turns arguments into an attack, and its results into a table.
import { systemClock } from "../../../clock.js";
import { type Configuration, readConfiguration } from "../../../config/configuration.js";
import type { TokenRules, UserCredentials } from "../../../doctor/attacks/attack.js";
import { type AttackReport, attackInstance } from "../../../doctor/attacks/instance.js";
import { type AttackResult, allBlocked } from "../../../doctor/attacks/run.js";
import { attacks } from "../../../doctor/attacks/table.js";
import { createTestUsers } from "../../../doctor/attacks/test-users.js";
import { hasDatabase } from "../../../doctor/database-file.js";
import { NoResponse } from "../../../doctor/exchange.js";
import { apiOf } from "../../../doctor/instance-url.js";
import { AmphoError } from "../../../errors.js";
import { importKeys } from "../../../keys/jwk-set.js";
import type { Key } from "../../../keys/key.js";
import { openManagement } from "../../../open-management.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { CommandFailure, UsageError } from "../../failures.js";
import { asUsage, keyBytesMax, parseKey } from "../../terminal/read-keys.js";
import { table } from "../../terminal/table.js";
import { operatorOf } from "../../with-management.js";

const passwordBytesMax = 4 * 1024 + 2;

export async function attack(input: CommandInput, context: CommandContext, url: string): Promise<void> {
  const { terminal, processContext } = context;
  const login = input.text("--login");
  const keyOnStdin = input.has("--key-stdin");
  if (keyOnStdin && input.has("--password-stdin"))
    throw new UsageError(
      "Use one of --key-stdin and --password-stdin. Configure the key in AMPHO_SECURITY_KEY_FILE instead.",
    );
  if (input.has("--password-stdin") && login === undefined) throw new UsageError("--password-stdin requires --login.");
  const read = readConfiguration({ ...processContext, uses: { key: keyOnStdin ? "none" : "any", database: false } });
  const { configuration } = read;
  const api = apiOf(url, configuration.restPrefix);
  if (api === undefined) throw new UsageError("--attack must be an http or https URL without user, query or fragment.");
  // A key that this process created for itself is not the key of any server.
  const configured = read.configuredKey === undefined ? undefined : configuration.keys;
  const keys = keyOnStdin ? await keysFromStdin(context) : configured;
  const user = login === undefined ? undefined : { login, password: await passwordFor(input, context) };
  const report = await withStop((stop) =>
    withTestUsers(configuration, context, user, (testUserAccess) =>
      attackInstance({
        attacks,
        api,
        keys,
        rules: rulesOf(configuration),
        user: testUserAccess,
        now: systemClock.now,
        stop,
      }),
    ),
  );
  if (report.notStarted !== undefined) throw new CommandFailure(report.notStarted);
  print(report.results, input, context);
  const successes = report.results.filter(({ outcome }) => outcome === "succeeded").length;
  if (allBlocked(report.results)) terminal.note("Every attack that ran was blocked.", "green");
  else
    throw new CommandFailure(
      successes > 0
        ? `${successes} of ${report.results.length} attacks succeeded.`
        : "Some attacks could not be completed.",
    );
}

async function keysFromStdin({ terminal }: CommandContext): Promise<readonly Key[]> {
  const typed = await terminal.readInput(keyBytesMax);
  return asUsage(() => importKeys(parseKey(typed)).keys);
}

async function passwordFor(input: CommandInput, { terminal }: CommandContext): Promise<string> {
  if (!terminal.interactive && !input.has("--password-stdin"))
    throw new UsageError("The password comes from a terminal or from --password-stdin.");
  const [typed = ""] = terminal.interactive
    ? await terminal.ask([{ text: "Password: " }])
    : [await terminal.readInput(passwordBytesMax)];
  const password = typed.replace(/\r?\n$/, "");
  if (password === "") throw new CommandFailure("The password is empty.");
  return password;
}

function rulesOf(configuration: Configuration): TokenRules {
  return {
    leewaySeconds: configuration.tokenLeeway,
    foreignMaxSeconds: configuration.tokenForeignTtl,
    issuer: configuration.tokenIssuer,
    audience: configuration.tokenAudience ?? [],
    corsOrigins: configuration.corsOrigins,
    appOrigin: configuration.appUrl === undefined ? undefined : new URL(configuration.appUrl).origin,
  };
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

/** Opens the database when test users are created, which is after consent. It creates no database. */
async function withTestUsers(
  configuration: Configuration,
  context: CommandContext,
  user: UserCredentials | undefined,
  work: (user: UserCredentials | (() => ReturnType<typeof createTestUsers>)) => Promise<AttackReport>,
): Promise<AttackReport> {
  let close = async (): Promise<void> => {};
  const createUsers = async () => {
    if (!hasDatabase(configuration.databaseUrl, context.processContext.cwd))
      throw new CommandFailure(
        "No database is configured for the test users. Set AMPHO_DATABASE_URL to the database of the server, or use --login and --password-stdin.",
      );
    const opened = { ...configuration, databaseMigrate: "off" } as const;
    const management = await openManagement(opened, { log: () => {} }, operatorOf(context));
    close = () => management.close();
    return createTestUsers(management, configuration.passwordMin).catch((error: unknown) => {
      if (!(error instanceof AmphoError)) throw error;
      throw new CommandFailure(
        `The test users cannot be created in the configured database: ${error.message} Use --login and --password-stdin.`,
      );
    });
  };
  try {
    return await work(user ?? createUsers);
  } catch (error) {
    if (error instanceof NoResponse) throw new CommandFailure(error.message);
    throw error;
  } finally {
    await close();
  }
}

const words: Readonly<Record<AttackResult["outcome"], string>> = {
  blocked: "blocked",
  succeeded: "SUCCEEDED",
  not_run: "not run",
  failed: "FAILED",
};

function print(results: readonly AttackResult[], input: CommandInput, { terminal }: CommandContext): void {
  if (input.has("--json")) {
    terminal.printJson(results);
    return;
  }
  const rows = results.map(({ attack: id, source, outcome }) => [id, source, words[outcome]]);
  terminal.printTable(table(["ATTACK", "FROM", "RESULT"], rows, [0, 2]));
  for (const { attack: id, title, outcome, detail } of results) {
    if (detail === null) continue;
    if (outcome === "not_run") terminal.note(`${id}: not run. ${detail}`);
    else terminal.print(`${words[outcome]} ${id} (${title}): ${detail}`, "red");
  }
}
