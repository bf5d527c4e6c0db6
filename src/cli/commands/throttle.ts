// The commands `throttle-…`.

import { hasCode } from "../../errors.js";
import type { Management } from "../../flows/manage/management.js";
import type { Lockout } from "../../throttle/attempt.js";
import { counterKinds } from "../../throttle/counter-kinds.js";
import type { CommandContext, CommandInput } from "../command.js";
import { UsageError } from "../failures.js";
import { exactlyOne, typedUser } from "../input.js";
import { countOf, formatTime } from "../terminal/table.js";
import { listing, withManagement } from "../with-management.js";

const nameOf = (kind: Lockout["kind"]) => (kind === "source" ? "address" : counterKinds[kind].counts);

export const listLockouts = listing(
  ({ throttle }) => throttle.list(),
  ["LOGIN NAME OR IP ADDRESS", "COUNTER", "FAILED", "UNTIL (UTC)"],
  ({ kind, login, source, failures, until }) => {
    const untilText = until === null ? "cleared" : formatTime(until);
    return [source ?? login ?? "(no such user)", nameOf(kind), String(failures), untilText];
  },
  [3],
);

export async function clearLockouts(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.optionalArgument();
  const address = input.text("--address");
  exactlyOne({ LOGIN: login !== undefined, "--address": address !== undefined, "--all": input.has("--all") });
  const cleared = await withManagement(context, ({ throttle }) => {
    if (login !== undefined) return throttle.clear(typedUser(input));
    return address === undefined ? throttle.clear({ all: true }) : clearAddress(throttle, address);
  });
  const done = `Cleared ${countOf(cleared, "counter")} of failed attempts.`;
  context.terminal.note(cleared === 0 ? "No failed attempts were counted." : done);
}

/** @throws UsageError for a text that is not an address */
async function clearAddress({ clear }: Management["throttle"], address: string): Promise<number> {
  try {
    return await clear({ address });
  } catch (error) {
    if (hasCode(error, "invalid_request")) throw new UsageError("--address must be an IPv4 or IPv6 address.");
    throw error;
  }
}
