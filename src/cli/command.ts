// The form of a command: a row of commands.ts, and the work behind it that is loaded only when it runs.
import type { ProcessContext } from "../config/process-context.js";
import type { Terminal } from "./terminal.js";

export interface CommandOption {
  /** As it is typed: `--alg`. */
  readonly name: `--${string}`;
  readonly short?: `-${string}`;
  /** What its value is called; without it the option is a switch. */
  readonly value?: string;
  /** May be given several times. */
  readonly repeats?: true;
  readonly choices?: readonly string[];
  readonly help: string;
}

/** What was typed, read by the names of the row. */
export interface CommandInput {
  readonly argument: string | undefined;
  has(option: string): boolean;
  text(option: string): string | undefined;
  texts(option: string): readonly string[];
}

export interface CommandContext {
  readonly terminal: Terminal;
  readonly processContext: ProcessContext;
}

export interface CommandModule {
  /** @throws CommandFailure or AmphoError (exit 1), UsageError or ConfigurationError (exit 2) */
  run(input: CommandInput, context: CommandContext): Promise<void>;
}

export interface CommandRow {
  readonly name: string;
  readonly argument?: { readonly name: string; readonly help: string; readonly optional?: true };
  readonly options: readonly CommandOption[];
  /** One line of `ampho --help`. */
  readonly summary: string;
  /** More, for its own --help and docs/cli.md. */
  readonly details: string;
  /** Its --help lists the parameters of the configuration. */
  readonly showsParameters?: true;
  load(): Promise<CommandModule>;
}
