// An identity that an outside provider proves (docs/guides/providers.md), and how it passes the gate.
import type { Origin } from "../../audit/entry.js";
import { outsideMaxAgeSeconds } from "../../clock.js";
import { equalText } from "../../crypto/equal.js";
import { isTexts } from "../../crypto/json.js";
import { AmphoError, invalidRequest, transactionOver } from "../../errors.js";
import { isTransactionFor, type OpenTransaction, type Spendable } from "../../factors/transactions.js";
import {
  type OutsideIdentity,
  OutsideRejection,
  type OutsideResponse,
  type Provider,
  ProviderFailure,
} from "../../providers/provider.js";
import type { ProvenIdentity } from "../../store/sql/rows/identities.js";
import { attemptSourceOf } from "../../throttle/sources.js";
import type { OutsideBegun } from "../../wire/begun.js";
import type { Caller, Deps, Flow } from "../deps.js";
import { isDead, wrongCredentials } from "../find/errors.js";

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
 * Redeems the code at the provider, unless the transaction is over. Rejects with `invalid_credentials`,
 * `transaction_over` or `unavailable`.
 */
export async function identify(
  deps: Pick<Deps, "store" | "throttle" | "transactions" | "clock">,
  provider: Provider,
  transaction: Spendable,
  response: SentResponse,
  origin: Origin,
): Promise<OutsideIdentity> {
  if (await isDead(deps, transaction)) throw transactionOver();
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
 * When the user has signed in at the provider. Undefined: now. Rejects with `invalid_credentials` if the client asked
 * for a more recent login, or if the provider does not report a required time.
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
  issuer,
  subject,
  email,
  provider: settings.name,
});

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
  if (!isTexts(parts)) throw transactionOver();
  return parts;
}

/** The identity that a pending login links when it is granted. */
export const pendingIdentityOf = ({ idn }: { readonly idn?: string | undefined }) =>
  idn === undefined ? undefined : { proven: decodeIdentity(idn), isNew: true };

// The beginning of a login at a provider. `state`, `nonce` and the PKCE verifier are derived from its transaction.

export interface OutsideStart {
  readonly provider: string;
  readonly returnTo: string | undefined;
  readonly maxAge?: number | undefined;
}

/** Rejects with `not_found` for an unknown provider, `invalid_request` for a wrong path, or `unavailable`. */
export const beginOutside: Flow<Required<OutsideBegun>, OutsideStart> = async (deps, input) => {
  const { transactions, clock } = deps;
  const provider = requireProvider(deps, input.provider);
  const ret = requireReturnPath(deps, input.returnTo);
  const now = clock.now();
  const { maxAge: max } = input;
  const { token, begun } = transactions.beginOpen("outside", { prv: provider.settings.name, ret, max }, now);
  return outsideRequest(deps, provider, token, begun);
};

export async function outsideRequest(
  { transactions }: Pick<Deps, "transactions">,
  provider: Provider,
  transaction: string,
  begun: Spendable & { readonly max?: number | undefined },
): Promise<Required<OutsideBegun>> {
  try {
    const url = await provider.authorizationUrl(transactions.outsideSecrets(begun), begun.max);
    return { url, transaction, expires: begun.exp };
  } catch (error) {
    throw error instanceof ProviderFailure ? providerDown(provider, error) : error;
  }
}

interface OutsideRequest {
  readonly state: string;
  readonly returnTo: string | undefined;
  /** It links an identity to an account, and creates no session. */
  readonly links: boolean;
}

/** Reads the transaction of a response of a provider. Rejects with `transaction_over`, also for another `state`. */
export async function readOutsideRequest(
  { transactions, clock }: Deps,
  { transaction: token, state }: { readonly transaction: string; readonly state: string | undefined },
  _caller: Caller,
): Promise<OutsideRequest> {
  const links = isTransactionFor(token, "link");
  const now = clock.now();
  const transaction = links ? transactions.read(token, ["link"], now) : transactions.readOpen(token, ["outside"], now);
  if (state === undefined || !equalText(state, transactions.outsideSecrets(transaction).state)) throw transactionOver();
  return { state, returnTo: transaction.ret, links };
}

/** The characters of a path, a query and a fragment (RFC 3986 §3.3 to §3.5). A backslash would be read as a slash. */
const pathCharacters = /^\/(?!\/)[\w.~!$&'()*+,;=:@/?%#[\]-]{0,1023}$/;
/** Escapes of control characters and of a backslash, which some programs decode before they redirect. */
const wrongEscapes = /%(?:[01][0-9a-f]|7f|5c)|%(?![0-9a-f]{2})/i;

/** Returns the path unless it could lead to another origin. Throws `invalid_request`. */
export function requireReturnPath({ settings }: Pick<Deps, "settings">, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const origin = new URL(settings.appUrl ?? "").origin;
  const isPath = pathCharacters.test(path) && !wrongEscapes.test(path) && URL.canParse(path, origin);
  if (isPath && new URL(path, origin).origin === origin && !new URL(path, origin).pathname.startsWith("//"))
    return path;
  throw invalidRequest('"return_to" must be a path of the application, such as /cart.', "return_to");
}
