// Opens the management for the time of one command. The audit log names the operator by user and host of the machine.
// The code that serves requests is not loaded, because loading takes most of the time of a command.

import { type OperatorOptions, openManagement } from "../compose/management.js";
import type { Management } from "../flows/manage/management.js";
import type { CommandContext, CommandInput, RunCommand } from "./command.js";
import { configure } from "./configure.js";
import { printList } from "./input.js";

/** Users, sessions, keys and the audit log. They sign nothing, so no key is required. */
export function withManagement<T>(
  context: CommandContext,
  work: (management: Management) => Promise<T>,
  key: "given" | "none" = "none",
): Promise<T> {
  const { configuration } = configure(context, { key });
  return closing(openManagement(configuration, operatorOptions(context), operatorOf(context)), work);
}

/** The options of `ampho.config.js` that commands use. Its hooks run in the application. */
export function operatorOptions({ terminal, database, composition }: CommandContext): OperatorOptions {
  const { users, mail, mailText } = composition;
  return { existing: database !== "creates", log: (line) => terminal.note(`ampho: ${line}`), users, mail, mailText };
}

/** The command that reads a list and prints it. In the table, the columns `whole` are not cut. */
export const listing =
  <T>(
    read: (management: Management, input: CommandInput) => Promise<readonly T[]>,
    header: readonly string[],
    cellsOf: (row: T) => readonly string[],
    whole?: readonly number[],
  ): RunCommand =>
  async (input, context) =>
    printList(input, context, await withManagement(context, (opened) => read(opened, input)), header, cellsOf, whole);

/** Closes what was opened, also if the work fails. */
export async function closing<A extends { close(): Promise<void> }, T>(
  opening: Promise<A>,
  work: (opened: A) => Promise<T>,
): Promise<T> {
  const opened = await opening;
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}

export function operatorOf({ processContext: { user, host } }: CommandContext) {
  return { actor: "operator", operator: `${user ?? "unknown"}@${host}` } as const;
}
