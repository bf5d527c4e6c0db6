// The identities of a line of an import: the accounts of a user at outside providers. Nothing proves them. The operator vouches
// for them, as for a hash.
import { identitiesMax, type ProvenIdentity } from "../store/sql/identities.js";

/** A configured provider, as an import knows it. */
export interface ImportProvider {
  readonly name: string;
  /** One, or one for each tenant. */
  readonly issuers: readonly string[];
}

export type ImportedIdentity = Omit<ProvenIdentity, "email">;

type Wrong = { readonly wrong: string };
const wrong = (reason: string): Wrong => ({ wrong: reason });

/** Undefined: the line has none. The reasons contain nothing of the line. */
export function readIdentities(
  value: unknown,
  providers: readonly ImportProvider[],
): readonly ImportedIdentity[] | Wrong | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > identitiesMax)
    return wrong(`The identities are not an array of at most ${identitiesMax} objects.`);
  const identities: ImportedIdentity[] = [];
  for (const each of value as readonly unknown[]) {
    const read = readIdentity(each, providers);
    if ("wrong" in read) return read;
    identities.push(read);
  }
  const texts = identities.map(({ issuer, subject }) => JSON.stringify([issuer, subject]));
  return new Set(texts).size < texts.length ? wrong("Two identities are the same.") : identities;
}

function readIdentity(value: unknown, providers: readonly ImportProvider[]): ImportedIdentity | Wrong {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return wrong("An identity is not an object.");
  const { provider: name, issuer, subject, ...others }: Readonly<Record<string, unknown>> = { ...value };
  if (Object.keys(others).length > 0)
    return wrong("An identity has an unknown member. The members are provider, issuer, subject.");
  // OpenID Connect Core §2.
  if (typeof subject !== "string" || !/^[\x20-\x7e]{1,255}$/.test(subject))
    return wrong("The subject of an identity is not a text of 1 to 255 ASCII characters.");
  const found = providers.find((each) =>
    name === undefined ? typeof issuer === "string" && each.issuers.includes(issuer) : each.name === name,
  );
  // With another issuer, no login would find the identity.
  if (found === undefined)
    return wrong(
      "An identity is of no provider in AMPHO_SECURITY_PROVIDERS. Give the name as provider, or the exact issuer.",
    );
  const [only, ...more] = found.issuers;
  const chosen = issuer ?? (more.length === 0 ? only : undefined);
  if (chosen === undefined)
    return wrong("The provider of an identity has several issuers. Give the issuer of the tenant.");
  if (typeof chosen !== "string" || !found.issuers.includes(chosen))
    return wrong("The issuer of an identity is not one of its provider.");
  return { provider: found.name, issuer: chosen, subject };
}
