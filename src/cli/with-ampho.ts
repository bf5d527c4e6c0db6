// Ampho for the time of one command, as an operator who is named in the audit log by user and host of the machine.
import { type Ampho, composeAmpho, openManagement } from "../ampho.js";
import type { Management } from "../auth/manage.js";
import type { Configuration } from "../config.js";
import type { CommandContext } from "./command.js";
import { configure } from "./configure.js";

/** Users, sessions, keys and the audit log: nothing is signed, so no key is asked for. */
export function withManagement<T>(context: CommandContext, work: (management: Management) => Promise<T>): Promise<T> {
  const { configuration } = configure(context, "none");
  return closing(openManagement(configuration, noticesOf(context), operatorOf(context)), work);
}

/** The whole, from a configuration with keys; quietly, as what it does to an empty store is nothing to tell. */
export function withAmpho<T>(
  configuration: Configuration,
  context: CommandContext,
  work: (ampho: Ampho) => Promise<T>,
): Promise<T> {
  return closing(composeAmpho(configuration, { notice: () => {} }, operatorOf(context)), work);
}

async function closing<A extends { close(): Promise<void> }, T>(
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

export function operatorOf({ surroundings: { user, host } }: CommandContext) {
  return { actor: "operator", operator: `${user ?? "unknown"}@${host}` } as const;
}

function noticesOf({ terminal }: CommandContext) {
  return { notice: (line: string) => terminal.note(`ampho: ${line}`) };
}
