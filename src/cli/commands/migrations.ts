// The commands `db-up`, `db-down`, `db-current` and `db-show`.
import type { Migrations } from "../../store/migrations/migrations.js";
import { openMigrations } from "../../store/open.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure } from "../failures.js";
import { printList } from "../input.js";
import { formatTime } from "../terminal/table.js";

async function withMigrations<T>(context: CommandContext, work: (migrations: Migrations) => Promise<T>): Promise<T> {
  const { configuration } = configure(context, { key: "none" });
  const migrations = await openMigrations(configuration.databaseUrl);
  try {
    return await work(migrations);
  } finally {
    await migrations.close();
  }
}

export async function migrateUp(_: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const applied = await withMigrations(context, (migrations) => migrations.up());
  for (const { version, name } of applied) terminal.print(`Applied migration ${version} (${name}).`);
  if (applied.length === 0) terminal.note("The schema is up to date.");
}

export async function migrateDown(_: CommandInput, context: CommandContext): Promise<void> {
  const reverted = await withMigrations(context, (migrations) => migrations.down());
  if (reverted === undefined) throw new CommandFailure("There is no migration to revert.");
  context.terminal.print(`Reverted migration ${reverted.version} (${reverted.name}).`);
}

export async function printCurrent(_: CommandInput, context: CommandContext): Promise<void> {
  const version = await withMigrations(context, (migrations) => migrations.current());
  context.terminal.print(String(version));
}

export async function listMigrations(input: CommandInput, context: CommandContext): Promise<void> {
  const all = await withMigrations(context, (migrations) => migrations.list());
  printList(input, context, all, ["VERSION", "NAME", "APPLIED (UTC)"], ({ version, name, appliedAt }) => {
    return [String(version), name, appliedAt === null ? "" : formatTime(appliedAt)];
  });
}
