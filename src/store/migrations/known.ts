// Every migration that this program knows, in order of their versions.
import { firstMigration } from "./0001-first.js";
import { connectionsMigration } from "./0002-connections.js";
import type { MigrationSteps } from "./steps.js";

export const known: readonly MigrationSteps[] = [firstMigration, connectionsMigration];
