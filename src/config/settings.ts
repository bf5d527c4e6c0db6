// What the flows need of the configuration, with units in the names.

export interface Settings {
  readonly tokenTtlSeconds: number;
  readonly leewaySeconds: number;
  readonly issuer: string | undefined;
  /** All are put into new tokens; a token must hold one of them. Empty: no `aud`. */
  readonly audience: readonly string[];
  readonly foreignMaxSeconds: number;
  /** Role -> scopes. */
  readonly scopes: Readonly<Record<string, readonly string[]>>;
  readonly renewByToken: boolean;
  readonly sessionIdleSeconds: number;
  readonly sessionMaxSeconds: number;
  readonly sessionsPerUser: number;
  /** 0: no limit. */
  readonly revocationLagMaxSeconds: number;
  readonly passwordMinCharacters: number;
  /** 0: for ever. */
  readonly auditKeepSeconds: number;
  /** docs/throttling.md. */
  readonly throttle: {
    /** Wrong passwords for a login from strange places before waits begin. */
    readonly attempts: number;
    /** The same for the holder of one device proof, and for one session that changes its password. */
    readonly knownAttempts: number;
    readonly windowSeconds: number;
    /** Failures in a row. */
    readonly lockAfter: number;
    /** Different logins that may fail from one address within the window; 0: not counted. */
    readonly addressLogins: number;
    readonly networkLogins: number;
  };
}

/** The scopes of all roles, each once, in the order of the roles. */
export function scopesOf(roles: readonly string[], settings: Pick<Settings, "scopes">): readonly string[] {
  const scopes = new Set<string>();
  for (const role of roles) {
    // `hasOwn`: a role named `constructor` has no scopes.
    if (Object.hasOwn(settings.scopes, role)) for (const scope of settings.scopes[role] ?? []) scopes.add(scope);
  }
  return [...scopes];
}
