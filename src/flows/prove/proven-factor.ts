// A factor that a flow has checked.

import type { FactorUse } from "../../store/sql/factors/rows.js";
import type { Attempt } from "../../throttle/attempt.js";

/** A factor that a flow has checked. The gate uses it up. */
export interface ProvenFactor {
  /** For `amr`. With `mfa` for a passkey that is enough alone. */
  readonly methods: readonly string[];
  readonly use: FactorUse;
  /** The version of the account's factors that the check has read. */
  readonly factorsVersion: number;
  /** Undefined for a passkey, which cannot be guessed. */
  readonly attempt?: Attempt;
}
