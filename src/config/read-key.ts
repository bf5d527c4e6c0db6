// AMPHO_SECURITY_KEY and AMPHO_SECURITY_KEY_FILE: imports keys that can sign and verify from one of them. A problem names the
// parameter to change and never contains a part of the key.
import { resolve } from "node:path";
import { ConfigurationError } from "../errors.js";
import { generateJwk } from "../keys/generate.js";
import { type ImportedKeys, importKeys } from "../keys/jwk-set.js";
import { ownKeyLine } from "../log-lines.js";
import { readRegularFile } from "./files.js";
import { fromJson } from "./kinds.js";
import type { TokenAlgorithm } from "./parameters.js";
import { describePath } from "./redact.js";
import type { SourceValue } from "./sources.js";

/**
 * `any` takes the configured key or, outside production, creates one for this process.
 * `configured` requires a configured key. `given` takes it if there is one. `none` reads no key, but rejects two
 * sources of one. `ignored` accepts them too.
 */
export type KeyUse = "any" | "configured" | "given" | "none" | "ignored";

export interface KeyResult {
  readonly keys?: ImportedKeys["keys"];
  /** The JWK or JWK Set that the keys come from. */
  readonly source?: unknown;
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
}

export interface KeyInput {
  readonly key: SourceValue | undefined;
  readonly keyFile: SourceValue | undefined;
  /** The parsed path. Undefined if none is set or if it is a bad value. */
  readonly keyFilePath: string | undefined;
  readonly algorithm: TokenAlgorithm | undefined;
  readonly algorithmLabel: string | undefined;
  readonly use: KeyUse;
  readonly production: boolean;
  readonly cwd: string;
}

const nothing: KeyResult = { warnings: [], problems: [] };
const problem = (text: string): KeyResult => ({ warnings: [], problems: [text] });

export function readKey(input: KeyInput): KeyResult {
  const { key, keyFile, keyFilePath, use } = input;
  if (use === "ignored") return nothing;
  if (key !== undefined && keyFile !== undefined) {
    return problem(`${keyFile.label} must not be set together with ${key.label}. Remove one of the two.`);
  }
  if (use === "none") return nothing;
  if (key !== undefined) return importUnder(key.label, key.raw, input);
  if (keyFile !== undefined) return keyFilePath === undefined ? nothing : fromFile(keyFile.label, keyFilePath, input);
  if (use === "given") return nothing;
  if (use === "any" && !input.production) return forThisProcess(input.algorithm);
  const where = use === "any" ? " in production" : "";
  return problem(`AMPHO_SECURITY_KEY must be set${where}. Create a key with \`ampho sec-gen-key\`.`);
}

type AlgorithmInput = Pick<KeyInput, "algorithm" | "algorithmLabel">;

function importUnder(label: string, value: unknown, { algorithm, algorithmLabel }: AlgorithmInput): KeyResult {
  const parsed = fromJson(value);
  if (parsed === undefined) return problem(`${label} must be a JWK or a JWK Set, but is not JSON.`);
  const imported = attempt(() => importKeys(parsed, {}));
  if ("failed" in imported) return problem(`${label} cannot be used: ${asSentence(imported.failed)}`);
  if (algorithm === undefined) return { ...imported.done, source: parsed, problems: [] };
  // The key is good by itself, so a failure now is one of the configured algorithm.
  const fitting = attempt(() => importKeys(parsed, { algorithm }));
  if ("failed" in fitting) {
    const name = algorithmLabel ?? "AMPHO_SECURITY_TOKEN_ALG";
    return problem(`${name} must fit the key, but is "${algorithm}": ${asSentence(fitting.failed)}`);
  }
  return { ...fitting.done, source: parsed, problems: [] };
}

function attempt<T>(work: () => T): { readonly done: T } | { readonly failed: string } {
  try {
    return { done: work() };
  } catch (error) {
    if (error instanceof ConfigurationError) return { failed: error.message };
    throw error;
  }
}

const asSentence = (text: string) => (text.endsWith(".") ? text : `${text}.`);

function fromFile(label: string, path: string, input: KeyInput): KeyResult {
  const read = readRegularFile(resolve(input.cwd, path));
  return "why" in read ? problem(unreadableKeyFile(label, path, read.why)) : importUnder(label, read.text, input);
}

/** Imports the keys of a changed key file. */
export function readKeyText(label: string, text: string, algorithm: TokenAlgorithm | undefined): KeyResult {
  return importUnder(label, text, { algorithm, algorithmLabel: undefined });
}

export function unreadableKeyFile(label: string, path: string, why: string): string {
  return `${label} must be the path of a readable file, but is ${describePath(path)} (${why}).`;
}

function forThisProcess(algorithm: TokenAlgorithm | undefined): KeyResult {
  const { keys } = importKeys(generateJwk(algorithm ?? "HS256"), { algorithm });
  return { keys, warnings: [ownKeyLine()], problems: [] };
}
