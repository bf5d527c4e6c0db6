// How long a key must stay in a state of its rotation, so that no good token is rejected (docs/operate/keys.md).

/** Within this time every process has read a changed key file. A Kubernetes secret takes two minutes. */
const rolloutSeconds = 300;
/** `max-age` of the published JWK Set. A proxy can serve an older set for this long. */
export const publishedKeysMaxAgeSeconds = 300;
/** How long verifiers keep a set by themselves. 5 minutes are common, and 10 are the default of jose and jwks-rsa. */
const verifierCacheSeconds = 600;

/** The wait from the publication of a key to its first signature. */
export const activateWaitSeconds = rolloutSeconds + publishedKeysMaxAgeSeconds + verifierCacheSeconds;

/**
 * The wait from the last signature of a key to its removal. By then every token and every mailed link of the key has expired.
 * Only `device` proofs live longer. A login ignores one whose key is gone.
 */
export function retireWaitSeconds(settings: {
  readonly tokenTtl: number;
  readonly tokenLeeway: number;
  readonly tokenForeignTtl: number;
  readonly sessionIdleTtl: number;
  readonly sessionTtl: number;
  /** The longest lifetime of a link in a mail. */
  readonly mailedLinkTtl: number;
}): number {
  const refreshSeconds = Math.min(settings.sessionIdleTtl, settings.sessionTtl);
  const longest = Math.max(refreshSeconds, settings.tokenTtl, settings.tokenForeignTtl, settings.mailedLinkTtl);
  return rolloutSeconds + longest + settings.tokenLeeway;
}
