// The second factors of a request: one member of the body each, with the name of the factor.
import { z } from "zod";
import { AmphoError } from "../../errors.js";
import type { SentFactor } from "../../flows/prove/factor.js";
import { type FactorName, factorNames } from "../../levels/factors.js";
import { recoveryCode, totp } from "./schemas.js";

/** The description of a passkey depends on the route. */
export const factorInputs = (passkeyFor: string) =>
  ({
    totp: totp.optional(),
    recovery_code: recoveryCode.optional(),
    passkey: z
      .looseObject({})
      .optional()
      .meta({
        description: `an object: the AuthenticationResponseJSON of a passkey, for ${passkeyFor}`,
      }),
  }) satisfies Readonly<Record<FactorName, z.ZodType>>;

type FactorInput = Readonly<Partial<Record<FactorName, unknown>>>;

const factorsSent = (input: FactorInput): readonly FactorName[] =>
  factorNames.filter((name) => input[name] !== undefined);

/** The strongest factor of a body. Undefined without one. */
export function factorOf(input: FactorInput): SentFactor | undefined {
  const [name] = factorsSent(input);
  // The schema has checked the member of this name.
  return name && ({ name, value: input[name] } as SentFactor);
}

/** Rejects with `invalid_request` for two. */
export function onlyFactorOf(input: FactorInput): SentFactor | undefined {
  if (factorsSent(input).length > 1)
    throw new AmphoError("invalid_request", 'Send one of "totp", "recovery_code" and "passkey".');
  return factorOf(input);
}
