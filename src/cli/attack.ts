// `ampho doctor --attack`: what was typed, turned into an attack, and its results into a table.
import { type Configuration, readConfiguration } from "../config/configuration.js";
import type { Credentials, TokenRules } from "../doctor/attacks/attack.js";
import { type AttackReport, attackInstance } from "../doctor/attacks/instance.js";
import { type AttackResult, isSound } from "../doctor/attacks/run.js";
import { attacks } from "../doctor/attacks/table.js";
import { createTestUsers } from "../doctor/attacks/test-users.js";
import { hasDatabase } from "../doctor/database-file.js";
import { NoAnswer } from "../doctor/exchange.js";
import { apiOf } from "../doctor/instance-url.js";
import { AmphoError } from "../errors.js";
import { importKeys } from "../keys/jwk-set.js";
import type { Key } from "../keys/key.js";
import { openManagement } from "../management.js";
import type { CommandContext, CommandInput } from "./command.js";
import { CommandFailure, UsageError } from "./failure.js";
import { asUsage, keyBytesMax, parseKey } from "./read-keys.js";
import { table } from "./table.js";
import { operatorOf } from "./with-management.js";

const passwordBytesMax = 4 * 1024 + 2;

export async function attack(input: CommandInput, context: CommandContext, url: string): Promise<void> {
  const { terminal, processContext } = context;
  const login = input.text("--login");
  const keyOnStdin = input.has("--key-stdin");
  if (keyOnStdin && input.has("--password-stdin"))
    throw new UsageError("one of --key-stdin and --password-stdin: configure the key, in AMPHO_SECURITY_KEY_FILE");
  if (input.has("--password-stdin") && login === undefined) throw new UsageError("--password-stdin goes with --login");
  const read = readConfiguration({ ...processContext, needs: { key: keyOnStdin ? "none" : "any" } });
  const { configuration } = read;
  const api = apiOf(url, configuration.restPrefix);
  if (api === undefined) throw new UsageError("--attack takes an http or https URL without user, query or fragment");
  // A key that this process has made for itself is nobody's.
  const configured = read.configuredKey === undefined ? undefined : configuration.keys;
  const keys = keyOnStdin ? await keysFromStdin(context) : configured;
  const user = login === undefined ? undefined : { login, password: await passwordFor(input, context) };
  const report = await withStop((stop) =>
    inStore(configuration, context, user, (lodging) =>
      attackInstance({ attacks, api, keys, rules: rulesOf(configuration), user: lodging, now, stop }),
    ),
  );
  if (report.refused !== undefined) throw new CommandFailure(report.refused);
  print(report.results, input, context);
  const lost = report.results.filter(({ outcome }) => outcome === "not_held").length;
  if (isSound(report.results)) terminal.note("Every attack that was tried held off.", "green");
  else
    throw new CommandFailure(
      lost > 0 ? `${lost} of ${report.results.length} attacks got through` : "not all could be tried",
    );
}

const now = (): number => Math.floor(Date.now() / 1000);

async function keysFromStdin({ terminal }: CommandContext): Promise<readonly Key[]> {
  const typed = await terminal.readInput(keyBytesMax);
  return asUsage(() => importKeys(parseKey(typed)).keys);
}

async function passwordFor(input: CommandInput, { terminal }: CommandContext): Promise<string> {
  if (!terminal.interactive && !input.has("--password-stdin"))
    throw new UsageError("the password comes from a terminal or from --password-stdin");
  const [typed = ""] = terminal.interactive
    ? await terminal.askSecrets(["Password: "])
    : [await terminal.readInput(passwordBytesMax)];
  const password = typed.replace(/\r?\n$/, "");
  if (password === "") throw new CommandFailure("no password came");
  return password;
}

function rulesOf(configuration: Configuration): TokenRules {
  return {
    leewaySeconds: configuration.tokenLeeway,
    foreignMaxSeconds: configuration.tokenForeignTtl,
    issuer: configuration.tokenIssuer,
    audience: configuration.tokenAudience ?? [],
    corsOrigins: configuration.corsOrigins,
  };
}

/** The first Ctrl+C lets it clean up after itself. */
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

/** Opens the store when users are to be made in it, which is after there is consent; it makes no database. */
async function inStore(
  configuration: Configuration,
  context: CommandContext,
  user: Credentials | undefined,
  work: (user: Credentials | (() => ReturnType<typeof createTestUsers>)) => Promise<AttackReport>,
): Promise<AttackReport> {
  let close = async (): Promise<void> => {};
  const make = async () => {
    if (!hasDatabase(configuration.databaseUrl, context.processContext.cwd))
      throw new CommandFailure(
        "there is no configured store to make users in: set AMPHO_DATABASE_URL to the server's, or use --login and --password-stdin",
      );
    const opened = { ...configuration, databaseMigrate: "off" } as const;
    const management = await openManagement(opened, { log: () => {} }, operatorOf(context));
    close = () => management.close();
    return createTestUsers(management.users, configuration.passwordMin).catch((error: unknown) => {
      if (!(error instanceof AmphoError)) throw error;
      throw new CommandFailure(
        `no users can be made in the configured store: ${error.message} Use --login and --password-stdin`,
      );
    });
  };
  try {
    return await work(user ?? make);
  } catch (error) {
    if (error instanceof NoAnswer) throw new CommandFailure(error.message);
    throw error;
  } finally {
    await close();
  }
}

const words: Readonly<Record<AttackResult["outcome"], string>> = {
  held: "held",
  not_held: "NOT HELD",
  not_tried: "not tried",
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
    if (outcome === "not_tried") terminal.note(`${id}: not tried, ${detail}`);
    else terminal.print(`${words[outcome]} ${id} (${title}): ${detail}`, "red");
  }
}
