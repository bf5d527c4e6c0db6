// Reads a configuration for the tests of parameters.
import { type Configuration, type ConfigurationInput, readConfiguration } from "../../dist/config/configuration.js";
import { ConfigurationError } from "../../dist/errors.js";

type Uses = ConfigurationInput["uses"];

export const read = (env: Readonly<Record<string, string>>, uses: Uses = {}): Configuration =>
  readConfiguration({
    env: { AMPHO_DATABASE_URL: "sqlite::memory:", ...env },
    cwd: "/nonexistent",
    user: "me",
    host: "here",
    uses: { key: "none", ...uses },
  }).configuration;

/** Returns the message for a wrong configuration. */
export function rejection(env: Readonly<Record<string, string>>, uses?: Uses): string {
  try {
    read(env, uses);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}
