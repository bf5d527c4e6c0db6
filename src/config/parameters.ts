// Every parameter of Ampho. A row gives its name, type, default and help. The checks, the type of the configuration,
// the names of the options in code, the texts of --help and docs/reference/configuration.md are derived from this
// table. It is longer than other files because one table shows all parameters.
import { leewayMaxSeconds } from "../clock.js";
import type { Policy } from "../levels/policy.js";
import type { ByRole } from "../levels/role.js";
import {
  apiKeys,
  apiOrigin,
  appUrl,
  bearerSecret,
  bool,
  breachesUrl,
  captchaUrl,
  choice,
  clients,
  databaseUrl,
  duration,
  host,
  int,
  jwk,
  type Kind,
  listenAddress,
  mailAddress,
  mailUrl,
  origins,
  pages,
  passkeys,
  prefix,
  protectedResources,
  rolePolicies,
  scopes,
  scopeTexts,
  str,
  strings,
} from "./kinds.js";
import { providersKind } from "./provider-settings.js";
import type { ScopeTexts } from "./scope-texts.js";

export interface Parameter<T = unknown, I = unknown, D = T | undefined> {
  readonly kind: Kind<T, I>;
  readonly default: D;
  /** A value as code gives it, for editors and docs. */
  readonly example: NoInfer<I>;
  /** Help and docs print it for a default that depends on something else. */
  readonly defaultText?: string;
  /** Full sentences. The first one defines the parameter. */
  readonly help: string;
  /** No message shows its value. `password`: it is a URL, of which the password is the secret. */
  readonly secret?: true | "password";
  /** It is a lifetime of these tokens. Of two lifetimes of one kind, the shorter one ends a token. */
  readonly signs?: "access tokens" | "foreign tokens" | "refresh tokens" | "tokens of connections";
  /** A minor version can change it (docs/reference/stability.md). Without it the parameter is stable. */
  readonly preview?: true;
}

type About = Pick<Parameter, "help" | "defaultText" | "secret" | "signs" | "preview">;

/** The members of which the types of other tables derive. */
type MarksOf<A extends About> = Pick<A, ("secret" | "signs") & keyof A>;

const withDefault = <T, I, const A extends About>(
  kind: Kind<T, I>,
  value: NoInfer<T>,
  example: NoInfer<I>,
  about: A,
): Parameter<T, I, T> & MarksOf<A> => ({ kind, default: value, example, ...about });

const withoutDefault = <T, I, const A extends About>(
  kind: Kind<T, I>,
  example: NoInfer<I>,
  about: A,
): Parameter<T, I, undefined> & MarksOf<A> => ({ kind, default: undefined, example, ...about });

export const parameters = {
  AMPHO_SECURITY_KEY: withoutDefault(
    jwk,
    { kty: "oct", alg: "HS256", kid: "2026-11", k: "…" },
    {
      help: "A JWK, or a JWK Set whose first key signs and whose other keys only verify. `ampho sec-gen-key` creates a key. A changed file of AMPHO_SECURITY_KEY_FILE is read without a restart (docs/operate/signing-keys.md). Outside production, a process without a key creates one for itself and prints a warning.",
      defaultText: "none, required in production",
      secret: true,
    },
  ),
  AMPHO_SECURITY_REST_PREFIX: withDefault(prefix, "/api/security", "/auth", { help: "The prefix of every endpoint." }),
  AMPHO_SECURITY_TOKEN_TTL: withDefault(duration(1), 900, "5m", {
    help: "The lifetime of an access token.",
    signs: "access tokens",
  }),
  AMPHO_SECURITY_TOKEN_LEEWAY: withDefault(duration(0, leewayMaxSeconds), 60, 30, {
    help: "The clock skew that is allowed around `starts` and `expires`.",
  }),
  AMPHO_SECURITY_TOKEN_ISSUER: withoutDefault(str, "https://login.example", {
    help: "The claim `iss`. New tokens carry it, and it is then required in every token. With the default, tokens without it are accepted for AMPHO_SECURITY_TOKEN_TTL after each start.",
    defaultText: "the origin of AMPHO_APP_URL",
  }),
  AMPHO_SECURITY_TOKEN_AUDIENCE: withoutDefault(strings, ["https://api.example", "https://files.example"], {
    help: "The claim `aud`. New tokens carry all values. Every token must then contain one of them.",
  }),
  AMPHO_SECURITY_TOKEN_FOREIGN_TTL: withDefault(duration(0), 86_400, "1h", {
    help: "How far ahead the `exp` of a token without `sid` can lie. Tokens without `sid` come from other software that has the key.",
    signs: "foreign tokens",
  }),
  AMPHO_SECURITY_SCOPES: withDefault(
    scopes,
    Object.freeze(Object.create(null) as Record<string, readonly string[]>),
    { "*": ["articles:read"], editor: ["articles:read", "articles:write"] },
    {
      help: "The scopes of each role, and with `*` those of every user. The tokens of a user carry the scopes of all the user's roles.",
    },
  ),
  AMPHO_SECURITY_RESOURCES: withDefault(
    protectedResources,
    Object.freeze([]),
    [{ resource: "https://api.example/mcp", scopes: ["articles:read"], servers: ["https://id.example"] }],
    {
      help: "The protected resources, such as MCP servers, that routes can name (docs/guides/mcp.md). Their metadata is served at `/.well-known/oauth-protected-resource`.",
      preview: true,
    },
  ),
  AMPHO_SECURITY_CORS_ORIGINS: withDefault(origins, Object.freeze([]), ["https://app.example"], {
    help: "The origins whose pages can call the endpoints from a browser. They are compared exactly. With AMPHO_SECURITY_COOKIES, pages of a listed origin of the same site can also change state.",
  }),
  AMPHO_SECURITY_COOKIES: withDefault(bool, false, true, {
    help: "Whether login and renew set `__Host-` cookies and return no token in the body (docs/guides/cookies.md). Cookies work only for browsers of the same site.",
  }),
  AMPHO_PAGES: withDefault(
    pages,
    false,
    { prefix: "/me", css: "/theme.css", signIn: "/my/sign-in" },
    {
      help: "Whether Ampho serves pages: sign-in, registration, forgotten password, the landing of mailed links, and the account (docs/guides/pages.md). They need AMPHO_SECURITY_COOKIES, which they switch on. An object can have `prefix`, the path of the account page and the prefix of the others (`/account`). `css` is a style sheet of the application that comes after that of the pages, and `logo` a picture before AMPHO_APP_NAME. Other names are pages of the application that take the place of Ampho's.",
    },
  ),
  AMPHO_SECURITY_RENEW_BY_TOKEN: withDefault(duration(0), 43_200, "1h", {
    help: "How long an access token alone renews its session, counted from the last login, step-up or renewal by refresh token. With 0 it does not. Set it to 0 where other services see access tokens.",
  }),
  AMPHO_SECURITY_SESSION_IDLE_TTL: withDefault(duration(1), 1_209_600, "1d", {
    help: "How long a session can go without a renewal. Then it ends.",
    signs: "refresh tokens",
  }),
  AMPHO_SECURITY_SESSION_TTL: withDefault(duration(1), 2_592_000, "90d", {
    help: "The greatest age of a session. It then ends in any case.",
    signs: "refresh tokens",
  }),
  AMPHO_SECURITY_SESSIONS_PER_USER: withDefault(int({ min: 1, max: 100_000 }), 100, 10, {
    help: "The number of sessions of one user. A login that exceeds this number ends the oldest session.",
  }),
  AMPHO_SECURITY_API_KEYS: withDefault(
    apiKeys,
    Object.freeze({ perUser: 0, brand: "ampho" }),
    { perUser: 10, brand: "acme" },
    {
      help: "The number of API keys that a user can have (docs/guides/api-keys.md). With 0 there are none, and no key is accepted. An object can also have `brand`, the beginning of every API key, by which secret scanners find it. Keys with another beginning are not accepted.",
      defaultText: "0",
      preview: true,
    },
  ),
  AMPHO_SECURITY_TOKEN_ENDPOINT: withDefault(bool, false, true, {
    help: "Service accounts get access tokens at `POST /token` (docs/guides/services.md). Their keys are accepted, and `POST /revoke` and `POST /introspect` are served.",
    preview: true,
  }),
  AMPHO_SECURITY_CONNECT: withDefault(clients, Object.freeze([]), "registered", {
    help: "The applications to which users can connect their accounts (docs/guides/connect.md). `registered`: service accounts with redirect URIs. A host such as `claude.ai`: the applications whose `client_id` is the URL of a document there. `*`: those of any host. `!evil.example` beside `*`: none of that host, and of none below it. `dynamic`: programs that register themselves at `POST /clients`. It also serves `POST /token` and `POST /revoke`, for connections alone.",
    defaultText: "none",
    preview: true,
  }),
  AMPHO_SECURITY_SCOPE_TEXTS: withDefault(
    scopeTexts,
    Object.freeze(Object.create(null) as ScopeTexts),
    { "articles:read": "Read your articles", "articles:write": { en: "Write articles", de: "Artikel schreiben" } },
    {
      help: "The text of each scope, for the users who give it to an application (docs/guides/connect.md). A scope without a text cannot be given. A text can be an object of texts by language, which has `en`.",
      defaultText: "none",
      preview: true,
    },
  ),
  AMPHO_SECURITY_CONNECTION_IDLE_TTL: withDefault(duration(1), 2_592_000, "7d", {
    help: "How long a connection can go without a renewal. Then it ends.",
    signs: "tokens of connections",
    preview: true,
  }),
  AMPHO_SECURITY_CONNECTION_TTL: withDefault(duration(1), 31_536_000, "90d", {
    help: "The greatest age of a connection. It then ends in any case.",
    signs: "tokens of connections",
    preview: true,
  }),
  AMPHO_SECURITY_REVOCATION_LAG_MAX: withDefault(duration(0), 0, "30s", {
    help: "A process that could not read revocations for this long returns 503 to guarded requests. With 0 there is no limit.",
  }),
  AMPHO_SECURITY_REVOCATION_FEED_TOKEN: withoutDefault(bearerSecret, "the-output-of-openssl-rand-hex-32", {
    help: "The bearer token with which services read `GET {prefix}/revocations` (docs/guides/verifying.md). Without it the feed returns 404.",
    secret: true,
  }),
  AMPHO_SECURITY_PASSWORD_MIN: withDefault(int({ min: 1, max: 1024, unit: "characters" }), 15, 12, {
    help: "The minimum length of a new password. NIST SP 800-63B-4 requires 15 characters where the password is the only factor.",
  }),
  AMPHO_SECURITY_PASSWORD_WORDS: withDefault(strings, Object.freeze([]), ["acme", "rocket skates"], {
    help: "Words of the application that no new password can contain, such as the names of the organization and its products. AMPHO_APP_NAME is always one. Words under 3 characters do not count.",
    defaultText: "none",
  }),
  AMPHO_SECURITY_BREACHES_URL: withoutDefault(breachesUrl, "https://api.pwnedpasswords.com/range/", {
    help: "The list of passwords from data leaks that no new password can be in: https://api.pwnedpasswords.com/range/, a mirror of it, or file:DIR. It receives five characters of a hash. While it is unreachable, new passwords are accepted without it.",
  }),
  AMPHO_SECURITY_THROTTLE_ATTEMPTS: withDefault(int({ min: 1, max: 1_000_000 }), 5, 3, {
    help: "The number of wrong passwords for one login from unknown devices. After that, each further attempt must wait. Other limits follow it: twice as many on a known device, as many second factors, and as many mails in an hour (docs/operate/throttling.md).",
  }),
  AMPHO_SECURITY_THROTTLE_WINDOW: withDefault(duration(15, 86_400), 900, "30m", {
    help: "Failures are forgotten after this long without another failure. Waits start at a fifteenth of it and double up to it.",
  }),
  AMPHO_SECURITY_THROTTLE_LOCK: withDefault(int({ min: 1, max: 1_000_000 }), 100, 50, {
    help: "The number of wrong passwords in a row after which a login is rejected from unknown devices. `ampho throttle-clear` or a login from a known device ends that. NIST SP 800-63B allows at most 100.",
  }),
  AMPHO_SECURITY_THROTTLE_ADDRESS: withDefault(int({ min: 0, max: 1000 }), 20, 50, {
    help: "The number of different logins that can fail from one address (IPv6: /64) within the window. An IPv6 /48 can have five times as many. With 0, addresses are not counted.",
  }),
  AMPHO_SECURITY_MAIL_LOGIN: withDefault(bool, false, true, {
    help: "Whether users can sign in by a mailed code or link (docs/guides/mail-flows.md). NIST SP 800-63B-4 and ASVS do not accept e-mail as an authenticator.",
  }),
  AMPHO_SECURITY_REGISTRATION: withDefault(choice(["closed", "invite", "open"]), "closed", "invite", {
    help: "The people who can register (docs/guides/mail-flows.md). `closed` rejects every registration, `invite` needs an invitation, `open` needs an address.",
  }),
  AMPHO_SECURITY_CAPTCHA_URL: withoutDefault(
    captchaUrl,
    "https://:KEY@challenges.cloudflare.com/turnstile/v0/siteverify",
    {
      help: "The `siteverify` URL of Turnstile, hCaptcha or reCAPTCHA v2, with the secret key as its password (docs/operate/throttling.md). Set either it or the option `captcha` in code.",
      secret: "password",
    },
  ),
  AMPHO_SECURITY_FACTORS: withDefault(
    rolePolicies,
    Object.freeze(Object.assign(Object.create(null) as Record<string, Policy>, { "*": "optional" as const })),
    { "*": "optional", admin: "phr" },
    {
      help: "How much a login must prove, for each role (docs/guides/second-factors.md). `optional` asks for a second factor where the account has one. `required` also makes the others set one up. `phr` asks for a passkey.",
      defaultText: '`{"*":"optional"}`',
    },
  ),
  AMPHO_SECURITY_REMEMBER: withDefault(duration(0), 2_592_000, "7d", {
    help: "How long a device is remembered that the user has asked to remember. With 0 no device is remembered.",
  }),
  AMPHO_APP_URL: withoutDefault(appUrl, "https://app.example/", {
    help: "The URL of the application's pages. It switches passkeys on, whose origin and relying party come from it (docs/guides/passkeys.md). Mails and outside providers require it.",
  }),
  AMPHO_APP_NAME: withoutDefault(str, "Notes", {
    help: "The name of the application in authenticator apps and passkey prompts. Without it, they show the login or the host of AMPHO_APP_URL.",
    defaultText: "the host of AMPHO_APP_URL",
  }),
  AMPHO_SECURITY_PASSKEYS: withDefault(
    passkeys,
    Object.freeze({ rp: undefined, origins: Object.freeze([]) }),
    { rp: "app.example", origins: ["https://admin.app.example"] },
    {
      help: "Whether passkeys are offered, if AMPHO_APP_URL is set. An object can have `rp`, the relying party: the host of AMPHO_APP_URL, which is the default, or a domain above it. Passkeys of another relying party no longer work. `origins` are more origins whose pages can use the passkeys: other pages under the relying party, related origins, Android applications.",
      defaultText: "true",
    },
  ),
  AMPHO_MAIL_URL: withoutDefault(mailUrl, "smtps://mailer:PASSWORD@smtp.example:465", {
    help: "Where mails go (docs/guides/mail.md): a mail server (`smtp:`, `smtps:`), a webhook (`https:`), a folder (`file:`), or the log (`console:`), which production rejects. The password of a webhook is the key that signs its requests.",
    secret: "password",
    defaultText: "`console:`, or none in production",
  }),
  AMPHO_MAIL_FROM: withoutDefault(mailAddress, "no-reply@app.example", {
    help: "The sender of mails. A mail server and a webhook require it. Mail programs show AMPHO_APP_NAME beside it.",
  }),
  AMPHO_MAIL_CONTACT: withoutDefault(mailAddress, "help@app.example", {
    help: "The address of a person who helps users. The last mail to an address that an account has lost states it.",
  }),
  AMPHO_SECURITY_PROVIDERS: withoutDefault(
    providersKind,
    { github: { kind: "github", client_id: "Iv1.0123456789abcdef", client_secret: "…" } },
    {
      help: "The outside providers that users can sign in with (docs/guides/providers.md): a JSON object from a name to the provider's settings.",
      secret: true,
    },
  ),
  AMPHO_API_URL: withoutDefault(apiOrigin, "https://api.example", {
    help: "The origin of the endpoints, if it is not that of AMPHO_APP_URL. Providers send the browser back to it.",
    defaultText: "the origin of AMPHO_APP_URL",
  }),
  AMPHO_DATABASE_URL: withDefault(databaseUrl, "sqlite:ampho.db", "postgres://ampho:PASSWORD@db.example/ampho", {
    help: "The database of users, sessions and the audit log. PATH is relative to the working directory. With `?prepare=true` PostgreSQL keeps prepared statements (docs/operate/postgresql.md).",
    defaultText: "`sqlite:ampho.db`, required in production",
    secret: "password",
  }),
  AMPHO_DATABASE_MIGRATE: withoutDefault(choice(["auto", "off"]), "off", {
    help: "Whether `serve`, `createAmpho` and the commands update the database schema. With `off` and an old schema they end with exit code 1 and name `db-up`.",
    defaultText: "`auto`, or `off` for PostgreSQL in production",
  }),
  AMPHO_AUDIT_KEEP: withDefault(duration(0), 7_776_000, "365d", {
    help: "How long the rows of the audit log are kept (docs/operate/incidents.md). With 0 they are kept forever.",
  }),
  AMPHO_HOST: withDefault(host, "127.0.0.1", "0.0.0.0", { help: "The address that `ampho serve` listens on." }),
  AMPHO_PORT: withDefault(int({ min: 0, max: 65_535 }), 3000, 8080, {
    help: "The port of `ampho serve`. With 0 it takes a free port.",
  }),
  AMPHO_METRICS_LISTEN: withoutDefault(listenAddress, "0.0.0.0:9464", {
    help: "A separate port for `GET /metrics` of `ampho serve` (docs/operate/metrics.md), alone or after an address, which is 127.0.0.1 by default. With port 0 it takes a free port.",
  }),
  AMPHO_METRICS_TOKEN: withoutDefault(bearerSecret, "the-output-of-openssl-rand-hex-32", {
    help: "The bearer token that `GET /metrics` requires. Without AMPHO_METRICS_LISTEN, `/metrics` is then on the port of the service. With neither parameter, `/metrics` does not exist.",
    secret: true,
  }),
  AMPHO_SHUTDOWN_DELAY: withDefault(duration(0, 3600), 0, "10s", {
    help: "How long `ampho serve` continues after SIGTERM, with 503 from `/readyz`, before it closes its port. Behind a load balancer, set it longer than the balancer takes to notice. SIGINT does not wait.",
  }),
  AMPHO_TRUST_PROXY: withDefault(int({ min: 0, max: 32 }), 0, 1, {
    help: "The number of trusted proxies in `X-Forwarded-For`. With a number that is too high, clients can choose their address. With 0 behind a proxy, all clients have the address of the proxy.",
  }),
} as const;

/** Names that have an effect in the environment only. They are not part of the configuration. */
export const environmentOnly: Readonly<Record<string, string>> = {
  AMPHO_CONFIG_DIR: "The folder of the configuration files. The default is `config` in the working directory.",
  AMPHO_CONFIG_FILE:
    "The file with options that the commands read, in place of `ampho.config.js` in the working directory.",
  AMPHO_DEBUG: "With `1`, the command line prints the stack of an unexpected error.",
};

type Table = typeof parameters;
export type ParameterName = keyof Table;
/** A parameter with a secret. `{NAME}_FILE` can name a file with its value. */
export type SecretName = {
  [N in ParameterName]: Table[N] extends { readonly secret: true | "password" } ? N : never;
}[ParameterName];
export type FileName = `${SecretName}_FILE`;

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<Camel<Tail>>}`
  : Lowercase<S>;
type WithoutPrefix<N extends string> = N extends `AMPHO_SECURITY_${infer Rest}`
  ? Rest
  : N extends `AMPHO_${infer Rest}`
    ? Rest
    : N;

/** The name of a parameter in code: `tokenTtl` for `AMPHO_SECURITY_TOKEN_TTL`. */
export type OptionName<N extends string = ParameterName | FileName> = Camel<WithoutPrefix<N>>;

export function optionName<N extends string>(name: N): OptionName<N>;
export function optionName(name: string): string {
  return name
    .replace(/^AMPHO_(?:SECURITY_)?/, "")
    .toLowerCase()
    .replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The value of every parameter, or its default. */
export type ParameterValues = {
  readonly [N in ParameterName as OptionName<N>]: Table[N] extends Parameter<infer T, infer _, infer D> ? T | D : never;
};

/** The type of a parameter as an option in code. `S` are the scopes that are written there. */
export type OptionInput<N extends ParameterName, S extends string = string> = N extends "AMPHO_SECURITY_SCOPES"
  ? string | ByRole<readonly S[]> | undefined
  : N extends "AMPHO_SECURITY_FACTORS"
    ? string | ByRole<Policy> | undefined
    : Table[N] extends Parameter<infer _, infer I>
      ? I | undefined
      : never;

/** The parameters as options in code. undefined counts as not set. scripts/option-types.mjs adds texts for editors. */
export type ParameterOptions<S extends string = string> = {
  readonly [N in ParameterName | FileName as OptionName<N>]?: N extends ParameterName
    ? OptionInput<N, S>
    : string | undefined;
};

export const parameterNames: readonly ParameterName[] = Object.keys(parameters).filter(
  (name): name is ParameterName => name in parameters,
);

export const secretNames: readonly SecretName[] = parameterNames.filter(
  (name): name is SecretName => "secret" in parameters[name],
);

export const fileNameOf = (name: SecretName): FileName => `${name}_FILE`;
