// A passkey as its user sees one.
import { passkeyProviders } from "../../factors/passkey/passkey-providers.js";
import type { PasskeyRow } from "../../store/sql/factors/passkeys.js";

export interface PasskeyView {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly used: number | null;
  /** The passkey is backed up, such as by the account of a phone. */
  readonly synced: boolean;
  readonly transports: readonly string[];
  /** The name of the provider or model, where it is known. */
  readonly provider: string | null;
}

export function toPasskeyView({ id, name, createdAt, usedAt, backedUp, transports, aaguid }: PasskeyRow): PasskeyView {
  const provider = passkeyProviders[aaguid] ?? null;
  return { id, name, created: createdAt, used: usedAt ?? null, synced: backedUp, transports, provider };
}
