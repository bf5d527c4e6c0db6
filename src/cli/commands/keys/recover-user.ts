// The command `user-recover`. A key derives the link, so it loads a keyring.
import { createTransactions } from "../../../factors/transactions.js";
import { recover } from "../../../flows/manage/recover.js";
import { mailingOrigin } from "../../../open-management.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { requiredReason, typedUser } from "../../input.js";
import { formatTime, quoted } from "../../terminal/table.js";
import { operatorOf } from "../../with-management.js";
import { withKeyring } from "./with-keyring.js";

export async function recoverUser(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const login = input.argument();
  const reason = requiredReason(input, "user-recover");
  const print = input.has("--print");
  const withoutFactors = input.has("--without-factors");
  const { match, from, until, link } = await withKeyring(context, ({ keyring, ...deps }) => {
    const transactions = createTransactions(keyring, deps.revocations);
    const origin = mailingOrigin(deps.settings, operatorOf(context));
    return recover({ ...deps, transactions }, typedUser(input), { reason, print, withoutFactors }, origin);
  });
  if (link !== null) terminal.print(link);
  const times = `${withoutFactors ? `from ${formatTime(from)} ` : ""}until ${formatTime(until)} UTC`;
  const mailed = link === null ? "A running server mails the link. It" : "The link";
  terminal.note(`Recovery of user ${quoted(login)} begun. ${mailed} works ${times}.`);
  terminal.note(`The link asks for the number ${match}. Give it to the user after you have checked who asks.`);
}
