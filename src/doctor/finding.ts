// What the doctor says: what is wrong or doubtful, and what to do about it. Nothing in it is a secret.

/** `error`: mend it. `warning`: mend it, or know why not. `note`: worth knowing; nothing is wrong. */
export const severities = ["error", "warning", "note"] as const;
export type Severity = (typeof severities)[number];

export interface Finding {
  readonly severity: Severity;
  /** Which check found it: `key`, `files`, `configuration`, … */
  readonly check: string;
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
