// A factor that a flow has checked. The gate uses it up.
import type { FactorUse } from "../../store/sql/factors/factors.js";
import type { Attempt } from "../../throttle/attempt.js";

export interface ProvenFactor {
  /** For `amr`. With `mfa` for a passkey that is enough alone. */
  readonly methods: readonly string[];
  readonly use: FactorUse;
  /** The version of the account's factors that the check has read. */
  readonly factorsVersion: number;
  /** Undefined for a passkey, which cannot be guessed. */
  readonly attempt?: Attempt;
}
