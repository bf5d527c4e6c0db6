import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfiguration } from "../../dist/config/configuration.js";
import { withEnvFile } from "../../dist/config/env-file.js";
import { findSecretFiles } from "../../dist/config/secret-files.js";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "ampho-env-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const context = (env: Record<string, string> = {}) => ({ env, cwd, user: "me", host: "here" });
const withFile = (text: string, env: Record<string, string> = {}) => {
  writeFileSync(join(cwd, ".env"), text);
  return withEnvFile(context(env));
};

test("a folder without .env leaves the environment as it is", () => {
  const given = context({ AMPHO_PORT: "1" });
  expect(withEnvFile(given)).toEqual(given);
});

test("the environment takes priority over .env, and an empty variable counts as not set", () => {
  const { env } = withFile("AMPHO_PORT=1\nAMPHO_HOST=::1\nexport AMPHO_TRUST_PROXY='2' # one\nNODE_ENV=staging\n", {
    AMPHO_PORT: "5",
    AMPHO_HOST: "",
  });
  expect(env).toMatchObject({ AMPHO_PORT: "5", AMPHO_HOST: "::1", AMPHO_TRUST_PROXY: "2", NODE_ENV: "staging" });
});

test("other names of .env are not taken", () => {
  expect(withFile("PATH=/tmp\nNODE_OPTIONS=--inspect\n").env).toEqual({});
});

test("a bad value names .env as its source", () => {
  const given = withFile("AMPHO_PORT=many\n");
  expect(() => readConfiguration({ ...given, uses: { key: "none", database: false } })).toThrow(
    'AMPHO_PORT (.env) must be a whole number from 0 to 65535, but is "many".',
  );
});

test("a .env that is not a regular file is rejected", () => {
  mkdirSync(join(cwd, ".env"));
  expect(() => withEnvFile(context())).toThrow(".env cannot be read (it is not a regular file).");
});

test("a .env that contains a secret is one of the secret files", () => {
  const path = join(cwd, "key.json");
  expect(findSecretFiles(withFile("AMPHO_SECURITY_KEY_FILE=key.json\n"))).toEqual({
    keyFile: path,
    files: [{ path, what: "The file of AMPHO_SECURITY_KEY" }],
  });
  const url = "AMPHO_DATABASE_URL=postgres://u:p@h/x\n";
  expect(findSecretFiles(withFile(url)).files).toMatchObject([{ path: join(cwd, ".env") }]);
});
