// The command `init`: a key file, an `.env` that names it, lines in `.gitignore`, and on a terminal a first user. It
// creates files and appends lines, and never changes what exists. A second run only adds what is missing.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { basename, isAbsolute, relative, resolve, sep } from "node:path";
import { envFileName, withEnvFile } from "../../config/env-file.js";
import { fileProblem } from "../../config/files.js";
import type { ProcessContext } from "../../config/process-context.js";
import { readSources } from "../../config/sources.js";
import { AmphoError } from "../../errors.js";
import type { Management } from "../../flows/manage/management.js";
import { generateJwk } from "../../keys/generate.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { writeNewFile } from "../files/replace-file.js";
import { nextStepOf } from "../next-steps.js";
import { quoted } from "../terminal/table.js";
import type { Terminal } from "../terminal/terminal.js";

const defaultKeyFile = "ampho-key.json";

export async function init(_: CommandInput, context: CommandContext): Promise<void> {
  const { terminal, processContext } = context;
  const keyFile = ensureKey(processContext, terminal);
  ignoreSecrets(keyFile, processContext.cwd, terminal);
  const initialized = { ...context, processContext: withEnvFile(processContext) };
  const hasUser = canAsk(initialized) && (await ensureUser(initialized));
  for (const line of nextLines(processContext, hasUser)) terminal.note(line);
  terminal.note("In production, set AMPHO_DATABASE_URL and AMPHO_SECURITY_KEY_FILE (docs/operate/deploying.md).");
}

/** The commands, code and page for what comes after this command. */
function nextLines({ cwd, env }: ProcessContext, hasUser: boolean): readonly string[] {
  const { step, installs } = nextStepOf(cwd);
  const { framework, packages, code, page } = step;
  // npx sets this variable. Its users have no command `ampho` in their path.
  const ampho = env["npm_command"] === "exec" ? "npx ampho" : "ampho";
  const commands = [
    ...(installs ? [["npm install ampho", "adds Ampho to this project"]] : []),
    ...(hasUser ? [] : [[`${ampho} user-add LOGIN`, "creates a user"]]),
    ...(packages.length > 0 ? [] : [[`${ampho} serve`, "starts a server"]]),
  ];
  const addCode = `Add these lines to a server with ${framework} (an ES module), and run it with`;
  return [
    "",
    "Next:",
    ...commands.map(([command = "", effect = ""]) => `  ${command.padEnd(26)} ${effect}`),
    ...(code.length === 0 ? [] : [addCode, "node --env-file=.env:", "", ...code.map((line) => `  ${line}`), ""]),
    `More about ${framework}: node_modules/ampho/docs/${page}`,
  ];
}

/** In production the database must be named before there can be a user. */
function canAsk({ terminal, processContext }: CommandContext): boolean {
  const { environment, values } = readSources(processContext);
  return terminal.interactive && (environment !== "production" || values.has("AMPHO_DATABASE_URL"));
}

/** Returns the path of the key file, or undefined if AMPHO_SECURITY_KEY contains the key. */
function ensureKey(context: ProcessContext, terminal: Terminal): string | undefined {
  const { values } = readSources(context);
  const key = values.get("AMPHO_SECURITY_KEY");
  if (key !== undefined) {
    terminal.note(`${key.label} is set, so no key file is created.`);
    return undefined;
  }
  const configured = values.get("AMPHO_SECURITY_KEY_FILE")?.raw;
  const file = typeof configured === "string" ? configured : defaultKeyFile;
  if (existsSync(resolve(context.cwd, file))) terminal.note(`${quoted(file)} exists and stays as it is.`);
  else {
    writeNewFile(resolve(context.cwd, file), `${JSON.stringify(generateJwk("HS256"))}\n`);
    terminal.note(`Created the key file ${quoted(file)}. Only its owner can read it.`);
  }
  if (configured === undefined) {
    // People add secrets to this file later.
    addLines(resolve(context.cwd, envFileName), [`AMPHO_SECURITY_KEY_FILE=${file}`], terminal, 0o600);
  }
  return file;
}

/** Also ignores the default database, which contains password hashes. */
function ignoreSecrets(keyFile: string | undefined, cwd: string, terminal: Terminal): void {
  const path = keyFile === undefined ? ".." : relative(cwd, resolve(cwd, keyFile));
  const outside = path.startsWith("..") || isAbsolute(path);
  const ignored = [...(outside ? [] : [path.split(sep).join("/")]), envFileName, "ampho.db*"];
  addLines(resolve(cwd, ".gitignore"), ignored, terminal);
}

/** Asks for a first user, unless there is one. Returns whether there is a user afterwards. */
async function ensureUser(context: CommandContext): Promise<boolean> {
  // The database and its packages are loaded only on a terminal.
  const { withManagement } = await import("../with-management.js");
  return withManagement(context, async ({ users }) => {
    for await (const _ of users.list()) return true;
    for (;;) {
      const [login = "", password = "", repetition] = await context.terminal.ask([
        { text: "Login of the first user (empty for none): ", echo: true },
        { text: "Password: " },
        { text: "Repeat the password: " },
      ]);
      if (login === "") return false;
      const problem = await createUser(users, login, password, repetition);
      if (problem === undefined) {
        context.terminal.note(`User ${quoted(login)} created.`);
        return true;
      }
      context.terminal.note(problem, "red");
    }
  });
}

/** Returns the problem if the user cannot be created with this input. */
async function createUser(
  users: Pick<Management["users"], "create">,
  login: string,
  password: string,
  repetition: string | undefined,
): Promise<string | undefined> {
  if (password === "") return "The password is empty.";
  if (password !== repetition) return "The two passwords differ.";
  try {
    await users.create({ login, password });
    return undefined;
  } catch (error) {
    if (error instanceof AmphoError) return error.message;
    throw error;
  }
}

/**
 * Appends the lines that the file does not have, and creates a missing file with this mode. All else stays.
 * @throws CommandFailure
 */
function addLines(path: string, lines: readonly string[], terminal: Terminal, mode = 0o666): void {
  const name = basename(path);
  try {
    const text = readIfExists(path);
    const present = new Set(text.split(/\r?\n/).map((line) => line.trim()));
    const added = lines.filter((line) => !present.has(line));
    const start = text === "" || text.endsWith("\n") ? "" : "\n";
    if (added.length > 0) appendFileSync(path, `${start}${added.join("\n")}\n`, { mode });
    terminal.note(added.length > 0 ? `Added to ${name}: ${added.join(", ")}` : `${name} already has what it needs.`);
  } catch (error) {
    throw new CommandFailure(`A line cannot be added to a file (${fileProblem(error)}).`);
  }
}

function readIfExists(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
