// The configuration: merges all sources, checks every value that takes effect, and reports all problems together. The
// parameters are the rows of parameters.ts.

import { resolve } from "node:path";
import { defaultDatabaseLine } from "../log-lines.js";
import type { Resource } from "../resources.js";
import type { ImportedKeys } from "../signing-keys/jwk-set.js";
import {
  optionName,
  type ParameterName,
  type ParameterOptions,
  type ParameterValues,
  parameterNames,
  parameters,
} from "./parameters.js";
import { configurationError } from "./process-context.js";
import type { ProviderSettings } from "./provider-settings.js";
import { readProviders } from "./read-providers.js";
import { type KeyUse, readKey } from "./read-signing-key.js";
import { describeValue, redactSecret } from "./redact.js";
import { readSources, type SourceInput, type SourceValue } from "./sources.js";

export type { KeyUse };

/** The options of createAmpho that are parameters. */
export type ConfigurationOptions<S extends string = string> = ParameterOptions<S>;

/** Every parameter under its name in code. It holds the imported keys and not the configured key. */
export interface Configuration extends Omit<ParameterValues, "key" | "databaseMigrate" | "providers" | "apiKeys"> {
  /** AMPHO_SECURITY_API_KEYS sets both. */
  readonly apiKeysPerUser: number;
  readonly apiKeyBrand: string;
  /** `NODE_ENV`, or `development`. */
  readonly environment: string;
  readonly databaseMigrate: "auto" | "off";
  /** The absolute path of the file that `keys` come from, if they come from a file. */
  readonly keyFile: string | undefined;
  /** The outside providers that users can sign in with. */
  readonly providers: readonly ProviderSettings[];
  /** True if `tokenIssuer` is the origin of AMPHO_APP_URL. */
  readonly issuerIsDerived: boolean;
  /** The first key signs. Undefined only if no key was required. */
  readonly keys: ImportedKeys["keys"] | undefined;
}

export interface ConfigurationInput extends SourceInput {
  readonly uses?: {
    /** Default: `any`. */
    readonly key?: KeyUse;
    /** Default: true. A program that uses the database must have AMPHO_DATABASE_URL in production. */
    readonly database?: boolean;
    /** How a program sends the mails of registration and login: by AMPHO_MAIL_URL or by the option `mail`. */
    readonly mails?: "url" | "option";
  };
}

export interface ConfigurationResult {
  readonly configuration: Configuration;
  /** Sentences for stderr or the log. They contain no secret. */
  readonly warnings: readonly string[];
  /** The private JWK or JWK Set as it was configured, parsed. Use it only to derive the next one. */
  readonly configuredKey: unknown;
}

/**
 * Reads files, environment and options. Each source takes priority over those before it.
 * @throws ConfigurationError with one message that names every wrong parameter, what it was and what it can be
 */
export function readConfiguration(input: ConfigurationInput): ConfigurationResult {
  const { environment, values: given, complete, ...sources } = readSources(input);
  const production = environment === "production";
  const { key: keyUse = "any", database: usesDatabase = true, mails } = input.uses ?? {};
  const problems = [...sources.problems];
  const checked = withPages(checkValues(given, problems), production);
  const { key: _, databaseMigrate, providers: __, apiKeys, ...values } = checked;
  const configuredKey = given.get("AMPHO_SECURITY_KEY");
  const key = readKey({
    value: configuredKey,
    // A file that cannot be used might contain the key.
    use: complete || configuredKey !== undefined ? keyUse : "none",
    production,
    cwd: input.cwd,
  });
  problems.push(...key.problems);
  const outside = readProviders(given.get("AMPHO_SECURITY_PROVIDERS"), values.appUrl);
  const wrong = new Set(problems.flatMap(namesIn));
  const crossed = [...outside.problems];
  const databaseIsMissing = usesDatabase && complete && !given.has("AMPHO_DATABASE_URL");
  if (databaseIsMissing && production) crossed.push(noDatabaseInProduction);
  crossed.push(...relyingPartyProblems(values), ...mailProblems(values, production), ...prefixProblems(values));
  if (mails !== undefined && complete) {
    const hasUrl = mails === "option" || !production || given.has("AMPHO_MAIL_URL");
    crossed.push(...unsentMailProblems(values, { appUrl: values.appUrl !== undefined, mailUrl: hasUrl }));
  }
  if (apiKeys !== undefined && apiKeys.perUser > 0 && complete && !given.has("AMPHO_SECURITY_SCOPES"))
    crossed.push(keysWithoutScopes);
  // The URL that pages have by themselves names a port, and no deployment.
  const appOrigin = given.has("AMPHO_APP_URL") && values.appUrl ? new URL(values.appUrl).origin : undefined;
  const issuer = values.tokenIssuer ?? appOrigin;
  if (complete) crossed.push(...connectProblems(values, issuer));
  // A parameter whose value was wrong has none now, so a rule about several parameters would call it missing.
  problems.push(...crossed.filter((problem) => !namesIn(problem).some((name) => wrong.has(name))));
  if (problems.length > 0) throw configurationError(problems, sources.warnings);
  const configuration: Configuration = {
    ...values,
    apiKeysPerUser: apiKeys.perUser,
    apiKeyBrand: apiKeys.brand,
    environment,
    tokenIssuer: issuer,
    issuerIsDerived: values.tokenIssuer === undefined && issuer !== undefined,
    resources: withServers(values.resources, values.connect.length > 0 ? issuer : undefined),
    keyFile: configuredKey?.file === undefined ? undefined : resolve(input.cwd, configuredKey.file),
    mailUrl: values.mailUrl ?? (production ? undefined : "console:"),
    databaseMigrate: databaseMigrate ?? (production && !isSqlite(values.databaseUrl) ? "off" : "auto"),
    keys: key.keys,
    providers: outside.providers,
  };
  return {
    configuration: Object.freeze(configuration),
    warnings: [
      ...sources.warnings,
      ...key.warnings,
      ...(databaseIsMissing
        ? [defaultDatabaseLine(resolve(input.cwd, values.databaseUrl.slice("sqlite:".length)))]
        : []),
    ],
    configuredKey: key.source,
  };
}

/** The file of a parameter stands for the parameter. */
const namesIn = (problem: string): readonly string[] =>
  (problem.match(/AMPHO_[A-Z_]+/g) ?? []).map((name) => name.replace(/_FILE$/, ""));

/** Pages keep the tokens in cookies. They are the pages of AMPHO_APP_URL, of which only the origin counts then. */
function withPages(values: ParameterValues, production: boolean): ParameterValues {
  const { pages, port, appUrl = production ? undefined : `http://localhost:${port}` } = values;
  // A wrong value is undefined here.
  if (!pages) return values;
  const path = pages.link ?? `${pages.prefix}/link`;
  return { ...values, cookies: true, appUrl: appUrl && new URL(path, appUrl).href };
}

/** Else the pages would hide endpoints, or endpoints would hide pages. */
function prefixProblems(values: Pick<ParameterValues, "pages" | "restPrefix">): readonly string[] {
  const { pages, restPrefix } = values;
  if (!pages) return [];
  const [one, other] = [`${pages.prefix}/`, `${restPrefix}/`];
  if (!one.startsWith(other) && !other.startsWith(one)) return [];
  return [
    `The prefix of AMPHO_PAGES must not be above or under ${restPrefix}, the value of AMPHO_SECURITY_REST_PREFIX.`,
  ];
}

/** A browser rejects a relying party that is not the host of the page or a domain above it (WebAuthn L3 §5.1.3). */
function relyingPartyProblems({ appUrl, passkeys }: Pick<ParameterValues, "appUrl" | "passkeys">): readonly string[] {
  if (appUrl === undefined || !passkeys || passkeys.rp === undefined) return [];
  const { hostname } = new URL(appUrl);
  if (hostname === passkeys.rp || hostname.endsWith(`.${passkeys.rp}`)) return [];
  return [
    `The rp of AMPHO_SECURITY_PASSKEYS must be ${hostname}, the host of AMPHO_APP_URL, or a domain above it, but is "${passkeys.rp}".`,
  ];
}

/** A mail must have a sender before it leaves this machine, and a webhook must be able to recognise Ampho. */
function mailProblems(
  { mailUrl, mailFrom }: Pick<ParameterValues, "mailUrl" | "mailFrom">,
  production: boolean,
): readonly string[] {
  if (mailUrl === undefined) return [];
  const needsSender = /^(?:https?|smtps?):/.test(mailUrl);
  const noSender = "AMPHO_MAIL_FROM must be set to the address that mails come from.";
  return [
    ...(production && mailUrl === "console:" ? [consoleInProduction] : []),
    ...(needsSender && mailFrom === undefined ? [noSender] : []),
  ];
}

const consoleInProduction =
  "AMPHO_MAIL_URL must not be console: in production. The log would contain codes and links that log users in.";

/** `set`: which of the two parameters that every mail needs are set. */
export function unsentMailProblems(
  { registration, mailLogin }: Pick<ParameterValues, "registration" | "mailLogin">,
  set: { readonly appUrl: boolean; readonly mailUrl: boolean },
): readonly string[] {
  const missing = [...(set.appUrl ? [] : ["AMPHO_APP_URL"]), ...(set.mailUrl ? [] : ["AMPHO_MAIL_URL"])];
  if (missing.length === 0) return [];
  const why = `It needs mails, so set ${missing.join(" and ")}.`;
  const open = `AMPHO_SECURITY_REGISTRATION must be closed, but is "${registration}". ${why}`;
  const offered = `AMPHO_SECURITY_MAIL_LOGIN must be false, but is true. ${why}`;
  return [...(registration === "closed" ? [] : [open]), ...(mailLogin ? [offered] : [])];
}

const keysWithoutScopes =
  'AMPHO_SECURITY_SCOPES must be set with AMPHO_SECURITY_API_KEYS, because a key can do what its scopes allow and no more. {"*":["read"]} gives every user the scope `read`.';

/** A resource of users has the issuer of the connections as its server. */
function withServers(resources: readonly Resource[], issuer: string | undefined): readonly Resource[] {
  if (issuer === undefined) return resources;
  const servers = Object.freeze([issuer]);
  return Object.freeze(resources.map((one) => (one.servers.length > 0 ? one : Object.freeze({ ...one, servers }))));
}

function connectProblems(
  values: Pick<ParameterValues, "connect" | "scopeTexts" | "appUrl">,
  issuer: string | undefined,
): readonly string[] {
  // A wrong value is undefined here.
  const { connect = [], scopeTexts = {} }: Partial<typeof values> = values;
  if (connect.length === 0) return [];
  return [
    ...(issuer === undefined || values.appUrl === undefined
      ? ["AMPHO_APP_URL must be set with AMPHO_SECURITY_CONNECT, because users give consent on its pages."]
      : []),
    ...(Object.keys(scopeTexts).length === 0
      ? [
          "AMPHO_SECURITY_SCOPE_TEXTS must be set with AMPHO_SECURITY_CONNECT, because a scope without a text cannot be given.",
        ]
      : []),
  ];
}

const isSqlite = (databaseUrl: string) => databaseUrl.startsWith("sqlite:");

/** In production, a process in a wrong folder would otherwise start with an empty database of its own. */
export const noDatabaseInProduction =
  "AMPHO_DATABASE_URL must be set in production, for example to sqlite:/var/lib/ampho/ampho.db or postgres://….";

/** readKey and readProviders check these parameters. */
const checkedElsewhere: ReadonlySet<ParameterName> = new Set(["AMPHO_SECURITY_KEY", "AMPHO_SECURITY_PROVIDERS"]);

/** Returns each value, or its default. A bad value is reported and left out. */
function checkValues(given: ReadonlyMap<ParameterName, SourceValue>, problems: string[]): ParameterValues {
  const values: Record<string, unknown> = {};
  for (const name of parameterNames) {
    const { kind, default: defaultValue, secret } = parameters[name];
    const one = checkedElsewhere.has(name) ? undefined : given.get(name);
    const value = one === undefined ? defaultValue : kind.parse(one.raw);
    if (one !== undefined && value === undefined) {
      const describe = secret === true ? redactSecret : (kind.describe ?? describeValue);
      problems.push(`${one.label} must be ${kind.expected}, but is ${describe(one.raw)}.`);
    }
    values[optionName(name)] = value;
  }
  // The only cast: the table that defines the type also filled the object. It is not used if there are problems.
  return values as ParameterValues;
}
