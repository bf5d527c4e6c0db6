import { isSameMaterial } from "../../keys/jwk-set.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure, UsageError } from "../failure.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: kid } = input;
  const all = input.has("--all");
  if ((kid !== undefined) === all) throw new UsageError("give one of KID and --all");
  if (all && input.has("--force")) throw new UsageError("--force goes with a KID");
  const kids = kid !== undefined && input.has("--force") ? [kid] : configured(kid, context);
  await withManagement(context, async ({ keys }) => {
    for (const one of kids) await keys.revoke(one);
  });
  const mend = "out of AMPHO_SECURITY_KEY or its file (docs/keys.md, A key was stolen)";
  context.terminal.note(
    kids.length === 1
      ? `Within a second nothing that this key signed is accepted. Take it ${mend}.`
      : `Within a second nothing that these keys signed is accepted. Take them ${mend}: ${kids.join(", ")}.`,
  );
}

/** The one with this kid and those that are the same key by another name, or without it all. */
function configured(kid: string | undefined, context: CommandContext): readonly string[] {
  const keys = configure(context, "configured").configuration.keys ?? [];
  const known = keys.map((key) => key.kid);
  if (kid === undefined) return known;
  const stolen = keys.find((key) => key.kid === kid);
  if (stolen !== undefined) return keys.filter((key) => isSameMaterial(key, stolen)).map((key) => key.kid);
  throw new CommandFailure(
    `no key that is configured here has this kid; they have ${known.join(", ")} (--force revokes it all the same)`,
  );
}
