// Levels of a login, the claim `acr`. A higher level satisfies every requirement for a lower one.

/** All levels, weakest first. `phr` (phishing-resistant) is the word of OpenID EAP ACR Values 1.0, section 4. */
export const acrs = ["1fa", "2fa", "phr"] as const;

/** The meaning of each level, for docs/reference/claims.md. */
export const acrTexts: Readonly<Record<Acr, string>> = {
  "1fa": "The user proved one factor, such as a password, a mailbox or an outside identity.",
  "2fa": "The user proved two factors.",
  phr: "The user proved a passkey with another factor, which phishing cannot take.",
};

/** The level of a login, weakest first: a password or a mailbox (`1fa`), two factors (`2fa`), a passkey (`phr`). */
export type Acr = (typeof acrs)[number];

const order: readonly string[] = acrs;

/** Returns the place of a level in the order, from 1. An absent or unknown level has 0, which is below every level. */
export const rankOfAcr = (acr: string | undefined): number => (acr === undefined ? 0 : order.indexOf(acr) + 1);

/**
 * True if `acr` satisfies the requirement of `required`. An unknown level satisfies none, and no login satisfies an
 * unknown one, so that a misspelled one in an application without types rejects.
 */
export function reaches(acr: string | undefined, required: Acr): boolean {
  const needed = rankOfAcr(required);
  return needed > 0 && rankOfAcr(acr) >= needed;
}

export const higherOf = (one: Acr, other: Acr): Acr => (reaches(one, other) ? one : other);
