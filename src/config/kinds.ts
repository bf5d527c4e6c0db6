// The kinds of values that a parameter may have (docs/configuration.md). Each reads a text (of the environment) as well as
// a JSON value (of a file or of code) and says in words what it accepts.
import { isIP } from "node:net";

/** `T` is what the program gets, `I` what may be given in code. */
export interface Kind<T, I = T> {
  /** As tables and help print it: `int seconds`. */
  readonly type: string;
  /** Ends the sentence "… and may be". */
  readonly expected: string;
  /** The value, or undefined when it is a bad one. */
  parse(value: unknown): T | undefined;
  /** Carries the type `I` only; never set. */
  readonly input?: I;
}

type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A JSON text as its value, anything else as it is; undefined for a text that is not JSON. */
export function fromJson(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

const hasControl = (text: string) => /\p{Cc}/u.test(text);

const decimal = /^(?:0|[1-9]\d{0,15})$/;

export function int(range: { min: number; max: number; unit?: string }): Kind<number> {
  const { min, max, unit } = range;
  return {
    type: unit === undefined ? "int" : `int ${unit}`,
    expected: `a whole number${unit === undefined ? "" : ` of ${unit}`} from ${min} to ${max}`,
    parse(value) {
      const number = typeof value === "string" && decimal.test(value) ? Number(value) : value;
      return typeof number === "number" && Number.isInteger(number) && number >= min && number <= max
        ? number
        : undefined;
    },
  };
}

export const bool: Kind<boolean> = {
  type: "bool",
  expected: "true or false",
  parse: (value) =>
    value === true || value === "true" || value === "1"
      ? true
      : value === false || value === "false" || value === "0"
        ? false
        : undefined,
};

export function choice<const C extends string>(choices: readonly C[]): Kind<C> {
  return {
    type: choices.length < 4 ? choices.map((one) => `\`${one}\``).join(" or ") : "str",
    expected: `${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`,
    parse: (value) => choices.find((one) => one === value),
  };
}

export const str: Kind<string> = {
  type: "str",
  expected: "a text that is not empty and holds no control characters",
  parse: (value) => (typeof value === "string" && value !== "" && !hasControl(value) ? value : undefined),
};

/** A secret that is sent as a bearer token (RFC 6750 §2.1), long enough that nobody guesses it. */
export const bearerSecret: Kind<string> = {
  type: "str",
  expected: "32 to 1024 letters, digits and other visible ASCII characters, without spaces",
  parse: (value) => (typeof value === "string" && /^[!-~]{32,1024}$/.test(value) ? value : undefined),
};

export const path: Kind<string> = { ...str, type: "path", expected: "the path of a file" };

/** The path part of RFC 3986 §3.3 in unreserved characters, so that it has one spelling. */
export const prefix: Kind<string> = {
  type: "str",
  expected:
    "a path such as /api/security: it begins with / and does not end with one; letters, digits and - . _ ~ between",
  parse: (value) =>
    typeof value === "string" && /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/.test(value) ? value : undefined,
};

export const host: Kind<string> = {
  type: "str",
  expected: "an IP address or a host name of this machine",
  parse: (value) =>
    typeof value === "string" && (isIP(value) !== 0 || /^(?=.{1,253}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(value))
      ? value
      : undefined,
};

export const databaseUrl: Kind<string> = {
  type: "url",
  expected:
    "sqlite:PATH, sqlite::memory: or postgres://ROLE:PASSWORD@HOST/DATABASE, where a password has %23 %2F %3F %40 for # / ? @",
  parse(value) {
    if (typeof value !== "string" || hasControl(value)) return undefined;
    // Neither `sqlite://…`, which others read in several ways, nor a misspelt `:memory:` becomes the name of a file.
    if (/^sqlite:(?::memory:$|(?!:|\/\/).)/.test(value)) return value;
    return /^postgres(?:ql)?:\/\/./.test(value) && URL.canParse(value) ? value : undefined;
  },
};

/** One text, or several as a JSON array. */
export const strings: Kind<readonly string[], string | readonly string[]> = {
  type: "str or JSON array of str",
  expected: "a text, or a JSON array of one or more texts that are not empty",
  parse(value) {
    const given = typeof value === "string" && value.trimStart().startsWith("[") ? fromJson(value) : value;
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    const texts = list.map((one) => str.parse(one)).filter((one) => one !== undefined);
    return list.length > 0 && texts.length === list.length ? Object.freeze(texts) : undefined;
  },
};

const originGrammar =
  /^(?!file:)[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(?::[1-9]\d{0,4})?$/;

/** An origin as browsers send it (RFC 6454 §6.2): of the web, or of an app with its own browser (`capacitor://localhost`). */
function isOrigin(text: string): boolean {
  if (!originGrammar.test(text) || !URL.canParse(text)) return false;
  // One spelling: no default port, addresses in their shortest form.
  return !/^https?:/.test(text) || new URL(text).origin === text;
}

export const origins: Kind<readonly string[], string | readonly string[]> = {
  type: "JSON array of str, or str with commas",
  expected:
    "a JSON array or a list with commas of origins as browsers send them, such as https://app.example or http://localhost:5173: scheme, host in lower case, and a port if it is not the scheme's own; no path, no *, not null",
  parse(value) {
    const isList = typeof value === "string" && !value.trimStart().startsWith("[");
    const given = isList ? value.split(",").map((one) => one.trim()) : fromJson(value);
    if (!Array.isArray(given)) return undefined;
    return given.every((one): one is string => typeof one === "string" && isOrigin(one))
      ? Object.freeze([...new Set(given)])
      : undefined;
  },
};

/** `scope-token` of RFC 6749 §3.3. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** role -> scopes. The object has no prototype: a role named `constructor` finds nothing. */
export const scopes: Kind<
  Readonly<Record<string, readonly string[]>>,
  string | Readonly<Record<string, readonly string[]>>
> = {
  type: "json",
  expected: 'a JSON object of role and array of scopes, such as {"editor":["read","write"]}; a scope holds no spaces',
  parse(value) {
    const given = fromJson(value);
    if (!isObject(given)) return undefined;
    const all = Object.create(null) as Record<string, readonly string[]>;
    for (const [role, list] of Object.entries(given)) {
      if (role === "" || !Array.isArray(list)) return undefined;
      if (!list.every((one): one is string => typeof one === "string" && scopeToken.test(one))) return undefined;
      all[role] = Object.freeze([...list]);
    }
    return Object.freeze(all);
  },
};

/** RFC 7517 §4 and §5: an object; what is in it is checked where keys are imported. */
export const jwk: Kind<JsonObject, string | object> = {
  type: "json",
  expected: "a JWK or a JWK Set",
  parse(value) {
    const given = fromJson(value);
    return isObject(given) ? given : undefined;
  },
};
