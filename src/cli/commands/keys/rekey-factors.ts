// The command `factor-rekey`. It is the only command that decrypts TOTP secrets, so it alone loads a keyring.
import { createTotpSecrets } from "../../../factors/totp-secrets.js";
import { rekeyFactors as rekey } from "../../../flows/manage/factors.js";
import { closeDeps, openDeps } from "../../../open-management.js";
import { createKeyring } from "../../../tokens/keyring.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { configure } from "../../configure.js";
import { CommandFailure } from "../../failures.js";
import { operatorOf } from "../../with-management.js";

export async function rekeyFactors(_: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const { configuration } = configure(context, { key: "configured" });
  const deps = await openDeps(configuration, { log: (line) => terminal.note(`ampho: ${line}`) });
  try {
    const { store, clock, revocations } = deps;
    // Nothing must move to a revoked key.
    revocations.applyPage(await store.readRevocations({ after: 0, now: clock.now() }), 0);
    const keyring = createKeyring(configuration.keys ?? [], configuration, revocations);
    const totpSecrets = createTotpSecrets(keyring);
    const kid = keyring.signingKid();
    const { moved, undecryptable } = await rekey({ store, clock, totpSecrets }, kid, operatorOf(context));
    terminal.note(`${count(moved)} moved to key ${kid}.`);
    if (undecryptable > 0)
      throw new CommandFailure(
        `${count(undecryptable)} could not be decrypted. Put the old key back into the set and run the command again.`,
      );
  } finally {
    await closeDeps(deps);
  }
}

const count = (secrets: number) => (secrets === 1 ? "1 TOTP secret" : `${secrets} TOTP secrets`);
