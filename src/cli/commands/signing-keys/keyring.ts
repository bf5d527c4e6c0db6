// The commands `user-recover`, whose link a key derives, and `factor-rekey`, which alone decrypts TOTP secrets.

import { mailingOrigin, type OpenedDeps, openForOperator } from "../../../compose/management.js";
import { ConfigurationError } from "../../../errors.js";
import { createTotpSecrets } from "../../../factors/totp/totp.js";
import { createTransactions } from "../../../factors/transactions.js";
import { rekeyFactors as rekey } from "../../../flows/manage/factors.js";
import { recover } from "../../../flows/manage/recover.js";
import type { Keyring } from "../../../tokens/keyring.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { configure } from "../../configure.js";
import { CommandFailure } from "../../failures.js";
import { requiredReason, typedUser } from "../../input.js";
import { countOf, formatTime, quoted } from "../../terminal/table.js";
import { closing, operatorOf, operatorOptions } from "../../with-management.js";

/** Opens the database and the keys for the time of one command. */
function withKeyring<T>(context: CommandContext, work: (deps: OpenedDeps, keyring: Keyring) => Promise<T>): Promise<T> {
  const { configuration } = configure(context, { key: "configured" });
  return closing(openForOperator(configuration, operatorOptions(context)), ({ keyring, ...deps }) => {
    if (keyring === undefined) throw new ConfigurationError("No key is configured.");
    return work(deps, keyring);
  });
}

export async function rekeyFactors(_: CommandInput, context: CommandContext): Promise<void> {
  await withKeyring(context, async ({ store, clock }, keyring) => {
    const totpSecrets = createTotpSecrets(keyring);
    const kid = keyring.signingKid();
    const { moved, undecryptable } = await rekey({ store, clock, totpSecrets }, kid, operatorOf(context));
    context.terminal.note(`${countOf(moved, "TOTP secret")} moved to key ${kid}.`);
    if (undecryptable > 0)
      throw new CommandFailure(
        `${countOf(undecryptable, "TOTP secret")} could not be decrypted. Put the old key back into the set and run the command again.`,
      );
  });
}

export async function recoverUser(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const login = input.argument();
  const reason = requiredReason(input, "user-recover");
  const print = input.has("--print");
  const withoutFactors = input.has("--without-factors");
  const email = input.text("--email");
  const { match, from, until, link } = await withKeyring(context, (deps, keyring) => {
    const transactions = createTransactions(keyring, deps.revocations);
    const origin = mailingOrigin(deps.settings, operatorOf(context));
    return recover({ ...deps, transactions }, typedUser(input), { reason, print, withoutFactors, email }, origin);
  });
  if (link !== null) terminal.print(link);
  const times = `${withoutFactors ? `from ${formatTime(from)} ` : ""}until ${formatTime(until)} UTC`;
  const mailed = link === null ? "A running server mails the link. It" : "The link";
  terminal.note(`Recovery of user ${quoted(login)} begun. ${mailed} works ${times}.`);
  terminal.note(`The link asks for the number ${match}. Give it to the user after you have checked who asks.`);
}
