// An identity that an outside provider proves (docs/guides/providers.md), and how it passes the gate.

import type { Origin } from "../../audit/entry.js";
import { outsideMaxAgeSeconds } from "../../clock.js";
import { AmphoError } from "../../errors.js";
import type { OpenTransaction, Redeemable } from "../../factors/transactions.js";
import type { OutsideIdentity, OutsideResponse, Provider } from "../../providers/provider.js";
import { OutsideRejection, ProviderFailure } from "../../providers/provider.js";
import type { ProvenIdentity } from "../../store/sql/identities.js";
import { attemptSourceOf } from "../../throttle/sources.js";
import type { Deps } from "../deps.js";
import { wrongCredentials } from "../find/errors.js";

/** The response of a provider, and the callback to which it came. */
export interface SentResponse extends OutsideResponse {
  readonly provider: string;
}

export function requireProvider({ providers }: Pick<Deps, "providers">, name: string | undefined): Provider {
  const provider = name === undefined ? undefined : providers.find(name);
  if (provider === undefined) throw new AmphoError("not_found", "There is no provider of this name.");
  return provider;
}

/**
 * Redeems the code at the provider. Rejects with `invalid_credentials`, with `transaction_over` after five rejected codes, or
 * with `unavailable` if the provider does not work, or has too many logins of the address.
 */
export async function identify(
  deps: Pick<Deps, "store" | "transactions" | "clock">,
  provider: Provider,
  transaction: Redeemable,
  response: SentResponse,
  origin: Origin,
): Promise<OutsideIdentity> {
  try {
    // Mix-up (RFC 9700 §4.4): the code of one provider must not be sent to another one.
    if (response.provider !== provider.settings.name) throw new OutsideRejection("response");
    const source = attemptSourceOf(origin.address);
    return await provider.identify(response, deps.transactions.outsideSecrets(transaction), source);
  } catch (error) {
    if (error instanceof ProviderFailure) throw providerDown(provider, error);
    if (!(error instanceof OutsideRejection)) throw error;
    await recordRejected(deps, provider, error.reason, origin);
    throw wrongCredentials();
  }
}

/**
 * Returns when the user has signed in at the provider, whose silent login is as old as its session. Undefined: now, because the
 * configuration assumes it. Rejects with `invalid_credentials` if the client has asked for a more recent login, or if the provider
 * does not report the time, as it must then.
 */
export async function authTimeOf(
  deps: Pick<Deps, "store" | "clock" | "settings">,
  provider: Provider,
  { authTime }: OutsideIdentity,
  { iat, max }: OpenTransaction,
  origin: Origin,
): Promise<number | undefined> {
  const isRequired = provider.settings.authTime === "required";
  if (authTime === undefined && !isRequired) return undefined;
  // Without the time, the provider has at best kept to the `max_age` that every login sends.
  const known = authTime ?? iat - outsideMaxAgeSeconds;
  if (max === undefined || known >= iat - max - deps.settings.tokenLeeway) return known;
  await recordRejected(deps, provider, authTime === undefined ? "no_auth_time" : "auth_time", origin);
  throw wrongCredentials();
}

/** Writes one row a minute for each reason and address of the network. */
export async function recordRejected(
  { store, clock }: Pick<Deps, "store" | "clock">,
  { settings, isRecordable }: Provider,
  reason: string,
  origin: Origin,
): Promise<void> {
  const at = clock.now();
  const detail = { provider: settings.name };
  // One customer can have a whole /48 of IPv6, and so all the rows of a minute.
  const { network, address } = attemptSourceOf(origin.address) ?? {};
  if (isRecordable(`${reason} ${network ?? address}`, at))
    await store.recordAudit({ at, event: "identity_refused", reason, detail, origin });
}

/** The log of the operator gets the cause, and the client does not. */
export function providerDown(provider: Provider, failure: ProviderFailure): AmphoError {
  provider.report(failure);
  return new AmphoError("unavailable", "The provider cannot be used at the moment. Try again later.", {
    retryAfterSeconds: 10,
  });
}

export const provenOf = ({ settings }: Provider, { issuer, subject, email }: OutsideIdentity): ProvenIdentity => ({
  ...{ issuer, subject, email },
  provider: settings.name,
});
