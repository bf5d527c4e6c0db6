// Users, sessions, keys and the audit log for the time of one command, as an operator who is named in the audit log by
// user and host of the machine.
import type { Management } from "../auth/manage.js";
import type { CommandContext } from "./command.js";
import { configure } from "./configure.js";

export async function withAmpho<T>(context: CommandContext, work: (ampho: Management) => Promise<T>): Promise<T> {
  const { openManagement } = await import("../ampho.js");
  const { surroundings, terminal } = context;
  const { configuration } = configure(context, "none");
  const origin = { actor: "operator", operator: `${surroundings.user ?? "unknown"}@${surroundings.host}` } as const;
  const management = await openManagement(configuration, { notice: (line) => terminal.note(line) }, origin);
  try {
    return await work(management);
  } finally {
    await management.close();
  }
}
