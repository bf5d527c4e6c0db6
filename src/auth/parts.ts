// The parts that the flows are built from; ampho.ts puts them together.
import type { PasswordPool } from "../crypto/password-pool.js";
import type { Store } from "../store/store.js";
import type { Clock } from "./clock.js";
import type { Devices } from "./devices.js";
import type { Directory } from "./directory.js";
import type { RevocationSet } from "./revocations.js";
import type { Settings } from "./settings.js";
import type { Throttle } from "./throttle.js";
import type { Tokens } from "./tokens.js";

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
