// Management for the time of one command, by an operator who is named in the audit log by user and host of the machine. It does
// not load what serves: most of the time of a command is loading.
import type { Management } from "../flows/manage/management.js";
import { openManagement } from "../management.js";
import type { CommandContext } from "./command.js";
import { configure } from "./configure.js";

/** Users, sessions, keys and the audit log: nothing is signed, so no key is asked for. */
export function withManagement<T>(context: CommandContext, work: (management: Management) => Promise<T>): Promise<T> {
  const { configuration } = configure(context, "none");
  return closing(openManagement(configuration, noticesOf(context), operatorOf(context)), work);
}

/** Closes what was opened, whatever comes of the work. */
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

function noticesOf({ terminal }: CommandContext) {
  return { log: (line: string) => terminal.note(`ampho: ${line}`) };
}
