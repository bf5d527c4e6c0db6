// The kinds of values that a parameter can have (docs/reference/configuration.md). Each kind parses a text from the
// environment as well as a JSON value from a file or from code, and describes what it accepts.
import { isIP } from "node:net";
import { type Duration, formatDuration, parseDuration } from "../duration.js";
import { type Policy, policies, type RolePolicies } from "../levels/policy.js";
import { isOfOrganization, isOwnScope, parseRoleScopes, type RoleScopes, roleScopesForm } from "../levels/scopes.js";
import { decoded, isLocalhost, isSecureUrl, type KeyedUrl, splitKeyedUrl } from "../outbound/secure-url.js";
import { parseResources, type Resource, type ResourceInput, resourcesForm } from "../resources.js";
import { describeUrl, describeValue } from "./redact.js";
import type { ScopeTexts } from "./scope-texts.js";

/** `T` is the type that the program gets, `I` the type that code can give. */
export interface Kind<T, I = T> {
  /** The name of the type in tables and help: `int`, `duration`. */
  readonly type: string;
  /** Completes the sentence "The parameter must be …". */
  readonly expected: string;
  /** Returns undefined for a bad value. */
  parse(value: unknown): T | undefined;
  /** Describes a wrong value, which a message shows only where no secret is expected in it. */
  readonly describe?: (value: unknown) => string;
  /** The text of a default value in help and docs, where JSON is not readable enough. */
  format?(value: T): string;
  /** Carries the type `I` only. It is never set. */
  readonly input?: I;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Names the first member of a JSON object whose value is wrong. */
const describeMember = (isRight: (value: unknown, name: string) => boolean) => (value: unknown) => {
  const given = fromJson(value);
  const wrong = isObject(given)
    ? Object.entries(given).find(([name, one]) => name === "" || !isRight(one, name))
    : undefined;
  if (wrong === undefined) return describeValue(value);
  return `an object whose member ${describeValue(wrong[0])} is ${describeValue(wrong[1])}`;
};

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Parses a JSON text and returns any other value unchanged. Returns undefined for a text that is not JSON. */
export function fromJson(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

const hasControl = (text: string) => /\p{Cc}/u.test(text);

/** Texts that `isRight` accepts. */
const text = (expected: string, isRight: (text: string) => boolean, type = "str"): Kind<string> => ({
  type,
  expected,
  parse: (value) => (typeof value === "string" && isRight(value) ? value : undefined),
});

const decimal = /^(?:0|[1-9]\d{0,15})$/;

export function int({ min, max, unit }: { min: number; max: number; unit?: string }): Kind<number> {
  return {
    type: "int",
    expected: `a whole number${unit === undefined ? "" : ` of ${unit}`} from ${min} to ${max}`,
    parse(value) {
      const number = typeof value === "string" && decimal.test(value) ? Number(value) : value;
      return typeof number === "number" && Number.isInteger(number) && number >= min && number <= max
        ? number
        : undefined;
    },
    ...(unit === undefined ? {} : { format: (value) => `${value} ${unit}` }),
  };
}

const tenYearsSeconds = 315_360_000;

/** The program gets whole seconds. */
export function duration(min: number, max = tenYearsSeconds): Kind<number, Duration> {
  return {
    type: "duration",
    expected: `a duration from ${min} to ${max} seconds, as a whole number of seconds or a text such as 15m or 1h30m`,
    parse(value) {
      const seconds = parseDuration(value);
      return seconds !== undefined && seconds >= min && seconds <= max ? seconds : undefined;
    },
    format: (seconds) => (seconds < 60 ? String(seconds) : `${seconds} (${formatDuration(seconds)})`),
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
    expected: [choices.slice(0, -1).join(", "), choices.at(-1)].filter((part) => part !== "").join(" or "),
    parse: (value) => choices.find((one) => one === value),
  };
}

export const str = text("a text without control characters that is not empty", (value) => {
  return value !== "" && !hasControl(value);
});

/** A brand in the text of API keys. */
const apiKeyBrand = text("2 to 20 letters and digits, a to z and 0 to 9, of which the first is a letter", (value) =>
  /^[a-z][a-z0-9]{1,19}$/.test(value),
);

/** A secret that is sent as a bearer token (RFC 6750 §2.1). It is long enough to make guessing it useless. */
export const bearerSecret = text("32 to 1024 visible ASCII characters without spaces", (value) =>
  /^[!-~]{32,1024}$/.test(value),
);

/** A path (RFC 3986 §3.3) in unreserved characters only, so that it has one spelling. */
export const prefix = text(
  "a path such as /api/security, without a / at its end, of letters, digits and - . _ ~",
  (value) => /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+$/.test(value),
);

export const host = text("an IP address or a host name of this machine", (value) => {
  return isIP(value) !== 0 || /^(?=.{1,253}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(value);
});

/** `?prepare=true` of a PostgreSQL URL. Undefined for another value, or for two. */
function isPreparing({ searchParams }: URL): boolean | undefined {
  const [given = "false", ...more] = searchParams.getAll("prepare");
  return more.length > 0 ? undefined : bool.parse(given);
}

export const databaseUrl = text(
  "sqlite:PATH, sqlite::memory: or postgres://ROLE:PASSWORD@HOST/DATABASE (in a password, write %23 %2F %3F %40 for # / ? @)",
  // Programs read `sqlite://…` in several ways. Neither that nor a misspelt `:memory:` becomes the name of a file.
  (value) =>
    !hasControl(value) &&
    (/^sqlite:(?::memory:$|(?!:|\/\/).)/.test(value) ||
      (/^postgres(?:ql)?:\/\/./.test(value) && URL.canParse(value) && isPreparing(new URL(value)) !== undefined)),
  "url",
);

/** One text, or a JSON array of texts. */
export const strings: Kind<readonly string[], string | readonly string[]> = {
  type: "str or JSON array of str",
  expected: "a text, or a JSON array of one or more texts, none of them empty",
  parse(value) {
    const given = typeof value === "string" && value.trimStart().startsWith("[") ? fromJson(value) : value;
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    const texts = list.map((one) => str.parse(one)).filter((one) => one !== undefined);
    return list.length > 0 && texts.length === list.length ? Object.freeze(texts) : undefined;
  },
};

const originGrammar =
  /^(?!file:)[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(?::[1-9]\d{0,4})?$/;

/** An origin as browsers send it (RFC 6454 §6.2), also of an app with its own browser (`capacitor://localhost`). */
function isOrigin(text: string): boolean {
  if (!originGrammar.test(text) || !URL.canParse(text)) return false;
  // An origin has one spelling, without the default port and with addresses in their shortest form.
  return !/^https?:/.test(text) || new URL(text).origin === text;
}

/** A list of origins, as a JSON array or with commas. */
const originsOf = (
  expected: string,
  isRight: (text: string) => boolean,
): Kind<readonly string[], string | readonly string[]> => ({
  type: "JSON array of str, or str with commas",
  expected,
  parse(value) {
    const isList = typeof value === "string" && !value.trimStart().startsWith("[");
    const given = isList ? value.split(",").map((one) => one.trim()) : fromJson(value);
    if (!Array.isArray(given)) return undefined;
    const isGood = (one: unknown): one is string => typeof one === "string" && isRight(one);
    return given.every(isGood) ? Object.freeze([...new Set(given)]) : undefined;
  },
});

const originForms =
  "a JSON array, or a list with commas, of origins such as https://app.example or http://localhost:5173, without a path, a default port or *";
export const origins = { ...originsOf(originForms, isOrigin), describe: describeUrl };

/** `android:` is an Android application, by the SHA-256 of its signing certificate. */
const passkeyOrigins = originsOf(
  `${originForms}, or android:apk-key-hash:HASH`,
  (one) => isOrigin(one) || /^android:apk-key-hash:[\w-]{43}$/.test(one),
);

export const pageNames = ["account", "access", "signIn", "confirm", "register", "forgot", "link", "connect"] as const;
export type PageName = (typeof pageNames)[number];
/** The paths of pages of the application that take the place of Ampho's. */
export type ReplacedPages = Readonly<Partial<Record<PageName, string>>>;

/** A path of the same origin. Browsers read a backslash as a slash, and `//` as another host. */
export const isOwnPath = (text: string): boolean => /^\/(?![/\\])[!-[\]-~]*$/.test(text);

export interface PagesSettings extends ReplacedPages {
  readonly prefix: string;
  readonly css?: string;
  readonly logo?: string;
}

export const pages: Kind<false | PagesSettings, boolean | string | Partial<PagesSettings>> = {
  type: "bool or json",
  expected: `true, false, or a JSON object of paths such as {"prefix":"/me"}, with the names prefix, css, logo, ${pageNames.join(", ")}`,
  describe: describeMember(isPagesMember),
  parse(value) {
    const switched = bool.parse(value);
    const given = switched === undefined ? fromJson(value) : {};
    if (switched === false) return false;
    if (!isObject(given) || !Object.entries(given).every(([name, path]) => isPagesMember(path, name))) return undefined;
    return Object.freeze({ prefix: "/account", ...given });
  },
};

function isPagesMember(path: unknown, name: string): boolean {
  if (name === "prefix") return prefix.parse(path) !== undefined;
  const isKnown = name === "css" || name === "logo" || pageNames.some((each) => each === name);
  return isKnown && typeof path === "string" && isOwnPath(path);
}

/** The URL of the application's pages. Secrets in a URL, such as a password, would be shown to every user. */
export const appUrl: Kind<string> = {
  type: "URL",
  expected: "a URL such as https://app.example/, with http only for localhost and without a query or a fragment",
  describe: describeUrl,
  parse(value) {
    if (typeof value !== "string" || !URL.canParse(value)) return undefined;
    const url = new URL(value);
    const isSecure = url.protocol === "https:" || (url.protocol === "http:" && isLocalhost(url.hostname));
    return isSecure && url.search === "" && url.hash === "" && url.username === "" && url.password === ""
      ? url.href
      : undefined;
  },
};

/** A verifier of captchas, and the secret key that it knows Ampho by. */
export const captchaUrl: Kind<KeyedUrl, string> = {
  type: "url",
  expected: "https://:KEY@HOST/PATH with the secret key (http on the loopback interface only)",
  describe: describeUrl,
  parse: (value) => (typeof value === "string" && !hasControl(value) ? splitKeyedUrl(value) : undefined),
};

/** Where ranges of hashes come from. Each is named by its prefix below this URL. */
export const breachesUrl: Kind<string> = {
  type: "url",
  expected: "an https URL (http on the loopback interface only) without a query or a fragment, or file:DIR",
  describe: describeUrl,
  parse(value) {
    if (typeof value !== "string" || hasControl(value)) return undefined;
    // Programs read `file://…` in several ways.
    if (value.startsWith("file:")) return /^file:(?!\/\/)./.test(value) ? value : undefined;
    if (!URL.canParse(value)) return undefined;
    const url = new URL(value);
    if (!isSecureUrl(url) || url.search !== "" || url.hash !== "") return undefined;
    return url.href.endsWith("/") ? url.href : `${url.href}/`;
  },
};

/** Where mails go: the schemes of docs/guides/mail.md. */
export const mailUrl: Kind<string> = {
  type: "URL",
  expected:
    "smtp://USER:PASSWORD@HOST:PORT, smtps://USER:PASSWORD@HOST:PORT, https://:KEY@HOST/PATH with a key of 32 to 1024 characters, file:DIR or console: (in both secrets, write %23 %25 %2F %3A %3F %40 for # % / : ? @)",
  parse(value) {
    if (typeof value !== "string" || hasControl(value)) return undefined;
    // Programs read `file://…` in several ways.
    if (value === "console:" || /^file:(?!\/\/)./.test(value)) return value;
    if (!URL.canParse(value)) return undefined;
    const url = new URL(value);
    if (/^smtps?:\/\//.test(value)) return isSmtpUrl(url) ? value : undefined;
    const key = splitKeyedUrl(value)?.key;
    return bearerSecret.parse(key) !== undefined && url.hash === "" ? url.href : undefined;
  },
};

/** Options in the query are rejected, because those of other programs can switch the checks of TLS off. */
function isSmtpUrl({ hostname, pathname, search, hash, username, password }: URL): boolean {
  const isEscaped = [username, password].every((text) => decoded(text) !== undefined);
  const hasBothOrNone = (username === "") === (password === "");
  const isHost = host.parse(hostname.replace(/^\[|\]$/g, "")) !== undefined;
  return isHost && /^\/?$/.test(pathname) && search === "" && hash === "" && hasBothOrNone && isEscaped;
}

const addressForm =
  /^[a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** The sender of mails. It is the operator's own address, so ASCII is enough. */
export const mailAddress: Kind<string> = {
  ...text(
    "one e-mail address without a name, such as no-reply@app.example",
    (value) => value.length <= 254 && !value.includes("..") && addressForm.test(value),
  ),
  // An address that mails show is no secret. A text with a colon could be a user with a password.
  describe: (value) =>
    typeof value === "string" && /^[\w.+-]{1,64}@[\w-]{1,64}$/.test(value)
      ? `"${value}", whose domain has no dot`
      : describeValue(value),
};

/** The origin of the endpoints, as a provider calls the browser back to it. */
export const apiOrigin: Kind<string> = {
  type: "URL",
  expected: "an origin such as https://api.example, with http only for localhost and without a path",
  describe: describeUrl,
  parse(value) {
    const url = appUrl.parse(value);
    return url !== undefined && new URL(url).origin === value ? value : undefined;
  },
};

/** A domain name. A passkey belongs to one, and never to an IP address (WebAuthn L3 §5.1.3). */
const domain = text("a domain name such as app.example, in lower case", (value) => {
  const isHost = URL.canParse(`https://${value}`) && new URL(`https://${value}`).hostname === value;
  return isHost && isIP(value) === 0 && !value.startsWith("[");
});

export interface PasskeySettings {
  readonly rp: string | undefined;
  readonly origins: readonly string[];
}

const isPasskeysMember = (value: unknown, name: string): boolean =>
  (name === "rp" ? domain : name === "origins" ? passkeyOrigins : undefined)?.parse(value) !== undefined;

export const passkeys: Kind<
  false | PasskeySettings,
  boolean | string | { readonly rp?: string; readonly origins?: string | readonly string[] }
> = {
  type: "bool or json",
  expected: `true, false, or a JSON object such as {"rp":"app.example","origins":["https://admin.app.example"]}, with names in lower case`,
  describe: describeMember(isPasskeysMember),
  parse(value) {
    const switched = bool.parse(value);
    const given = switched === undefined ? fromJson(value) : {};
    if (switched === false) return false;
    if (!isObject(given) || !Object.entries(given).every(([name, one]) => isPasskeysMember(one, name)))
      return undefined;
    return Object.freeze({
      rp: domain.parse(given["rp"]),
      origins: passkeyOrigins.parse(given["origins"] ?? []) ?? [],
    });
  },
};

export interface ApiKeySettings {
  readonly perUser: number;
  readonly brand: string;
}

const perUser = int({ min: 0, max: 1000 });
const isApiKeysMember = (value: unknown, name: string): boolean =>
  (name === "perUser" ? perUser : name === "brand" ? apiKeyBrand : undefined)?.parse(value) !== undefined;

export const apiKeys: Kind<ApiKeySettings, number | string | Partial<ApiKeySettings>> = {
  type: "int or json",
  expected: `${perUser.expected}, or a JSON object such as {"perUser":10,"brand":"acme"}, with a brand of letters a to z and digits`,
  describe: describeMember(isApiKeysMember),
  parse(value) {
    const count = perUser.parse(value);
    const given = count === undefined ? fromJson(value) : { perUser: count };
    if (!isObject(given) || !Object.entries(given).every(([name, one]) => isApiKeysMember(one, name))) return undefined;
    return Object.freeze({
      perUser: perUser.parse(given["perUser"]) ?? 0,
      brand: apiKeyBrand.parse(given["brand"]) ?? "ampho",
    });
  },
};

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const port = int({ min: 0, max: 65_535 });

export const listenAddress: Kind<ListenAddress, number | string> = {
  type: "str",
  expected: "a port from 0 to 65535, or an address with a port, such as 0.0.0.0:9464 or [::]:9464",
  parse(value) {
    const given = String(value);
    const at = given.lastIndexOf(":");
    const [hostText, portText] = at < 0 ? ["127.0.0.1", given] : [given.slice(0, at), given.slice(at + 1)];
    const isBare = isIP(hostText) === 6;
    const [address, number] = [host.parse(hostText.replace(/^\[(.*)\]$/, "$1")), port.parse(portText)];
    return address === undefined || number === undefined || isBare ? undefined : { host: address, port: number };
  },
};

export const scopes: Kind<RoleScopes, string | RoleScopes> = {
  type: "json",
  expected: roleScopesForm,
  describe: describeMember((list, role) => parseRoleScopes({ [role]: list }) !== undefined),
  parse: (value) => parseRoleScopes(fromJson(value)),
};

export const protectedResources: Kind<readonly Resource[], string | readonly ResourceInput[]> = {
  type: "json",
  expected: resourcesForm,
  describe: describeValue,
  parse: (value) => parseResources(fromJson(value)),
};

const isClient = (text: string): boolean =>
  text === "registered" ||
  text === "dynamic" ||
  text === "*" ||
  (text.length <= 253 && /^!?(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(text));

/** The clients to which users can connect their accounts. */
export const clients: Kind<readonly string[], string | readonly string[]> = {
  type: "str or JSON array of str",
  expected:
    "`registered`, the host of a client document such as claude.ai, `*` for any, beside it `!evil.example`, `dynamic`, or a JSON array of them",
  parse(value) {
    const list = strings.parse(value);
    // Without `*` no other host is taken, so one with `!` is a mistake.
    const isMistaken = list?.some((one) => one.startsWith("!")) === true && !list.includes("*");
    return list?.every(isClient) && !isMistaken ? Object.freeze([...new Set(list)]) : undefined;
  },
};

const scopeTextMax = 200;
const isScopeText = (value: unknown): boolean =>
  str.parse(value) !== undefined && String(value).trim() !== "" && String(value).length <= scopeTextMax;

const isScopeTextMember = (value: unknown, name: string): boolean => {
  if (!isOwnScope(name)) return false;
  if (!isObject(value)) return isScopeText(value);
  const texts = Object.entries(value);
  return value["en"] !== undefined && texts.every(([tag, one]) => /^[a-z]{2,3}$/.test(tag) && isScopeText(one));
};

export const scopeTexts: Kind<ScopeTexts, string | ScopeTexts> = {
  type: "json",
  expected: `a JSON object of texts of at most ${scopeTextMax} characters, such as {"articles:read":"Read your articles"}, or by language, such as {"articles:read":{"en":"Read your articles","de":"Deine Artikel lesen"}}`,
  describe: describeMember(isScopeTextMember),
  parse(value) {
    const given = fromJson(value);
    if (!isObject(given) || !Object.entries(given).every(([name, one]) => isScopeTextMember(one, name)))
      return undefined;
    return Object.freeze(Object.assign(Object.create(null) as Record<string, string>, given));
  },
};

/** Role to policy. `"*"` stands for every user. */
export const rolePolicies: Kind<RolePolicies, string | RolePolicies> = {
  type: "json",
  expected: `a JSON object of policies, each ${policies.map((policy) => `"${policy}"`).join(", ")}, such as {"*":"optional","admin":"required"}`,
  describe: describeMember((name) => policies.some((each) => each === name)),
  parse(value) {
    const given = fromJson(value);
    if (!isObject(given)) return undefined;
    const all = Object.create(null) as Record<string, Policy>;
    for (const [role, name] of Object.entries(given)) {
      const policy = policies.find((each) => each === name);
      if (role === "" || isOfOrganization(role) || policy === undefined) return undefined;
      all[role] = policy;
    }
    return Object.freeze(all);
  },
};

/** A JSON object whose members are checked elsewhere. */
export const objectOf = <I>(expected: string): Kind<JsonObject, I> => ({
  type: "json",
  expected,
  parse(value) {
    const given = fromJson(value);
    return isObject(given) ? given : undefined;
  },
});

/** A JWK or a JWK Set (RFC 7517 §4 and §5). The import of the keys checks its members. */
export const jwk = objectOf<string | object>("a JWK or a JWK Set");
