// A passkey as its user sees one.

import { passkeyProviders } from "../../factors/passkey/passkey-providers.js";
import type { PasskeyRow } from "../../store/sql/factors/passkeys.js";
import type { PasskeyView } from "../../wire/account.js";

export function toPasskeyView({ id, name, createdAt, usedAt, backedUp, transports, aaguid }: PasskeyRow): PasskeyView {
  const provider = passkeyProviders[aaguid] ?? null;
  return { id, name, created: createdAt, used: usedAt ?? null, synced: backedUp, transports, provider };
}
