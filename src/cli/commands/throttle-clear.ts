import type { CommandContext, CommandInput } from "../command.js";
import { UsageError } from "../failure.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: login } = input;
  const address = input.text("--address");
  const all = input.has("--all");
  if ([login !== undefined, address !== undefined, all].filter(Boolean).length !== 1) {
    throw new UsageError("give one of LOGIN, --address and --all");
  }
  const cleared = await withManagement(context, ({ throttle }) => {
    if (login !== undefined) return throttle.clear({ login });
    return throttle.clear(address === undefined ? { all: true } : { address });
  });
  context.terminal.note(cleared === 0 ? "Nothing was counted." : `Forgotten: ${cleared}.`);
}
