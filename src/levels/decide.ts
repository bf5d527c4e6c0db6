// The gate's decision (docs/guides/second-factors.md). A pure function, so that it is the same for every way in, and
// the store can call it inside the transaction that writes the session.
import { type Acr, reaches } from "./acr.js";
import { type FactorName, reachesPhr } from "./factors.js";
import { acrOf, withMfa } from "./methods.js";
import type { Policy } from "./policy.js";

export interface Proof {
  /** The proven methods (RFC 8176), without `dev`. With `mfa` for a passkey that verified its user. */
  readonly amr: readonly string[];
  readonly factors: readonly FactorName[];
  readonly policy: Policy;
  /** A remembered device of this user asks, for a login that is no re-authentication. */
  readonly remembered: boolean;
}

export type Decision =
  | { readonly result: "grant"; readonly amr: readonly string[]; readonly acr: Acr }
  /** `enroll`: the account has no factor that reaches the policy and must set one up. */
  | { readonly result: "factor_needed"; readonly enroll: boolean; readonly factors: readonly FactorName[] }
  | { readonly result: "reject" };

/** Two of them are one factor. */
const firstFactors: ReadonlySet<string> = new Set(["pwd", "mail", "fed"]);

export function decide({ amr, factors, policy, remembered }: Proof): Decision {
  if (!amr.some((method) => firstFactors.has(method) || method === "mfa")) return { result: "reject" };
  const proven = withMfa(amr);
  const acr = acrOf(proven);
  const hasSecond = factors.length > 0;
  const granted: Decision = { result: "grant", amr: proven, acr };
  if (policy === "phr") {
    if (reaches(acr, "phr")) return granted;
    const strong = factors.filter(reachesPhr);
    // Without a passkey, an account proves the factor that it has before it can add one.
    if (reaches(acr, "2fa") || !hasSecond)
      return { result: "factor_needed", enroll: strong.length === 0, factors: strong };
    return { result: "factor_needed", enroll: false, factors };
  }
  if (reaches(acr, "2fa")) return granted;
  if (hasSecond && remembered) return { result: "grant", amr: [...amr, "dev"], acr };
  if (hasSecond) return { result: "factor_needed", enroll: false, factors };
  return policy === "optional" ? granted : { result: "factor_needed", enroll: true, factors: [] };
}
