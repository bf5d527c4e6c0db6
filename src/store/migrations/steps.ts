// One migration: forward and back as lists of statements.
import type { Dialect } from "../dialect.js";

export interface MigrationSteps {
  readonly version: number;
  readonly name: string;
  readonly up: (dialect: Dialect) => readonly string[];
  readonly down: (dialect: Dialect) => readonly string[];
}
