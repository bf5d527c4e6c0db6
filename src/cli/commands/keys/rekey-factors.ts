// The command `factor-rekey`. It is the only command that decrypts TOTP secrets.
import { createTotpSecrets } from "../../../factors/totp/totp.js";
import { rekeyFactors as rekey } from "../../../flows/manage/factors.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { CommandFailure } from "../../failures.js";
import { operatorOf } from "../../with-management.js";
import { withKeyring } from "./with-keyring.js";

export async function rekeyFactors(_: CommandInput, context: CommandContext): Promise<void> {
  await withKeyring(context, async ({ store, clock, keyring }) => {
    const totpSecrets = createTotpSecrets(keyring);
    const kid = keyring.signingKid();
    const { moved, undecryptable } = await rekey({ store, clock, totpSecrets }, kid, operatorOf(context));
    context.terminal.note(`${count(moved)} moved to key ${kid}.`);
    if (undecryptable > 0)
      throw new CommandFailure(
        `${count(undecryptable)} could not be decrypted. Put the old key back into the set and run the command again.`,
      );
  });
}

const count = (secrets: number) => (secrets === 1 ? "1 TOTP secret" : `${secrets} TOTP secrets`);
