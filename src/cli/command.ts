// The form of a command: a row of commands.ts, and its function, which is loaded only when it runs.
import type { ProcessContext } from "../config/process-context.js";
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
export interface CommandInput {
  /** The argument of a row that requires one. */
  argument(): string;
  optionalArgument(): string | undefined;
  secondArgument(): string | undefined;
  has(option: string): boolean;
  text(option: string): string | undefined;
  texts(option: string): readonly string[];
}

export interface CommandContext {
  readonly terminal: Terminal;
  readonly processContext: ProcessContext;
  /** The warnings about the configuration that were already printed. */
  readonly warned: Set<string>;
}

/** @throws CommandFailure or AmphoError (exit code 1), UsageError or ConfigurationError (exit code 2) */
export type RunCommand = (input: CommandInput, context: CommandContext) => Promise<void>;

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
  }: Pick<CommandRow, "summary" | "help" | "example" | "showsParameters"> & {
    readonly takes?: readonly (CommandArgument | CommandOption)[];
  },
): CommandRow {
  const isOption = (one: CommandArgument | CommandOption): one is CommandOption => one.name.startsWith("--");
  const options = takes.filter(isOption);
  return { name, load, ...about, options, arguments: takes.filter((one) => !isOption(one)) };
}
