// Checks of what was typed that several commands share.

import type { UserRef } from "../flows/manage/users.js";
import type { CommandInput } from "./command.js";
import { UsageError } from "./failures.js";

/** The user of the argument, which is a login, or with the switch --id an id. */
export const typedUser = (input: CommandInput): UserRef =>
  input.has("--id") ? { id: input.argument() } : { login: input.argument() };

/** Takes whether each argument and option was typed. @throws UsageError unless exactly one of them was */
export function exactlyOne(given: Readonly<Record<string, boolean>>): void {
  if (Object.values(given).filter(Boolean).length === 1) return;
  const names = Object.keys(given);
  throw new UsageError(`Give exactly one of ${names.slice(0, -1).join(", ")} and ${names.at(-1)}.`);
}

/** The text of --reason, for the audit log. `action` requires it. @throws UsageError */
export function requiredReason(input: CommandInput, action: string): string {
  const reason = input.text("--reason");
  if (reason !== undefined && /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(reason) && reason.trim() !== "") return reason;
  throw new UsageError(`${action} requires --reason with a text of 1 to 255 characters without control characters.`);
}
