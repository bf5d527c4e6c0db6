// Builds the program from the table of commands. commander parses the arguments. outcomeOf has every failure.
import { Command, CommanderError, Help, Option } from "commander";
import { withEnvFile } from "../config/env-file.js";
import { type Parameter, parameters } from "../config/parameters.js";
import { escaped } from "../config/redact.js";
import { AmphoError, ConfigurationError, hasCode } from "../errors.js";
import { reasonOf } from "../log-lines.js";
import { nearest } from "../nearest.js";
import { DatabaseError } from "../store/database-error.js";
import { productVersion, withAddresses } from "../version.js";
import {
  type CommandArgument,
  type CommandContext,
  type CommandOption,
  type CommandRow,
  inputOf,
  type ProgramContext,
  previewText,
} from "./command.js";
import { commands } from "./commands.js";
import { withConfigFile } from "./config-file.js";
import { CommandFailure, LoggedFailure, UsageError } from "./failures.js";

const collect = (value: string, before: readonly string[] = []) => [...before, value];

const helpOf = ({ help, choices }: CommandArgument | CommandOption) =>
  choices ? `${help} One of ${choices.join(" ")}.` : help;

function optionOf(option: CommandOption): Option {
  const { name, short, value, repeats } = option;
  const help = helpOf(option);
  const typed = value === undefined ? name : `${name} <${value}>`;
  const built = new Option(short === undefined ? typed : `${short}, ${typed}`, help);
  return repeats ? built.argParser(collect) : built;
}

export const exampleOf = ({ name, example = "" }: CommandRow) => `ampho ${name} ${example}`.trimEnd();

function subcommand(row: CommandRow, context: ProgramContext): Command {
  const command = new Command(row.name)
    .summary(row.summary)
    .description(withAddresses(row.preview ? `${row.help} ${previewText}` : row.help));
  for (const argument of row.arguments)
    command.argument(argument.optional ? `[${argument.name}]` : `<${argument.name}>`, helpOf(argument));
  for (const option of row.options) command.addOption(optionOf(option));
  command.addHelpText("after", `\nExample:\n  ${exampleOf(row)}`);
  if (row.showsParameters) command.addHelpText("after", parameterHelp);
  return command.action(async (...values: unknown[]) => {
    const input = inputOf(row, values.slice(0, row.arguments.length), command);
    const run = await row.load();
    await run(input, await contextOf(row, context));
  });
}

async function contextOf(row: CommandRow, context: ProgramContext): Promise<CommandContext> {
  const { database, withoutConfiguration } = row;
  if (withoutConfiguration) return { ...context, composition: {}, configFile: undefined, database };
  return { ...context, ...(await withConfigFile(withEnvFile(context.processContext))), database };
}

/** Builds the program. It prints help through `write`. */
export function program(context: ProgramContext, write: (text: string) => void): Command {
  const root = new Command("ampho")
    .description("The security layer for HTTP APIs. `ampho serve --help` lists the parameters.")
    .version(productVersion(), "--version", "print the version")
    .helpOption("--help", "print help")
    .helpCommand("help [COMMAND]", "print help of a command");
  for (const row of commands) root.addCommand(subcommand(row, context).helpOption("--help", "print help"));
  for (const command of [root, ...root.commands]) {
    command
      .exitOverride()
      .showSuggestionAfterError(false)
      .allowExcessArguments(false)
      // The messages of commander are replaced, because they cite what was typed, which can be a password.
      .configureOutput({ writeOut: write, writeErr: () => {}, getOutHelpWidth: () => 80, getErrHelpWidth: () => 80 });
  }
  return root;
}

/** Describes what commander rejects. Of what was typed, the message contains only the name of a command. */
function usageMessage(error: CommanderError, typed: readonly string[]): string {
  const row = commands.find(({ name }) => name === typed[0]);
  const names = (row?.arguments ?? []).map(({ name }) => name);
  const missing = names.find((name) => error.message.includes(`'${name}'`));
  const messages: Readonly<Record<string, () => string>> = {
    "commander.help": () => unknownCommand(typed[1] ?? ""),
    "commander.unknownOption": () => unknownOption(/'(--?[^'=]*)/.exec(error.message)?.[1] ?? "", row),
    "commander.excessArguments": () =>
      `There are too many arguments. ${names.length > 0 ? `The command takes only ${names.join(" and ")}.` : "The command takes none."} Secrets are never taken from arguments.`,
    "commander.missingArgument": () => `The argument ${missing} is missing.`,
    "commander.optionMissingArgument": () => `The value of ${/'.*(--[a-z-]+) /.exec(error.message)?.[1]} is missing.`,
  };
  return `${(messages[error.code] ?? (() => "The arguments cannot be understood."))()} ${seeHelp(row?.name)}`;
}

const seeHelp = (command?: string) => `See \`ampho ${command ? `${command} ` : ""}--help\`.`;

function unknownCommand(typed: string): string {
  const named = /^[a-z][a-z0-9-]{0,30}$/.test(typed) ? ` ${typed}` : " of this name";
  const names = commands.map(({ name }) => name);
  // `users` and `user` mean one of the commands that begin with `user-`.
  const group = `${typed.replace(/s$/, "")}-`;
  const related = names.filter((name) => name.startsWith(group));
  if (related.length > 1) return `There is no command${named}. These are near: ${related.join(", ")}.`;
  return `There is no command${named}. The nearest is ${nearest(typed, names)}.`;
}

function unknownOption(typed: string, row: CommandRow | undefined): string {
  const known = [...(row === undefined ? ["--version"] : row.options.map(({ name }) => name)), "--help"];
  const match = known.find((name) => typed.length > 3 && name.startsWith(typed)) ?? nearest(typed, known);
  const asArgument = row?.arguments[0] ? " Put an argument that begins with - after --." : "";
  return `There is no such option. The nearest is ${match}.${asArgument}`;
}

/** With --help, commander would print the help of the program for a misspelt command, and end with 0. */
function requireCommand(typed: string): void {
  const isKnown = commands.some(({ name }) => name === typed) || typed === "help" || typed.startsWith("-");
  if (!isKnown) throw new UsageError(unknownCommand(typed));
}

/** Runs what was typed and returns the exit code: 0 done, 1 failed, 2 wrong use or wrong configuration. */
export async function run(typed: readonly string[], context: ProgramContext, write: (text: string) => void) {
  const { terminal, processContext } = context;
  const root = program(context, write);
  if (typed.length === 0) {
    terminal.note(root.helpInformation().trimEnd());
    return 2;
  }
  const json = typed.includes("--json");
  try {
    requireCommand(typed[0] ?? "");
    await root.parseAsync(withThumbprintLast(typed), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const logged = error instanceof LoggedFailure ? error : undefined;
    const failed = logged === undefined ? error : logged.cause;
    const [code, message] = outcomeOf(failed, typed);
    if (logged === undefined && json) terminal.note(JSON.stringify({ error: message, exit: code }));
    else if (logged === undefined) terminal.note(`ampho: ${message}`, "red");
    else logged.log(`error: ${message}`);
    if (message.startsWith(unexpected) && processContext.env["AMPHO_DEBUG"] === "1" && failed instanceof Error)
      (logged?.log ?? terminal.note)(failed.stack ?? "");
    return code;
  }
}

/** One `kid` of 64 begins with a dash (RFC 7638). No option is as long, so it is the argument and goes last. */
function withThumbprintLast(typed: readonly string[]): readonly string[] {
  const at = typed.includes("--") ? -1 : typed.findIndex((text) => /^-[\w-]{42}$/.test(text));
  const kid = typed[at];
  return kid === undefined ? typed : [...typed.slice(0, at), ...typed.slice(at + 1), "--", kid];
}

const unexpected = "Unexpected error";

/** The package that hashes passwords throws this error whenever it cannot load its binary. */
const isMissingBinary = (error: unknown): boolean =>
  error instanceof Error && (error.message.includes("Cannot find native binding") || isMissingBinary(error.cause));
const missingBinary =
  "@node-rs/argon2 has no binary here that it can load. Install on the machine that runs it, without --omit=optional. Node's --permission requires --allow-addons, and Deno requires --allow-ffi.";

function outcomeOf(error: unknown, typed: readonly string[]): readonly [1 | 2, string] {
  if (error instanceof CommanderError) return [2, usageMessage(error, typed)];
  if (error instanceof UsageError)
    return [2, `${error.message} ${seeHelp(commands.find(({ name }) => name === typed[0])?.name)}`];
  if (error instanceof ConfigurationError) return [2, error.message];
  if (isMissingBinary(error)) return [1, missingBinary];
  if (hasCode(error, "unavailable") && reasonOf(error) !== error.message)
    return [1, `${error.message} The reason: ${reasonOf(error)}.`];
  if (error instanceof CommandFailure || error instanceof AmphoError || error instanceof DatabaseError) {
    return [1, error.message];
  }
  // The message of another package can cite what was typed.
  const kind = error instanceof Error ? escaped(error.name) : typeof error;
  return [1, `${unexpected} (${kind}). Set AMPHO_DEBUG=1 to see where it happened.`];
}

const withoutMarks = (text: string) => text.replaceAll("`", "");

function defaultOf({ kind, default: value, defaultText }: Parameter): string {
  if (defaultText !== undefined) return withoutMarks(defaultText);
  if (value === undefined) return "none";
  return kind.format?.(value) ?? (typeof value === "string" ? value : JSON.stringify(value));
}

function parameterHelp(): string {
  const lines = Object.entries(parameters).flatMap(([name, parameter]) => [
    `  ${name}`,
    new Help()
      .boxWrap(`${withoutMarks(parameter.help)} Default: ${defaultOf(parameter)}.`, 74)
      .replace(/^/gm, "      "),
  ]);
  return ["", "Parameters, from config/*.json, .env and the environment:", ...lines].join("\n");
}
