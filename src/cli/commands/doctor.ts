import { attack } from "../attack.js";
import type { CommandContext, CommandInput } from "../command.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const url = input.text("--attack");
  if (url !== undefined) return attack(input, context, url);
}
