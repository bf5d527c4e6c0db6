// How long a key must stay in a state of its rotation, so that no good token is rejected (docs/keys.md).

/** Within so long a changed key file has reached every process and was read: a Kubernetes secret takes two minutes. */
const rolloutSeconds = 300;
/** `max-age` of the published JWK Set. A proxy can serve an older set for this long. */
export const publishedKeysMaxAgeSeconds = 300;
/** How long verifiers keep a set by themselves. 5 minutes are common, and 10 are the default of jose and jwks-rsa. */
const verifierCacheSeconds = 600;

/** From being published to signing. */
export const activateWaitSeconds = rolloutSeconds + publishedKeysMaxAgeSeconds + verifierCacheSeconds;

/** From the last signature to the removal. By then every token of the key has expired. */
export function retireWaitSeconds(settings: {
  readonly tokenTtl: number;
  readonly tokenLeeway: number;
  readonly tokenForeignTtl: number;
  readonly sessionIdleTtl: number;
  readonly sessionTtl: number;
}): number {
  const refreshSeconds = Math.min(settings.sessionIdleTtl, settings.sessionTtl);
  const longest = Math.max(refreshSeconds, settings.tokenTtl, settings.tokenForeignTtl);
  return rolloutSeconds + longest + settings.tokenLeeway;
}
