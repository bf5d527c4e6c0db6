// The command `sec-revoke-key`.
import { isSameMaterial } from "../../../signing-keys/jwk-set.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { configure } from "../../configure.js";
import { CommandFailure } from "../../failures.js";
import { exactlyOne } from "../../input.js";
import { withManagement } from "../../with-management.js";

export async function revokeKeys(input: CommandInput, context: CommandContext): Promise<void> {
  const kid = input.optionalArgument();
  const all = input.has("--all");
  exactlyOne({ KID: kid !== undefined, "--all": all });
  const kids = kid !== undefined && input.has("--force") ? [kid] : configuredKids(kid, context);
  await withManagement(context, async ({ signingKeys }) => {
    for (const one of kids) await signingKeys.revoke(one);
  });
  const [revoked, signed, them] = kids.length === 1 ? ["Key", "it", "it"] : ["Keys", "they", "them"];
  context.terminal.note(
    `${revoked} revoked: ${kids.join(", ")}. Within a second, every process rejects all that ${signed} signed. Replace ${them} (docs/operate/signing-keys.md, Replace a stolen signing key).`,
  );
}

/** Returns every configured kid, or this one and those of the same key under another name. */
function configuredKids(kid: string | undefined, context: CommandContext): readonly string[] {
  const keys = configure(context, { key: "configured" }).configuration.keys ?? [];
  const known = keys.map((key) => key.kid);
  if (kid === undefined) return known;
  const stolen = keys.find((key) => key.kid === kid);
  if (stolen !== undefined) return keys.filter((key) => isSameMaterial(key, stolen)).map((key) => key.kid);
  throw new CommandFailure(
    `No configured key has this kid. The configured ones are ${known.join(", ")}. Use --force to revoke another one.`,
  );
}
