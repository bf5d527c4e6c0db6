// AMPHO_SECURITY_PROVIDERS: the outside providers, checked member by member. Every problem names the provider and the
// member, and never a value, because a secret can stand in the wrong place.
import { createPrivateKey, type KeyObject } from "node:crypto";
import { domainToASCII } from "node:url";
import { ConfigurationError } from "../errors.js";
import { nearest } from "../nearest.js";
import { readUrl } from "../outbound/secure-url.js";
import { isObject, type JsonObject, objectOf, str } from "./kinds.js";

export const providerKinds = ["oidc", "github", "apple"] as const;
export type ProviderKind = (typeof providerKinds)[number];

/** How the client authenticates at the token endpoint. Apple wants a new JWT for each request. */
export type ClientProof =
  | { readonly secret: string }
  | { readonly team: string; readonly keyId: string; readonly key: KeyObject };

export interface ProviderSettings {
  /** The name in paths and in `ways`. */
  readonly name: string;
  readonly kind: ProviderKind;
  /** The text of a button. */
  readonly label: string;
  /** It is compared byte for byte, so it is kept as it was written. */
  readonly issuer: string;
  readonly clientId: string;
  readonly proof: ClientProof;
  /** The tenants of Microsoft that can sign in, where the issuer is that of all of them. */
  readonly tenants: readonly string[];
  /** `assumed`: a login counts as one of this moment where the provider does not report when it was. */
  readonly authTime: "required" | "assumed";
  /** The provider's own second factor counts. */
  readonly trustsAmr: boolean;
  /** The provider speaks for every verified address that it reports. */
  readonly believesAddress: boolean;
  /** Domains for whose addresses the provider is authoritative. Only these addresses link an account by themselves. */
  readonly domains: readonly string[];
}

/** The members of one provider in the configuration. */
export interface ProviderOptions {
  readonly kind?: ProviderKind;
  readonly label?: string;
  readonly issuer?: string;
  readonly client_id: string;
  readonly client_secret?: string;
  readonly tid?: readonly string[];
  readonly auth_time?: "required" | "assumed";
  readonly trust?: "amr";
  readonly address?: "believed";
  readonly domains?: readonly string[];
  readonly team?: string;
  readonly key_id?: string;
  readonly key?: string;
}

/** The outside providers by their names. read-providers.ts checks the members. */
export const providersKind = objectOf<string | Readonly<Record<string, ProviderOptions>>>("a JSON object of providers");

type Rule = (value: unknown) => boolean;

const isText: Rule = (value) => str.parse(value) !== undefined;
const isListOf =
  (rule: Rule): Rule =>
  (value) =>
    Array.isArray(value) && value.length > 0 && value.every(rule);

/** A tenant has a UUID. A name would not be in the token. */
const isTenant: Rule = (value) =>
  typeof value === "string" && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
const isDomain: Rule = (value) =>
  typeof value === "string" && /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(value) && domainToASCII(value) === value;

const rules = {
  kind: [(value) => providerKinds.some((kind) => kind === value), `must be ${providerKinds.join(", ")}`],
  label: [isText, "must be a text"],
  issuer: [
    isIssuer,
    "must be an https URL (http on the loopback interface only) without a query, a fragment or a password",
  ],
  client_id: [isText, "must be a text"],
  client_secret: [isText, "must be a text"],
  tid: [
    isListOf(isTenant),
    "must be an array of tenant ids in lower case, such as 11111111-2222-3333-4444-555555555555",
  ],
  auth_time: [(value) => value === "required" || value === "assumed", 'must be "required" or "assumed"'],
  trust: [(value) => value === "amr", 'must be "amr"'],
  address: [(value) => value === "believed", 'must be "believed"'],
  domains: [isListOf(isDomain), "must be an array of domains in lower case, such as acme.example"],
  team: [isText, "must be the ten characters of the team"],
  key_id: [isText, "must be the ten characters of the key's id"],
  key: [
    (value) => privateKeyOf(value) !== undefined,
    "must be the private key of a .p8 file in PEM, an EC key of P-256",
  ],
} as const satisfies Readonly<Record<keyof ProviderOptions, readonly [Rule, string]>>;

type Member = keyof typeof rules;

interface KindFacts {
  readonly required: readonly Member[];
  readonly optional: readonly Member[];
  /** Its tokens state when the user has signed in at the provider (OpenID Connect Core §3.1.2.1, `max_age`). */
  readonly statesAuthTime: boolean;
  readonly label?: string;
  readonly issuer?: string;
}

const kinds: Readonly<Record<ProviderKind, KindFacts>> = {
  oidc: {
    required: ["issuer", "client_id", "client_secret"],
    optional: ["kind", "label", "tid", "auth_time", "trust", "address", "domains"],
    statesAuthTime: true,
  },
  // Another issuer is a GitHub Enterprise Server.
  github: {
    required: ["client_id", "client_secret"],
    optional: ["kind", "label", "issuer"],
    statesAuthTime: false,
    label: "GitHub",
    issuer: "https://github.com",
  },
  apple: {
    required: ["client_id", "team", "key_id", "key"],
    optional: ["kind", "label", "issuer"],
    statesAuthTime: false,
    label: "Apple",
    issuer: "https://appleid.apple.com",
  },
};

const namePattern = /^[a-z][a-z0-9-]{0,31}$/;

export interface ProvidersReading {
  readonly providers: readonly ProviderSettings[];
  readonly problems: readonly string[];
}

/** Checks the object of all providers. `label` is the name of the parameter in messages. */
export function checkProviders(label: string, value: unknown): ProvidersReading {
  if (!isObject(value)) return { providers: [], problems: [`${label} must be a JSON object of providers.`] };
  const problems: string[] = [];
  const providers: ProviderSettings[] = [];
  for (const [name, members] of Object.entries(value)) {
    const wrong = namePattern.test(name) ? findProblems(members) : [notAName];
    problems.push(...wrong.map((problem) => `${label}: ${namePattern.test(name) ? `${name}${problem}` : problem}.`));
    if (wrong.length === 0 && isObject(members)) providers.push(toSettings(name, members));
  }
  problems.push(...findTwins(providers).map((problem) => `${label}: ${problem}.`));
  return { providers, problems };
}

const notAName =
  "the name of a provider must have 1 to 32 letters in lower case, digits and -, and begin with a letter";

function findProblems(members: unknown): readonly string[] {
  if (!isObject(members)) return [" must be a JSON object"];
  const kind = kindOf(members);
  if (kind === undefined) return [`.kind ${rules.kind[1]}`];
  const { required, optional } = kinds[kind];
  const known: readonly Member[] = [...required, ...optional];
  const isKnown = (member: string): member is Member => known.some((each) => each === member);
  const problems: string[] = [];
  for (const [member, value] of Object.entries(members)) {
    // In code, undefined counts as not set.
    if (value === undefined) continue;
    if (!isKnown(member)) problems.push(unknownMember(member, kind, known));
    else if (!rules[member][0](value)) problems.push(`.${member} ${rules[member][1]}`);
  }
  for (const member of required) if (members[member] === undefined) problems.push(`.${member} must be set`);
  return problems.length > 0 ? problems : [...findTenantProblems(members), ...findTrustProblems(members)];
}

/** A member can be a secret that was put in the wrong place, so only the words of a known form are shown. */
function unknownMember(member: string, kind: ProviderKind, known: readonly string[]): string {
  const shown = /^[a-z_]{1,24}$/.test(member) ? ` \`${member}\`` : "";
  const meant = nearest(member, known);
  return ` has an unknown member${shown}${meant === undefined ? "" : `, the nearest is \`${meant}\``}: the kind ${kind} has ${known.join(", ")}`;
}

/** Microsoft has one issuer for every tenant. Without a list, each organization of the world could sign in. */
const microsoft = /^https:\/\/login\.(?:microsoftonline|partner\.microsoftonline)\.[a-z]+\/(?:common|organizations)\//;
const shared = /\/(?:common|organizations)\//;

function findTenantProblems(members: JsonObject): readonly string[] {
  const issuer = String(members["issuer"]);
  if (members["tid"] === undefined)
    return microsoft.test(issuer)
      ? [".issuer must be that of one tenant, or `tid` must list the tenants whose users can sign in"]
      : [];
  return shared.test(issuer) ? [] : [".tid must be set only where `issuer` contains /common/ or /organizations/"];
}

/** Google writes both in its tokens. */
const googleIssuers: ReadonlySet<unknown> = new Set(["https://accounts.google.com", "accounts.google.com"]);
export const isGoogle = (issuer: unknown): boolean => googleIssuers.has(issuer);

const kindOf = (members: JsonObject): ProviderKind | undefined =>
  providerKinds.find((each) => each === (members["kind"] ?? "oidc"));

/** Google does not state it, although any other OpenID provider must. */
const authTimeOf = (members: JsonObject): ProviderSettings["authTime"] =>
  members["auth_time"] === "assumed" ||
  (members["auth_time"] === undefined &&
    (!kinds[kindOf(members) ?? "oidc"].statesAuthTime || isGoogle(members["issuer"])))
    ? "assumed"
    : "required";

/** A silent login of a long session would count as two factors of this moment. */
const findTrustProblems = (members: JsonObject): readonly string[] =>
  members["trust"] === "amr" && authTimeOf(members) === "assumed"
    ? ['.trust must be set only where `auth_time` is "required"']
    : [];

function isIssuer(value: unknown): boolean {
  try {
    const url = readUrl("issuer", value);
    return url.search === "" && !String(value).includes("#") && isText(value);
  } catch (error) {
    if (error instanceof ConfigurationError) return false;
    throw error;
  }
}

/** Returns the issuer of one tenant, or for a single issuer that one. */
export const issuerOf = ({ issuer, tenants }: ProviderSettings, tenant: string): string =>
  tenants.length === 0 ? issuer : issuer.replace(shared, () => `/${tenant}/`);

/** The issuers of the identities of a provider: one, or one for each tenant. */
export const issuersOf = (settings: ProviderSettings): readonly string[] =>
  settings.tenants.length === 0 ? [settings.issuer] : settings.tenants.map((tenant) => issuerOf(settings, tenant));

/** Two providers with one issuer would share their identities, so one could sign in with the settings of the other. */
function findTwins(providers: readonly ProviderSettings[]): readonly string[] {
  return providers.flatMap((provider, at) => {
    const issuers = issuersOf(provider);
    const twin = providers.slice(0, at).find((other) => issuersOf(other).some((issuer) => issuers.includes(issuer)));
    return twin === undefined ? [] : [`${provider.name}.issuer must not be that of ${twin.name}`];
  });
}

function privateKeyOf(value: unknown): KeyObject | undefined {
  if (typeof value !== "string") return undefined;
  try {
    const key = createPrivateKey(value);
    const isP256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    return isP256 ? key : undefined;
  } catch {
    return undefined;
  }
}

function toSettings(name: string, members: JsonObject): ProviderSettings {
  const text = (member: Member): string | undefined => str.parse(members[member]);
  const texts = (member: Member): readonly string[] =>
    Array.isArray(members[member]) ? members[member].map(String) : [];
  const kind = kindOf(members) ?? "oidc";
  const facts = kinds[kind];
  const key = privateKeyOf(members["key"]);
  const proof =
    key === undefined
      ? { secret: text("client_secret") ?? "" }
      : { team: text("team") ?? "", keyId: text("key_id") ?? "", key };
  return {
    name,
    kind,
    label: text("label") ?? facts.label ?? name.charAt(0).toUpperCase() + name.slice(1),
    issuer: text("issuer") ?? facts.issuer ?? "",
    clientId: text("client_id") ?? "",
    proof,
    tenants: texts("tid"),
    authTime: authTimeOf(members),
    trustsAmr: members["trust"] === "amr",
    believesAddress: members["address"] === "believed",
    domains: texts("domains"),
  };
}
