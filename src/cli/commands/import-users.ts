// The command `user-import`.
import { open } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { fileProblem } from "../../config/files.js";
import type { Management } from "../../flows/manage/management.js";
import type { ImportReport } from "../../users/import.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { countOf, quoted, table } from "../terminal/table.js";
import type { Terminal } from "../terminal/terminal.js";
import { withManagement } from "../with-management.js";

const progressMs = 2_000;

export async function importUsers(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const dryRun = input.has("--dry-run");
  // The file is opened before the database, so a wrong path changes nothing.
  const stream = await openInput(input.argument(), terminal);
  const onWrongLine = ({ line, reason }: { readonly line: number; readonly reason: string }) =>
    terminal.note(`Line ${line}: ${reason}`);
  const options = { dryRun, onWrongLine, onProgress: progressOn(terminal) };
  const importing = ({ users }: Management) => users.import(interruptible(stream), options);
  const report = await withManagement(context, importing, "given");
  if (!dryRun) return terminal.note(`${countOf(report.users, "user")} imported.`);
  printFormats(report, terminal);
  if (report.wrong > 0) throw new CommandFailure(`${countOf(report.wrong, "line")} cannot be imported.`);
  terminal.note(`${countOf(report.users, "user")} can be imported.`);
}

async function openInput(name: string, terminal: Terminal): Promise<Readable> {
  if (name === "-") return terminal.input;
  try {
    return (await open(name)).createReadStream({ highWaterMark: 1 << 18 });
  } catch (error) {
    throw unreadable(error, quoted(name));
  }
}

/** A signal makes the import fail, so nothing of it stays in the database. */
async function* interruptible(stream: Readable): AsyncGenerator<Uint8Array> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.once(signal, interrupt);
  try {
    for await (const chunk of addAbortSignal(controller.signal, stream)) yield chunk as Uint8Array;
  } catch (error) {
    throw controller.signal.aborted
      ? new CommandFailure("Interrupted. Nothing was imported.")
      : unreadable(error, "The input");
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

const unreadable = (error: unknown, what: string): CommandFailure =>
  new CommandFailure(`${what} cannot be read (${fileProblem(error)}).`);

function progressOn(terminal: Terminal): (lines: number) => void {
  let nextMs = performance.now() + progressMs;
  return (lines) => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + progressMs;
    terminal.note(`${lines} lines read.`);
  };
}

function printFormats({ formats }: ImportReport, terminal: Terminal): void {
  const rows = Object.entries(formats).sort(([, a], [, b]) => b - a);
  const cells = rows.map(([format, users]) => [format, String(users)]);
  terminal.printTable(table(["FORMAT", "USERS"], cells));
}
