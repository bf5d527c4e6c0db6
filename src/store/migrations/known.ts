// Every migration that this program knows, in order of their versions.
import { first } from "./0001-first.js";
import type { MigrationSteps } from "./steps.js";

export const known: readonly MigrationSteps[] = [first];
