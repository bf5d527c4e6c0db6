// What the doctor says: what is wrong or doubtful, and what to do about it. Nothing in it is a secret.

/** `error`: mend it. `warning`: mend it, or know why not. `note`: worth knowing; nothing is wrong. */
export const severities = ["error", "warning", "note"] as const;
export type Severity = (typeof severities)[number];

/** What is looked at, for docs/doctor.md. */
export const checks = {
  configuration:
    "values that are wrong or doubtful: lives of tokens and sessions, lengths of passwords, limits on guesses, origins, AMPHO_ALLOW_ATTACK_TEST in production",
  key: "whether there is a key of random bytes that is long enough, how old its file is, whether it was revoked, and whether the instance publishes it",
  files:
    "who may read or write the key file, the database and configuration files that hold a secret, and the folders they lie in",
  database: "whether it opens and answers",
  schema:
    "whether every migration is applied, and whether the role that serves could change the tables or drop them, where the database has roles",
  clock: "this machine's clock against the database's and against the `Date` of the instance's answers",
  sessions: "live sessions that nobody has renewed for 30 days",
  hashes: "passwords that are still in the format of another system",
  hashing: "how long a password takes on this machine",
  instance: "with `--url`: whether the instance answers under the REST prefix and is ready",
  tls: "with `--url`: whether TLS stands in front, until when its certificate is good, and Strict-Transport-Security",
  proxy: "with `--url`: whether requests come with X-Forwarded-For or Forwarded while AMPHO_TRUST_PROXY is 0",
} as const;
export type CheckName = keyof typeof checks;

export interface Finding {
  readonly severity: Severity;
  /** Which check found it. */
  readonly check: CheckName;
  readonly message: string;
  readonly mend: string;
}

/** Within one severity they keep their order. */
export function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return severities.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
}

export function isWrong(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity !== "note");
}
