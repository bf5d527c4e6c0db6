// Checks of what was typed, and the form of lists, that several commands share.

import { parseDuration } from "../duration.js";
import type { UserRef } from "../flows/manage/management.js";
import type { CommandContext, CommandInput } from "./command.js";
import { UsageError } from "./failures.js";
import { table } from "./terminal/table.js";

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

const iso = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** Returns Unix seconds. A time without an offset is UTC, as in everything that Ampho prints. */
export function readTime(option: string, text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const typed = text.replace(" ", "T");
  const zoned = !typed.includes("T") || /(?:Z|[+-]\d\d:\d\d)$/.test(typed) ? typed : `${typed}Z`;
  const ms = iso.test(text) ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new UsageError(
      `${option} must be a time such as 2026-01-31 or 2026-01-31T23:59:59Z, Unix seconds, or a duration such as 15m or 7d.`,
    );
  }
  return Math.floor(ms / 1000);
}

const printedAtOnce = 1000;

export async function* inPages<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let page: T[] = [];
  for await (const item of items) {
    if (page.push(item) < printedAtOnce) continue;
    yield page;
    page = [];
  }
  yield page;
}

/** The same as `printList` for a list that can be longer than memory. Each page has its own widths of columns. */
export async function printPages<T>(
  input: CommandInput,
  { terminal }: CommandContext,
  pages: AsyncIterable<readonly T[]>,
  header: readonly string[],
  cellsOf: (row: T) => readonly string[],
  whole?: readonly number[],
): Promise<void> {
  if (input.has("--json")) return terminal.printJsonList(pages);
  let isFirst = true;
  for await (const page of pages) {
    if (page.length === 0) continue;
    const lines = table(header, page.map(cellsOf), whole);
    if (isFirst) terminal.printTable(lines);
    else for (const line of lines.slice(1)) terminal.print(line);
    isFirst = false;
  }
  if (isFirst) terminal.printTable(table(header, [], whole));
}

/** Prints the list as one line of JSON with --json, and otherwise as a table, whose columns `whole` are not cut. */
export function printList<T>(
  input: CommandInput,
  { terminal }: CommandContext,
  list: readonly T[],
  header: readonly string[],
  cellsOf: (row: T) => readonly string[],
  whole?: readonly number[],
): void {
  if (input.has("--json")) terminal.printJson(list);
  else terminal.printTable(table(header, list.map(cellsOf), whole));
}
