// The migrations of the configured database, for the time of one command.
import type { Migrations } from "../store/migrations/migrations.js";
import { openMigrations } from "../store/open.js";
import type { CommandContext } from "./command.js";
import { configure } from "./configure.js";

export async function withMigrations<T>(
  context: CommandContext,
  work: (migrations: Migrations) => Promise<T>,
): Promise<T> {
  const { configuration } = configure(context, "none");
  const migrations = await openMigrations(configuration.databaseUrl);
  try {
    return await work(migrations);
  } finally {
    await migrations.close();
  }
}
