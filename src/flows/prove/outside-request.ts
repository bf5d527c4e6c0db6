// The beginning of a login at an outside provider (docs/guides/providers.md). Nothing is written: the transaction holds the
// provider, and `state`, `nonce` and the PKCE verifier are derived from it.

import { equalText } from "../../crypto/equal.js";
import { AmphoError, transactionOver } from "../../errors.js";
import { isTransactionFor, type Redeemable } from "../../factors/transactions.js";
import type { Provider } from "../../providers/provider.js";
import { ProviderFailure } from "../../providers/provider.js";
import type { OutsideBegun } from "../../wire/begun.js";
import type { Caller, Deps } from "../deps.js";
import { providerDown, requireProvider } from "./identity.js";

export interface OutsideStart {
  readonly provider: string;
  /** A path of the application, to which the user returns. */
  readonly returnTo: string | undefined;
  /** The greatest age of the login at the provider, in seconds. */
  readonly maxAge?: number | undefined;
}

/** Rejects with `not_found` for an unknown provider, `invalid_request` for a wrong path, or `unavailable`. */
export async function beginOutside(deps: Deps, input: OutsideStart, _caller: Caller): Promise<Required<OutsideBegun>> {
  const { transactions, clock } = deps;
  const provider = requireProvider(deps, input.provider);
  const ret = requireReturnPath(deps, input.returnTo);
  const now = clock.now();
  const { maxAge: max } = input;
  const { token, begun } = transactions.beginOpen("outside", { prv: provider.settings.name, ret, max }, now);
  return outsideRequest(deps, provider, token, begun);
}

export async function outsideRequest(
  { transactions }: Pick<Deps, "transactions">,
  provider: Provider,
  transaction: string,
  begun: Redeemable & { readonly max?: number | undefined },
): Promise<Required<OutsideBegun>> {
  try {
    const url = await provider.authorizationUrl(transactions.outsideSecrets(begun), begun.max);
    return { url, transaction, expires: begun.exp };
  } catch (error) {
    throw error instanceof ProviderFailure ? providerDown(provider, error) : error;
  }
}

export interface OutsideRequest {
  readonly state: string;
  readonly returnTo: string | undefined;
  /** It links an identity to an account, and creates no session. */
  readonly links: boolean;
}

/** Reads the transaction of a response of a provider. Rejects with `transaction_over`, also for the `state` of another one. */
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
  throw new AmphoError("invalid_request", '"return_to" must be a path of the application, such as /cart.', {
    field: "return_to",
  });
}
