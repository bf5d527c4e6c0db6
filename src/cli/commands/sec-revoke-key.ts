import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure } from "../failure.js";
import { withManagement } from "../with-ampho.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: kid = "" } = input;
  if (!input.has("--force")) {
    const known = configure(context, "configured").configuration.keys?.map((key) => key.kid) ?? [];
    if (!known.includes(kid)) {
      throw new CommandFailure(
        `no key that is configured here has this kid; they have ${known.join(", ")} (--force revokes it all the same)`,
      );
    }
  }
  await withManagement(context, ({ keys }) => keys.revoke(kid));
  context.terminal.note("Within a second nothing that this key signed is accepted. Take it out of AMPHO_SECURITY_KEY.");
}
