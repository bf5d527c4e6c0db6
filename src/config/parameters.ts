// Every parameter of Ampho: one row gives its name, type, default, unit and help. From this table come the checks, the type
// of the configuration, the names of the options in code, the texts of --help and docs/configuration.md.
import {
  bearerSecret,
  bool,
  choice,
  databaseUrl,
  host,
  int,
  jwk,
  type Kind,
  origins,
  path,
  prefix,
  scopes,
  str,
  strings,
} from "./kinds.js";

export interface Parameter<T = unknown, I = unknown, D = T | undefined> {
  readonly kind: Kind<T, I>;
  readonly default: D;
  /** What tables and help say of a default that depends on others. */
  readonly defaultText?: string;
  /** One sentence or two, no full stop at the end. */
  readonly help: string;
  /** Its value is never shown. */
  readonly secret?: true;
}

function withDefault<T, I>(kind: Kind<T, I>, value: NoInfer<T>, help: string): Parameter<T, I, T> {
  return { kind, default: value, help };
}

function without<T, I>(
  kind: Kind<T, I>,
  help: string,
  more: { readonly defaultText?: string; readonly secret?: true } = {},
): Parameter<T, I, undefined> {
  return { kind, default: undefined, help, ...more };
}

const tenYears = 315_360_000;
const seconds = (min: number, max = tenYears) => int({ min, max, unit: "seconds" });

/** What AMPHO_SECURITY_TOKEN_ALG may be (RFC 7518 §3.1, RFC 8037 §3.1). */
export const tokenAlgorithms = [
  "HS256",
  "HS384",
  "HS512",
  "EdDSA",
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
] as const;
export type TokenAlgorithm = (typeof tokenAlgorithms)[number];

export const parameters = {
  AMPHO_SECURITY_KEY: without(
    jwk,
    "a JWK, or a JWK Set whose first key signs and whose others only verify; made with `ampho sec-gen-key`. Without it, outside production, each process makes a key of its own and warns",
    { defaultText: "none; required in production", secret: true },
  ),
  AMPHO_SECURITY_KEY_FILE: without(
    path,
    "the file that holds what AMPHO_SECURITY_KEY would; a change is read while the process runs (docs/keys.md); both set is a bad value",
  ),
  AMPHO_SECURITY_REST_PREFIX: withDefault(prefix, "/api/security", "prefix of every endpoint"),
  AMPHO_SECURITY_TOKEN_ALG: without(
    choice(tokenAlgorithms),
    "how tokens are signed: HS256 HS384 HS512, EdDSA, ES256 ES384 ES512, RS256 RS384 RS512, PS256 PS384 PS512; must fit the key",
    { defaultText: "the key's `alg`, else by key type" },
  ),
  AMPHO_SECURITY_TOKEN_TTL: withDefault(seconds(1), 900, "life of an access token"),
  AMPHO_SECURITY_TOKEN_LEEWAY: withDefault(seconds(0, 300), 60, "clock skew allowed around `starts` and `expires`"),
  AMPHO_SECURITY_TOKEN_ISSUER: without(str, "`iss`: set in new tokens and then required in every token"),
  AMPHO_SECURITY_TOKEN_AUDIENCE: without(
    strings,
    "`aud`: all are set in new tokens; then every token must hold one of them",
  ),
  AMPHO_SECURITY_TOKEN_FOREIGN_TTL: withDefault(
    seconds(0),
    86_400,
    "how far ahead the `exp` of a token without `sid` (made by other software with the key) may lie",
  ),
  AMPHO_SECURITY_SCOPES: withDefault(
    scopes,
    Object.freeze(Object.create(null) as Record<string, readonly string[]>),
    "role and array of scopes; a user's tokens carry the scopes of all roles",
  ),
  AMPHO_SECURITY_CORS_ORIGINS: withDefault(
    origins,
    Object.freeze([]),
    "the origins whose pages may call the endpoints from a browser (CORS), compared exactly; with AMPHO_SECURITY_COOKIES also those of the same site whose pages may change something with its cookies; an empty array is none",
  ),
  AMPHO_SECURITY_COOKIES: withDefault(
    bool,
    false,
    "whether login and renew answer with `__Host-` cookies instead of tokens in the body; only for browsers of the same site (docs/cookies.md)",
  ),
  AMPHO_SECURITY_RENEW_BY_TOKEN: withDefault(
    bool,
    true,
    "whether an access token renews; set it to false where other services see access tokens",
  ),
  AMPHO_SECURITY_SESSION_IDLE_TTL: withDefault(
    seconds(1),
    1_209_600,
    "a session not renewed for so long ends (14 days)",
  ),
  AMPHO_SECURITY_SESSION_TTL: withDefault(
    seconds(1),
    7_776_000,
    "a session ends after so long whatever happens (90 days)",
  ),
  AMPHO_SECURITY_SESSIONS_PER_USER: withDefault(
    int({ min: 1, max: 100_000 }),
    100,
    "sessions of one user; a login beyond it ends the oldest",
  ),
  AMPHO_SECURITY_REVOCATION_LAG_MAX: withDefault(
    seconds(0),
    0,
    "a process that has not been able to read revocations for so long answers guarded requests with 503; 0 is no limit",
  ),
  AMPHO_SECURITY_REVOCATION_FEED_TOKEN: without(
    bearerSecret,
    "the bearer token that services with `ampho/verify` read `GET {prefix}/revocations` with; without it the feed is not there (404)",
    { secret: true },
  ),
  AMPHO_SECURITY_PASSWORD_MIN: withDefault(
    int({ min: 1, max: 1024, unit: "characters" }),
    15,
    "least length of a new password (NIST SP 800-63B-4 where it is the only factor)",
  ),
  AMPHO_SECURITY_THROTTLE_ATTEMPTS: withDefault(
    int({ min: 1, max: 1_000_000 }),
    5,
    "wrong passwords for one login, from places where its user has not been let in before, until each further try has to wait",
  ),
  AMPHO_SECURITY_THROTTLE_KNOWN_ATTEMPTS: withDefault(
    int({ min: 1, max: 1_000_000 }),
    10,
    "the same for a place with a `device` proof of the user, and for a session that changes its password",
  ),
  AMPHO_SECURITY_THROTTLE_WINDOW: withDefault(
    seconds(15, 86_400),
    900,
    "failures are forgotten after so long without another; waits begin with a fifteenth of it and double until they are as long",
  ),
  AMPHO_SECURITY_THROTTLE_LOCK: withDefault(
    int({ min: 1, max: 1_000_000 }),
    100,
    "wrong passwords in a row after which a login is refused from strange places until `ampho throttle-clear` or a login from a known place (NIST SP 800-63B: 100 at most)",
  ),
  AMPHO_SECURITY_THROTTLE_ADDRESS: withDefault(
    int({ min: 0, max: 1000 }),
    20,
    "different logins that may fail from one address (IPv6: /64) within the window; 0 does not count addresses",
  ),
  AMPHO_SECURITY_THROTTLE_NETWORK: withDefault(
    int({ min: 0, max: 1000 }),
    100,
    "the same for an IPv6 network (/48); 0 does not count networks",
  ),
  AMPHO_DATABASE_URL: withDefault(
    databaseUrl,
    "sqlite:ampho.db",
    "where users, sessions and the audit log are: sqlite:PATH, sqlite::memory: or postgres://…",
  ),
  AMPHO_DATABASE_MIGRATE: without(
    choice(["auto", "off"]),
    "whether `serve`, `createAmpho` and the commands bring the schema up to date; with off and an old schema they end with exit 1 and name `db-up`",
    { defaultText: "`auto`; `off` for PostgreSQL in production" },
  ),
  AMPHO_DATABASE_PREPARE: withDefault(
    bool,
    false,
    "whether PostgreSQL keeps statements prepared, which saves it and the process much of a renewal; not behind a pooler that does not know them (docs/operating.md, Prepared statements). SQLite's always are",
  ),
  AMPHO_AUDIT_KEEP: withDefault(
    seconds(0),
    7_776_000,
    "how long rows of the audit log are kept (90 days); 0 keeps them for ever (docs/operating.md)",
  ),
  AMPHO_HOST: withDefault(host, "127.0.0.1", "the address that `ampho serve` listens on"),
  AMPHO_PORT: withDefault(int({ min: 0, max: 65_535 }), 3000, "the port of `ampho serve`; 0 takes a free one"),
  AMPHO_METRICS_PORT: without(
    int({ min: 0, max: 65_535 }),
    "the port on which `ampho serve` answers `GET /metrics` (docs/metrics.md), besides that of the service; 0 takes a free one",
  ),
  AMPHO_METRICS_HOST: withDefault(host, "127.0.0.1", "the address that it listens on there"),
  AMPHO_METRICS_TOKEN: without(
    bearerSecret,
    "the bearer token that `GET /metrics` asks for; without AMPHO_METRICS_PORT it is then on the port of the service, and without both it is not there",
    { secret: true },
  ),
  AMPHO_SHUTDOWN_DELAY: withDefault(
    seconds(0, 3600),
    0,
    "how long `ampho serve` goes on answering after SIGTERM while `/readyz` says 503, before it closes its port; behind a balancer, longer than that takes to notice. SIGINT does not wait",
  ),
  AMPHO_ALLOW_ATTACK_TEST: withDefault(
    bool,
    false,
    "whether `ampho doctor --attack` may attack this instance without its key; each answer says so. Not for production",
  ),
  AMPHO_TRUST_PROXY: withDefault(int({ min: 0, max: 32 }), 0, "how many proxies to believe in `X-Forwarded-For`"),
} as const;

/** Known names of the environment that move or describe the process and are not in the configuration. */
export const environmentOnly: Readonly<Record<string, string>> = {
  AMPHO_CONFIG_DIR: "the folder of the configuration files, instead of `config` in the working directory",
  AMPHO_DEBUG: "1 makes the command line print the stack of an unexpected error",
};

type Table = typeof parameters;
export type ParameterName = keyof Table;

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<Camel<Tail>>}`
  : Lowercase<S>;
type Bare<N extends string> = N extends `AMPHO_SECURITY_${infer Rest}`
  ? Rest
  : N extends `AMPHO_${infer Rest}`
    ? Rest
    : N;

/** `AMPHO_SECURITY_TOKEN_TTL` in code: `tokenTtl`. */
export type OptionName<N extends string = ParameterName> = Camel<Bare<N>>;

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

/** Parameters given in code; `undefined` counts as not given. */
export type ParameterOptions = {
  readonly [N in ParameterName as OptionName<N>]?: Table[N] extends Parameter<infer _, infer I> ? I | undefined : never;
};

export const parameterNames: readonly ParameterName[] = Object.keys(parameters).filter(
  (name): name is ParameterName => name in parameters,
);
