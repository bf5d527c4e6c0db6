// Values that are allowed and doubtful. A rule is a row: when, how bad, what, and what to do.
import type { Configuration } from "../../config/configuration.js";
import type { Finding, Severity } from "../finding.js";

interface Rule {
  readonly when: (configuration: Configuration) => boolean;
  readonly severity: Severity;
  readonly message: string;
  readonly mend: string;
}

const [hour, day] = [3_600, 86_400];

const isProduction = ({ environment }: Configuration): boolean => environment === "production";
const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host);
const hasPublicKeys = ({ keys = [] }: Configuration): boolean => keys.some(({ publicJwk }) => publicJwk !== undefined);

const rules: readonly Rule[] = [
  {
    when: (one) => one.allowAttackTest && isProduction(one),
    severity: "error",
    message: "AMPHO_ALLOW_ATTACK_TEST is true in production: each answer says that the instance may be attacked",
    mend: "unset AMPHO_ALLOW_ATTACK_TEST; `ampho doctor --attack` also runs with the instance's key",
  },
  {
    when: ({ passwordMin }) => passwordMin < 8,
    severity: "error",
    message: "AMPHO_SECURITY_PASSWORD_MIN is below 8, the least that NIST SP 800-63B allows anywhere",
    mend: "set it to 15, its default",
  },
  {
    when: ({ passwordMin }) => passwordMin >= 8 && passwordMin < 15,
    severity: "warning",
    message: "AMPHO_SECURITY_PASSWORD_MIN is below 15, the least where a password is the only factor (NIST SP 800-63B)",
    mend: "set it to 15, its default; passwords that are there stay good",
  },
  {
    when: (one) => one.databaseUrl === "sqlite::memory:" && isProduction(one),
    severity: "error",
    message:
      "AMPHO_DATABASE_URL is sqlite::memory: in production: users, sessions and what was revoked end with the process",
    mend: "set it to sqlite:PATH or postgres://…",
  },
  {
    when: ({ tokenTtl }) => tokenTtl > day,
    severity: "error",
    message: "AMPHO_SECURITY_TOKEN_TTL is more than a day: whoever finds an access token can use it for so long",
    mend: "set it to 900, its default; clients renew",
  },
  {
    when: ({ tokenTtl }) => tokenTtl > hour && tokenTtl <= day,
    severity: "warning",
    message: "AMPHO_SECURITY_TOKEN_TTL is more than an hour: whoever finds an access token can use it for so long",
    mend: "set it to 900, its default; clients renew",
  },
  {
    when: ({ tokenTtl }) => tokenTtl < 30,
    severity: "warning",
    message: "AMPHO_SECURITY_TOKEN_TTL is below 30 seconds: clients renew without pause, and renewals are writes",
    mend: "set it to some minutes",
  },
  {
    when: ({ tokenLeeway }) => tokenLeeway > 120,
    severity: "warning",
    message: "AMPHO_SECURITY_TOKEN_LEEWAY is above 120 seconds: expired tokens are taken for so long",
    mend: "run NTP on every machine, and set it to 60, its default",
  },
  {
    when: (one) => one.renewByToken && hasPublicKeys(one),
    severity: "warning",
    message:
      "AMPHO_SECURITY_RENEW_BY_TOKEN is true and public keys are published: services that see access tokens can renew with them",
    mend: "set it to false; clients renew with refresh tokens",
  },
  {
    when: (one) => hasPublicKeys(one) && one.tokenAudience === undefined,
    severity: "note",
    message:
      "AMPHO_SECURITY_TOKEN_AUDIENCE is not set and public keys are published: a token for one service is good for all",
    mend: "set it to whom tokens are for (RFC 8725 §3.9)",
  },
  {
    when: ({ tokenIssuer = "" }) => /^http:/i.test(tokenIssuer),
    severity: "warning",
    message:
      "AMPHO_SECURITY_TOKEN_ISSUER is an http URL: issuers are https URLs (RFC 8414 §2), and some verifiers refuse others",
    mend: "set it to an https URL",
  },
  {
    when: ({ tokenForeignTtl }) => tokenForeignTtl > 30 * day,
    severity: "warning",
    message:
      "AMPHO_SECURITY_TOKEN_FOREIGN_TTL is more than 30 days: such tokens belong to no session that could be ended",
    mend: "let other software make short-lived tokens, and set it to 86400, its default",
  },
  {
    when: ({ sessionTtl }) => sessionTtl > 366 * day,
    severity: "warning",
    message: "AMPHO_SECURITY_SESSION_TTL is more than a year: a stolen session is as good for so long",
    mend: "set it to 7776000 (90 days), its default",
  },
  {
    when: ({ sessionIdleTtl, sessionTtl }) => sessionIdleTtl > Math.min(90 * day, sessionTtl),
    severity: "warning",
    message:
      "AMPHO_SECURITY_SESSION_IDLE_TTL is more than 90 days, or than AMPHO_SECURITY_SESSION_TTL: forgotten sessions stay open",
    mend: "set it to 1209600 (14 days), its default",
  },
  {
    when: ({ throttleLock }) => throttleLock > 100,
    severity: "warning",
    message: "AMPHO_SECURITY_THROTTLE_LOCK is above 100 wrong passwords in a row, the most that NIST SP 800-63B allows",
    mend: "set it to 100, its default, or less",
  },
  {
    when: ({ throttleAttempts, throttleWindow }) => throttleAttempts * (day / throttleWindow) > 10_000,
    severity: "warning",
    message: "AMPHO_SECURITY_THROTTLE_ATTEMPTS and _WINDOW let guess thousands of times a day at one login",
    mend: "set them to 5 and 900, their defaults",
  },
  {
    when: ({ throttleAddress }) => throttleAddress === 0,
    severity: "warning",
    message: "AMPHO_SECURITY_THROTTLE_ADDRESS is 0: one address may try one password at every login",
    mend: "set it to 20, its default, or what an office of yours needs",
  },
  {
    when: ({ corsOrigins }) => corsOrigins.some((origin) => /^http:\/\/(?!localhost|127\.|\[::1\])/.test(origin)),
    severity: "warning",
    message: "AMPHO_SECURITY_CORS_ORIGINS lists an http origin: whoever is on the way to it reads what its pages read",
    mend: "list its https origin",
  },
  {
    when: (one) => !isProduction(one) && !isLoopback(one.host),
    severity: "warning",
    message: "NODE_ENV is not production and AMPHO_HOST is not this machine alone: without a key one is made up",
    mend: "set NODE_ENV=production, or AMPHO_HOST=127.0.0.1",
  },
  {
    when: (one) => isProduction(one) && !isLoopback(one.host) && one.trustProxy === 0,
    severity: "warning",
    message:
      "AMPHO_HOST is not this machine alone and AMPHO_TRUST_PROXY is 0: no TLS is spoken here, and no proxy that does is believed",
    mend: "put TLS in front, listen to it on 127.0.0.1, and set AMPHO_TRUST_PROXY to the number of proxies",
  },
  {
    when: ({ trustProxy }) => trustProxy > 3,
    severity: "warning",
    message: "AMPHO_TRUST_PROXY is above 3: where fewer proxies stand in front, clients choose their own address",
    mend: "set it to the number of proxies that every request passes",
  },
];

/** Of a configuration that can be used. */
export function checkConfiguration(configuration: Configuration, warnings: readonly string[]): readonly Finding[] {
  const doubtful = rules.filter(({ when }) => when(configuration));
  return [
    ...doubtful.map(({ severity, message, mend }): Finding => ({ severity, check: "configuration", message, mend })),
    ...warnings.map((message) => warningOf(message)),
  ];
}

const warningOf = (message: string): Finding => {
  if (/^AMPHO_SECURITY_KEY is not set/.test(message))
    return {
      severity: "warning",
      check: "key",
      message,
      mend: "`ampho sec-gen-key -o key.json`, and AMPHO_SECURITY_KEY_FILE=key.json",
    };
  return { severity: "warning", check: "configuration", message, mend: "see docs/configuration.md" };
};

/** What a ConfigurationError tells: one line each, which hold no secret. */
export function findingsOf(message: string): readonly Finding[] {
  const lines = message.replace(/^Wrong configuration(?:, \d+ problems?)?:\s*/, "").split("\n");
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => ({ severity: "error", check: "configuration", message: line, mend: "see docs/configuration.md" }));
}
