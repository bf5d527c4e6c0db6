import { passkeyProviders } from "../../factors/passkey/passkey-providers.js";
import type { FactorName } from "../../levels/factors.js";
import type { Factors } from "../../store/sql/factors/account-factors.js";
import type { PasskeyList, PasskeyRow } from "../../store/sql/factors/passkeys.js";
import type { AccountView, PasskeyView } from "../../wire/account.js";

/** A second factor that the user has. */
export type FactorView =
  /** A passkey. */
  | {
      /** The credential id of the passkey. */
      readonly id: string;
      /** The name of the passkey in the user's list. */
      readonly name: string;
      /** The time at which the passkey was added, in Unix seconds. */
      readonly created: number;
      /** The time of the last login with the passkey, or null. */
      readonly used: number | null;
    }
  /** An authenticator app. */
  | {
      readonly id: "totp";
      /** The time at which the app was set up, in Unix seconds. */
      readonly since: number;
    }
  /** Recovery codes. */
  | {
      readonly id: "recovery_code";
      /** The number of recovery codes that are left. */
      readonly left: number;
    };

export function toPasskeyView({ id, name, createdAt, usedAt, backedUp, transports, aaguid }: PasskeyRow): PasskeyView {
  const provider = passkeyProviders[aaguid] ?? null;
  return { id, name, created: createdAt, used: usedAt ?? null, synced: backedUp, transports, provider };
}

const members = { passkey: "passkeys", totp: "totp", recovery_code: "recovery_codes" } as const satisfies Readonly<
  Record<FactorName, keyof AccountView>
>;

type Shown = { readonly [F in FactorName as (typeof members)[F]]: AccountView[(typeof members)[F]] };

export function viewOfFactors({ passkeys, totp, recoveryCodesLeft }: Factors & Pick<PasskeyList, "passkeys">): Shown {
  return {
    passkeys: passkeys.map(toPasskeyView),
    totp: totp === undefined ? null : { since: totp.since },
    recovery_codes: recoveryCodesLeft,
  };
}

export const operatorViews: {
  readonly [F in FactorName]: (found: Factors & Pick<PasskeyList, "passkeys">) => readonly FactorView[];
} = {
  passkey: ({ passkeys }) =>
    passkeys.map(({ id, name, createdAt, usedAt = null }) => ({ id, name, created: createdAt, used: usedAt })),
  totp: ({ totp }) => (totp === undefined ? [] : [{ id: "totp", since: totp.since }]),
  recovery_code: ({ recoveryCodesLeft: left }) => (left === 0 ? [] : [{ id: "recovery_code", left }]),
};
