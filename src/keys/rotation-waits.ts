// How long a key has to stay in a state of its rotation, so that nobody is refused who should be let in (docs/keys.md).

/** Within so long a changed key file has reached every process and was read: a Kubernetes secret takes two minutes. */
const rolloutSeconds = 300;
/** `max-age` of the published JWK Set: a proxy in front may serve an older one for so long. */
export const publishedKeysMaxAgeSeconds = 300;
/** How long verifiers keep a set by themselves: 5 minutes is common, 10 what jose and jwks-rsa do if nobody says otherwise. */
const verifierCacheSeconds = 600;

/** From being published to signing. */
export const activateWaitSeconds = rolloutSeconds + publishedKeysMaxAgeSeconds + verifierCacheSeconds;

/** From the last signature to being taken out: what the key signed has expired by then, whoever made it. */
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
