// AMPHO_SECURITY_KEY and AMPHO_SECURITY_KEY_FILE: from one of them to keys that can sign and verify.
// What is wrong is said of the parameter to be mended, never with a part of the key.
import { resolve } from "node:path";
import { ConfigurationError } from "../errors.js";
import { generateJwk } from "../keys/generate.js";
import { type ImportedKeys, importKeys } from "../keys/jwk-set.js";
import { fileProblem, readText } from "./files.js";
import { fromJson } from "./kinds.js";
import type { ParameterName, TokenAlgorithm } from "./parameters.js";
import { describePath } from "./redact.js";

/**
 * `any`: the configured key, or outside production one that is made for this process.
 * `configured`: there must be one. `none`: keys are not looked at.
 */
export type KeyNeed = "any" | "configured" | "none";

export interface KeyProblem {
  readonly name: ParameterName;
  readonly text: string;
}

export interface KeyResult {
  readonly keys?: ImportedKeys["keys"];
  /** The JWK or JWK Set that they were made of. */
  readonly source?: unknown;
  readonly warnings: readonly string[];
  readonly problems: readonly KeyProblem[];
}

const problem = (name: ParameterName, text: string): KeyResult => ({ warnings: [], problems: [{ name, text }] });

function attempt<T>(work: () => T): { readonly done: T } | { readonly failed: string } {
  try {
    return { done: work() };
  } catch (error) {
    if (error instanceof ConfigurationError) return { failed: error.message };
    throw error;
  }
}

function importUnder(name: ParameterName, value: unknown, algorithm: TokenAlgorithm | undefined): KeyResult {
  const parsed = fromJson(value);
  if (parsed === undefined) return problem(name, "is not JSON (not shown) and may be a JWK or a JWK Set");
  const alone = attempt(() => importKeys(parsed, {}));
  if ("failed" in alone) return problem(name, `cannot be used: ${alone.failed}`);
  if (algorithm === undefined) return { ...alone.done, source: parsed, problems: [] };
  // The key is good by itself: what fails now is the algorithm that was asked for.
  const asked = attempt(() => importKeys(parsed, { algorithm }));
  if ("failed" in asked) {
    return problem("AMPHO_SECURITY_TOKEN_ALG", `is "${algorithm}", which does not fit the key: ${asked.failed}`);
  }
  return { ...asked.done, source: parsed, problems: [] };
}

/** The keys of a file's text. */
export function readKeyText(text: string, algorithm: TokenAlgorithm | undefined): KeyResult {
  return importUnder("AMPHO_SECURITY_KEY_FILE", text, algorithm);
}

/** `AMPHO_SECURITY_KEY_FILE …`: why its text cannot be had. */
export function unreadable(path: string, why: string): string {
  return `is ${describePath(path)}, which cannot be read (${why}), and may be the path of a file`;
}

function fromFile(path: string, cwd: string, algorithm: TokenAlgorithm | undefined): KeyResult {
  let text: string;
  try {
    text = readText(resolve(cwd, path));
  } catch (error) {
    return problem("AMPHO_SECURITY_KEY_FILE", unreadable(path, fileProblem(error)));
  }
  return readKeyText(text, algorithm);
}

function forThisProcess(algorithm: TokenAlgorithm | undefined): KeyResult {
  const { keys } = importKeys(generateJwk(algorithm ?? "HS256"), { algorithm });
  const warning =
    "AMPHO_SECURITY_KEY is not set: this process made a key of its own, and its tokens end with it; make one that stays with `ampho sec-gen-key`";
  return { keys, warnings: [warning], problems: [] };
}

export function readKey(given: {
  readonly key: unknown;
  /** As it was given, if it is a good path. */
  readonly keyFile: string | undefined;
  readonly keyFileIsSet: boolean;
  readonly algorithm: TokenAlgorithm | undefined;
  readonly need: KeyNeed;
  readonly production: boolean;
  readonly cwd: string;
}): KeyResult {
  const { key, keyFile, algorithm, need } = given;
  if (need === "none") return { warnings: [], problems: [] };
  if (key !== undefined && given.keyFileIsSet) {
    return problem("AMPHO_SECURITY_KEY_FILE", "is set and AMPHO_SECURITY_KEY is too: only one of them may be");
  }
  if (key !== undefined) return importUnder("AMPHO_SECURITY_KEY", key, algorithm);
  if (keyFile !== undefined) return fromFile(keyFile, given.cwd, algorithm);
  if (given.keyFileIsSet) return { warnings: [], problems: [] };
  if (need === "any" && !given.production) return forThisProcess(algorithm);
  const where = need === "any" ? " in production" : "";
  return problem("AMPHO_SECURITY_KEY", `is not set and is required${where}: make a key with \`ampho sec-gen-key\``);
}
