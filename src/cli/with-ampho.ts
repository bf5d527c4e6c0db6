// Ampho for the time of one command, as an operator who is named in the audit log by user and host of the machine.
import type { Ampho } from "../ampho.js";
import type { CommandContext } from "./command.js";

export async function withAmpho<T>(context: CommandContext, work: (ampho: Ampho) => Promise<T>): Promise<T> {
  const { openForOperator } = await import("../ampho.js");
  const { surroundings, terminal } = context;
  const ampho = await openForOperator(surroundings, (line) => terminal.warn(line));
  try {
    return await work(ampho);
  } finally {
    await ampho.close();
  }
}
