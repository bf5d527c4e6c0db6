// The form of a command: a row of commands.ts, and its function, which is loaded only when it runs.
import type { Command } from "commander";
import type { ProcessContext } from "../config/process-context.js";
import type { SourceInput } from "../config/sources.js";
import type { CompositionOptions } from "../options.js";
import { UsageError } from "./failures.js";
import type { Terminal } from "./terminal/terminal.js";

export interface CommandOption {
  /** As it is typed: `--alg`. */
  readonly name: `--${string}`;
  readonly short?: `-${string}`;
  /** The name of its value. An option without it is a switch. */
  readonly value?: string;
  /** True if it can be given several times. */
  readonly repeats?: true;
  readonly choices?: readonly string[];
  readonly help: string;
}

type About = Omit<CommandOption, "name" | "value">;
export const flag = (name: CommandOption["name"], about: About): CommandOption => ({ name, ...about });
export const valued = (name: CommandOption["name"], value: string, about: About): CommandOption => {
  return { name, value, ...about };
};

export interface CommandArgument {
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
  readonly choices?: readonly string[];
}

/** The typed arguments and options, by the names of the row. */
export type CommandInput = ReturnType<typeof inputOf>;

/** Reads the values that commander parsed. @throws UsageError for a value that is none of the choices */
export function inputOf(row: CommandRow, typed: readonly unknown[], command: Command) {
  const given = (name: string): unknown => {
    const option = command.options.find((one) => one.long === name);
    return option === undefined ? undefined : command.getOptionValue(option.attributeName());
  };
  const requireChoice = ({ name, choices }: CommandArgument | CommandOption, value: unknown) => {
    if (choices && typeof value === "string" && !choices.includes(value))
      throw new UsageError(`${name} must be one of ${choices.join(" ")}.`);
  };
  for (const option of row.options) requireChoice(option, given(option.name));
  for (const [at, argument] of row.arguments.entries()) requireChoice(argument, typed[at]);
  const textOf = (value: unknown) => (typeof value === "string" ? value : undefined);
  const [first, second] = typed.map(textOf);
  return {
    /** The argument of a row that requires one. Commander has rejected a missing one. */
    argument: () => first ?? "",
    optionalArgument: () => first,
    secondArgument: () => second,
    has: (option: string) => given(option) === true,
    text: (option: string) => textOf(given(option)),
    texts(option: string): readonly string[] {
      const values = given(option);
      return Array.isArray(values) ? values.filter((one) => typeof one === "string") : [];
    },
  };
}

/**
 * The use that a command makes of the database. Only `creates` makes one that is missing. `creates` and `changes` name
 * it on stderr. With `none` a command opens none, or looks only at one that exists.
 */
export type DatabaseUse = "creates" | "changes" | "reads" | "none";

export interface CommandContext {
  readonly terminal: Terminal;
  /** With `.env` and the options of `ampho.config.js`. */
  readonly processContext: SourceInput;
  /** The options of `ampho.config.js` that only code can give. */
  readonly composition: CompositionOptions;
  /** The absolute path of `ampho.config.js`, if there is one. */
  readonly configFile: string | undefined;
  readonly database: DatabaseUse;
  /** The warnings about the configuration that were already printed. */
  readonly warned: Set<string>;
}

/** The context that the process gives a command, before its configuration is read. */
export type ProgramContext = Pick<CommandContext, "terminal" | "warned"> & { readonly processContext: ProcessContext };

/** @throws CommandFailure or AmphoError (exit code 1), UsageError or ConfigurationError (exit code 2) */
export type RunCommand = (input: CommandInput, context: CommandContext) => Promise<void>;

/** The last sentence of the help of a command in preview. */
export const previewText = "In preview: a minor version can change it.";

export interface CommandRow {
  readonly name: string;
  /** One line of `ampho --help`. */
  readonly summary: string;
  /** Full sentences for its own --help and docs/reference/cli.md. */
  readonly help: string;
  readonly arguments: readonly CommandArgument[];
  readonly options: readonly CommandOption[];
  /** Arguments and options that can be typed after the name, for --help and docs/reference/cli.md. */
  readonly example?: string;
  readonly database: DatabaseUse;
  /** A minor version can change it (docs/reference/stability.md). Without it the command is stable. */
  readonly preview?: true;
  /** True if it reads no configuration. */
  readonly withoutConfiguration?: true;
  /** True if its --help lists the parameters of the configuration. */
  readonly showsParameters?: true;
  load(): Promise<RunCommand>;
}

/** A row. `takes` has the arguments and the options, each in their order. */
export function command(
  name: string,
  load: CommandRow["load"],
  {
    takes = [],
    ...about
  }: Omit<CommandRow, "name" | "load" | "options" | "arguments"> & {
    readonly takes?: readonly (CommandArgument | CommandOption)[];
  },
): CommandRow {
  const isOption = (one: CommandArgument | CommandOption): one is CommandOption => one.name.startsWith("--");
  const options = takes.filter(isOption);
  return { name, load, ...about, options, arguments: takes.filter((one) => !isOption(one)) };
}
