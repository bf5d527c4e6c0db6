// The command `init`: a key file, an `.env` that names it, `ampho.config.js`, and lines in `.gitignore`. It creates
// files and appends lines, and never changes what exists. A second run only adds what is missing. It asks for nothing,
// because a terminal would give it the next line of what was pasted.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { envFileName } from "../../config/env-file.js";
import { fileProblem } from "../../config/files.js";
import type { ProcessContext } from "../../config/process-context.js";
import { readSources } from "../../config/sources.js";
import { generateJwk } from "../../signing-keys/generate.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { writeNewFile } from "../files/replace-file.js";
import { isModule, nextStepOf } from "../next-steps.js";
import { quoted } from "../terminal/table.js";
import type { Terminal } from "../terminal/terminal.js";

const defaultKeyFile = "ampho-key.json";

export async function init(_: CommandInput, context: CommandContext): Promise<void> {
  const { terminal, processContext } = context;
  const keyFile = ensureKey(processContext, terminal);
  ignoreSecrets(keyFile, processContext.cwd, terminal);
  const configFile = ensureConfigFile(context);
  for (const line of nextLines(processContext, configFile)) terminal.note(line);
  terminal.note("In production, set AMPHO_DATABASE_URL and AMPHO_SECURITY_KEY_FILE (docs/operate/deploying.md).");
}

/** The commands, code and page for what comes after this command. */
function nextLines({ cwd, env }: ProcessContext, configFile: string | undefined): readonly string[] {
  const { step, installs } = nextStepOf(cwd);
  const { framework, packages, page } = step;
  const code = configFile === undefined ? step.code : withConfig(step.code, configFile);
  // npx sets this variable. Its users have no command `ampho` in their path.
  const ampho = env["npm_command"] === "exec" ? "npx ampho" : "ampho";
  const commands = [
    ...(installs ? [["npm install ampho", "adds Ampho to this project"]] : []),
    [`${ampho} user-add LOGIN`, "creates a user"],
    ...(packages.length > 0 ? [] : [[`${ampho} serve`, "starts a server"]]),
  ];
  const addCode = `Add these lines to a server with ${framework} (an ES module), and run it with`;
  return [
    "",
    "Next:",
    ...commands.map(([command = "", effect = ""]) => `  ${command.padEnd(26)} ${effect}`),
    ...(code.length === 0 ? [] : [addCode, "node --env-file=.env:", "", ...code.map((line) => `  ${line}`), ""]),
    `More about ${framework}: docs/${page}`,
  ];
}

/** Returns the path of the key file, or undefined if AMPHO_SECURITY_KEY contains the key. */
function ensureKey(context: ProcessContext, terminal: Terminal): string | undefined {
  const { values } = readSources(context);
  const key = values.get("AMPHO_SECURITY_KEY");
  if (key !== undefined && key.file === undefined) {
    terminal.note(`${key.label} is set, so no key file is created.`);
    return undefined;
  }
  const file = key?.file ?? defaultKeyFile;
  if (existsSync(resolve(context.cwd, file))) terminal.note(`${quoted(file)} exists and stays as it is.`);
  else {
    writeNewFile(resolve(context.cwd, file), `${JSON.stringify(generateJwk("HS256"))}\n`);
    terminal.note(`Created the key file ${quoted(file)}. Only its owner can read it.`);
  }
  if (key === undefined) {
    // People add secrets to this file later.
    addLines(resolve(context.cwd, envFileName), [`AMPHO_SECURITY_KEY_FILE=${file}`], terminal, 0o600);
  }
  return file;
}

/** The lines that create an instance, with the options of the file. */
function withConfig(code: readonly string[], configFile: string): readonly string[] {
  const created = code.findIndex((line) => line.includes("createAmpho()"));
  return code.flatMap((line, at) => {
    const used = line.replace("createAmpho()", "createAmpho(config)");
    const imported = 'import config from "./NAME";'.replace("NAME", configFile);
    return at === created ? [imported, used] : [used];
  });
}

const configLines = [
  `// The options of Ampho, for the application and for the commands. Secrets are in ${envFileName}.`,
  'import { defineConfig } from "ampho";',
  "",
  "export default defineConfig({});",
  "",
];

/** Returns the name of the file with options. Without Ampho in the project there is no code that could share it. */
function ensureConfigFile({ terminal, configFile, processContext: { cwd } }: CommandContext): string | undefined {
  if (configFile !== undefined) {
    terminal.note(`${basename(configFile)} exists and stays as it is.`);
    return basename(configFile);
  }
  if (!hasAmpho(cwd)) return undefined;
  const name = isModule(cwd) ? "ampho.config.js" : "ampho.config.mjs";
  writeNewFile(join(cwd, name), configLines.join("\n"), 0o666);
  terminal.note(`Created ${name}. The application and the commands share its options.`);
  return name;
}

function hasAmpho(cwd: string): boolean {
  try {
    createRequire(join(cwd, "ampho.config.js")).resolve("ampho");
    return true;
  } catch {
    return false;
  }
}

/** Also ignores the default database, which contains password hashes. */
function ignoreSecrets(keyFile: string | undefined, cwd: string, terminal: Terminal): void {
  const path = keyFile === undefined ? ".." : relative(cwd, resolve(cwd, keyFile));
  const outside = path.startsWith("..") || isAbsolute(path);
  const ignored = [...(outside ? [] : [path.split(sep).join("/")]), envFileName, "ampho.db*"];
  addLines(resolve(cwd, ".gitignore"), ignored, terminal);
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
