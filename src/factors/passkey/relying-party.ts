// The relying party of passkeys (WebAuthn L3 §4). It comes from the configuration alone, never from a request.
import { isIP } from "node:net";
import type { Configuration } from "../../config/configuration.js";

export interface RelyingParty {
  readonly id: string;
  readonly name: string;
  /** The origins whose pages can use the passkeys. They are compared exactly. */
  readonly origins: readonly string[];
}

/**
 * The web origins outside of the domain of the relying party (WebAuthn L3 §5.11). Browsers use passkeys there only if the
 * relying party's host serves a document that lists them.
 */
export function relatedOriginsOf({ id, origins }: RelyingParty): readonly string[] {
  const isOutside = ({ hostname }: URL) => hostname !== id && !hostname.endsWith(`.${id}`);
  return origins.filter((origin) => !origin.startsWith("android:") && isOutside(new URL(origin)));
}

/** Undefined while passkeys are not offered. */
export function relyingPartyOf({
  appUrl,
  appName,
  passkeys,
  passkeyRp,
  passkeyOrigins,
}: Pick<Configuration, "appUrl" | "appName" | "passkeys" | "passkeyRp" | "passkeyOrigins">): RelyingParty | undefined {
  if (appUrl === undefined || !passkeys) return undefined;
  const { hostname, origin } = new URL(appUrl);
  // An IP address is no relying party (§5.1.3).
  if (isIP(hostname) !== 0 || hostname.startsWith("[")) return undefined;
  return { id: passkeyRp ?? hostname, name: appName ?? hostname, origins: [origin, ...passkeyOrigins] };
}
