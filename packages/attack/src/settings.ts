// The part of the configuration of the instance that the attacks need: a few parameters, from `.env` of the folder and from the
// environment, which wins. Their names, forms and defaults are those of docs/reference/configuration.md.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import type { TokenRules } from "./attack.js";
import { UsageError } from "./failures.js";
import { importKey, type Key } from "./key.js";

export interface Settings {
  readonly rules: TokenRules;
  readonly restPrefix: string;
  readonly passwordMinCharacters: number;
  /** Why no test users can be created in the configured database. */
  readonly noDatabase: string | undefined;
  /** Undefined if no key is configured here. */
  configuredKey(): Key | undefined;
  /** Imports a key that was typed as JSON. */
  readKey(text: string, from: string): Key;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws UsageError for a wrong value. */
export function readSettings(cwd: string, environment: Environment): Settings {
  const file = resolve(cwd, ".env");
  const fromFile: Environment = existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
  // An empty variable counts as not set.
  const read = (name: string) => environment[name] || fromFile[name] || undefined;
  const seconds = (name: string, otherwise: number) => durationOf(name, read(name)) ?? otherwise;
  const appUrl = read("AMPHO_APP_URL");
  if (appUrl !== undefined && !URL.canParse(appUrl)) throw new UsageError("AMPHO_APP_URL must be a URL.");
  const inFile = (name: string) => {
    const file = read(`${name}_FILE`);
    return file === undefined ? undefined : readText(resolve(cwd, file), `${name}_FILE`);
  };
  const restPrefix = (read("AMPHO_SECURITY_REST_PREFIX") ?? "/api/security").replace(/\/+$/, "");
  const appOrigin = appUrl === undefined ? undefined : new URL(appUrl).origin;
  const issuer = read("AMPHO_SECURITY_TOKEN_ISSUER") ?? appOrigin;
  return {
    rules: {
      leewaySeconds: seconds("AMPHO_SECURITY_TOKEN_LEEWAY", 60),
      foreignMaxSeconds: seconds("AMPHO_SECURITY_TOKEN_FOREIGN_TTL", 86_400),
      issuer,
      audience: listOf("AMPHO_SECURITY_TOKEN_AUDIENCE", read("AMPHO_SECURITY_TOKEN_AUDIENCE")),
      corsOrigins: listOf("AMPHO_SECURITY_CORS_ORIGINS", read("AMPHO_SECURITY_CORS_ORIGINS")),
      appOrigin,
      assertionAudience: issuer,
      resources: resourcesOf("AMPHO_SECURITY_RESOURCES", read("AMPHO_SECURITY_RESOURCES")),
    },
    restPrefix,
    passwordMinCharacters: seconds("AMPHO_SECURITY_PASSWORD_MIN", 15),
    noDatabase: noDatabaseOf(
      cwd,
      read("AMPHO_DATABASE_URL") ?? inFile("AMPHO_DATABASE_URL")?.trimEnd() ?? "sqlite:ampho.db",
    ),
    configuredKey() {
      const key = read("AMPHO_SECURITY_KEY");
      if (key !== undefined) return keyOf(key, "AMPHO_SECURITY_KEY");
      const text = inFile("AMPHO_SECURITY_KEY");
      return text === undefined ? undefined : keyOf(text, "The file of AMPHO_SECURITY_KEY_FILE");
    },
    readKey: keyOf,
  };
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new UsageError(`The file of ${name} cannot be read.`);
  }
}

function keyOf(text: string, from: string): Key {
  try {
    return importKey(JSON.parse(text));
  } catch (error) {
    // The message of JSON.parse would contain a part of the key.
    const reason = error instanceof TypeError ? error.message : "it is no JSON";
    throw new UsageError(`${from} is no private key: ${reason}.`);
  }
}

const unitSeconds: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 };

function durationOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(?:\d{1,15}|(?=\d)(?:\d{1,15}d)?(?:\d{1,15}h)?(?:\d{1,15}m)?(?:\d{1,15}s)?)$/.test(text))
    throw new UsageError(`${name} must be a number, or a duration such as 15m.`);
  const parts = [...text.matchAll(/(\d+)([dhms]?)/g)];
  return parts.reduce((total, [, count, unit]) => total + Number(count) * (unitSeconds[unit || "s"] ?? 1), 0);
}

function resourcesOf(name: string, text: string | undefined): readonly string[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    const resources: readonly unknown[] = Array.isArray(list)
      ? list.map((each): unknown => Object(each).resource)
      : [undefined];
    if (resources.every((each) => typeof each === "string" && URL.canParse(each)))
      return resources as readonly string[];
  } catch {}
  throw new UsageError(`${name} must be a JSON array of objects with a URL as their resource.`);
}

function listOf(name: string, text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  if (!text.trimStart().startsWith("[")) return text.split(",").map((each) => each.trim());
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((each): each is string => typeof each === "string")) return list;
  } catch {}
  throw new UsageError(`${name} must be a list with commas, or a JSON array of texts.`);
}

/** A command would create a database that does not exist. */
function noDatabaseOf(cwd: string, url: string): string | undefined {
  const [, path] = /^sqlite:(.+)$/.exec(url) ?? [];
  if (path === undefined || (path !== ":memory:" && existsSync(resolve(cwd, path)))) return undefined;
  return "AMPHO_DATABASE_URL does not name the database of the server.";
}

/** Returns the URL of the REST API: `prefix` behind the root, unless `typed` already ends with it. */
export function apiOf(typed: string, prefix: string): URL {
  const url = URL.canParse(typed) ? new URL(typed) : undefined;
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  // Every process can read a password in an argument, and servers and proxies log queries.
  if (url === undefined || !isHttp || url.username + url.password + url.search + url.hash !== "")
    throw new UsageError("URL must be an http or https URL without user, query or fragment.");
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith(prefix) ? path : path + prefix;
  return url;
}
