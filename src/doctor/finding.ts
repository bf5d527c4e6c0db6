// The findings of `ampho doctor`: what is wrong or doubtful, and how to fix it. A finding holds no secret.

/** `error`: fix it. `warning`: fix it, or know why not. `note`: worth knowing, and nothing is wrong. */
export const severities = ["error", "warning", "note"] as const;
export type Severity = (typeof severities)[number];

/** Every check, with the sentence that docs/operate/doctor.md prints. */
export const checks = {
  configuration:
    "Values that are wrong or doubtful: lifetimes of tokens and sessions, password lengths, throttling limits, and origins",
  "signing-key":
    "The key exists, is random and long enough, is not too old, is not revoked, and is the one that the instance publishes",
  files:
    "The permissions of the key file, the database, the file of providers, configuration files with secrets, and their folders",
  database: "The database opens and responds",
  schema: "Every migration is applied, and the role that serves cannot change or drop the tables",
  clock: "The clock of this machine agrees with the database and with the `Date` header of the instance",
  sessions: "Live sessions that were not renewed for 30 days",
  factors:
    "Keys of TOTP secrets are usable, users with the role `admin` need a second factor, and no user's only way in or policy depends on what is off",
  providers:
    "Each outside provider responds, with the configured issuer, usable keys and the right time, and its callback is no localhost in production",
  breaches: "The list of breached passwords responds and contains a common one, where one is configured",
  captcha: "The verifier of captchas responds and accepts the key, where one is configured",
  mail: "The mail server or webhook accepts the connection and the password (no mail is sent), no mail waits for long, and AMPHO_APP_URL responds",
  hooks: "No change of a user waits for long for a hook of the application",
  services: "Service accounts have scopes, and can get access tokens",
  connect: "Scopes of applications have a text, and with `--url` the issuer serves its metadata",
  hashes: "Passwords that are still stored in the format of another system",
  logins:
    "Logins that look like the address of another person, and logins and addresses that are stored in an old form",
  "api-keys": "API keys without a use for 90 days, and keys in use that end within 14 days",
  hashing: "The time that one password hash takes on this machine",
  instance: "With `--url`, the instance responds under the REST prefix, is ready and has no warning",
  tls: "With `--url`, TLS, the expiry of the certificate, and Strict-Transport-Security",
  passkeys: "With `--url`, the host of the relying party lists every related origin in `/.well-known/webauthn`",
  resources:
    "With `--url`, every protected resource has the metadata that is configured, and its challenges lead there",
  proxy: "With `--url`, requests carry X-Forwarded-For or Forwarded although AMPHO_TRUST_PROXY is 0",
} as const;
export type CheckName = keyof typeof checks;

export interface Finding {
  readonly severity: Severity;
  /** The check that reports it. */
  readonly check: CheckName;
  readonly message: string;
  readonly fix: string;
}

export const finding = (severity: Severity, check: CheckName, message: string, fix: string): Finding => {
  return { severity, check, message, fix };
};
export const error = finding.bind(undefined, "error");
export const warning = finding.bind(undefined, "warning");
export const note = finding.bind(undefined, "note");

/** As many ids are named. */
export const namedMax = 10;
export const namedIds = (ids: readonly string[]): string =>
  `The ids: ${ids.slice(0, namedMax).join(", ")}${ids.length > namedMax ? ", …" : ""}.`;

/** Orders findings by severity. Findings of one severity keep their order. */
export const worstFirst = (findings: readonly Finding[]): readonly Finding[] =>
  severities.flatMap((severity) => findings.filter((finding) => finding.severity === severity));

export const isWrong = (findings: readonly Finding[]): boolean => findings.some(({ severity }) => severity !== "note");
