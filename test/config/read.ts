// Reads a configuration for the tests of parameters.
import { type Configuration, readConfiguration } from "../../dist/config/configuration.js";
import { ConfigurationError } from "../../dist/errors.js";

export const read = (env: Readonly<Record<string, string>>): Configuration =>
  readConfiguration({
    env: { AMPHO_DATABASE_URL: "sqlite::memory:", ...env },
    cwd: "/nonexistent",
    user: "me",
    host: "here",
    uses: { key: "none" },
  }).configuration;

/** Returns the message for a wrong configuration. */
export function rejection(env: Readonly<Record<string, string>>): string {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}
