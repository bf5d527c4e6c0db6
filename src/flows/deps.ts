// The parts that the flows are built from; ampho.ts puts them together.
import type { PasswordPool } from "../passwords/pool.js";
import type { Store } from "../store/store.js";
import type { Clock } from "../clock.js";
import type { Devices } from "../factors/device-proofs.js";
import type { Directory } from "../users/directory.js";
import type { RevocationSet } from "../sessions/revocation-set.js";
import type { Settings } from "../config/settings.js";
import type { Throttle } from "../throttle/throttle.js";
import type { Tokens } from "../tokens/session-tokens.js";

export interface Parts {
  readonly store: Store;
  readonly directory: Directory;
  readonly passwords: PasswordPool;
  readonly tokens: Tokens;
  readonly devices: Devices;
  readonly throttle: Throttle;
  readonly revocations: RevocationSet;
  readonly settings: Settings;
  readonly clock: Clock;
}
