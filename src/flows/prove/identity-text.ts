// A proven identity as a transaction carries it.
import { transactionOver } from "../../errors.js";
import type { ProvenIdentity } from "../../store/sql/identities.js";

const verified = "verified";

/** The identity in a transaction: a text, because its parts can contain any character. */
export const encodeIdentity = (
  { provider, issuer, subject, email = "" }: ProvenIdentity,
  emailVerified = false,
): string => JSON.stringify([provider, issuer, subject, email, ...(emailVerified ? [verified] : [])]);

/** Throws `transaction_over` if a transaction has none. */
export function decodeIdentity(text: string | undefined): ProvenIdentity {
  const [provider = "", issuer = "", subject = "", email = ""] = partsOf(text);
  return { provider, issuer, subject, email: email === "" ? undefined : email };
}

export const hasVerifiedEmail = (text: string | undefined): boolean => partsOf(text)[4] === verified;

function partsOf(text: string | undefined): readonly string[] {
  const parts: unknown = text === undefined ? undefined : JSON.parse(text);
  const isTexts = (value: unknown): value is readonly string[] =>
    Array.isArray(value) && value.every((part) => typeof part === "string");
  if (!isTexts(parts)) throw transactionOver();
  return parts;
}

/** The identity that a pending login links when it is granted. */
export const pendingIdentityOf = ({ idn }: { readonly idn?: string | undefined }) =>
  idn === undefined ? undefined : { proven: decodeIdentity(idn), isNew: true };
