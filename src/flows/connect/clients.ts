// The clients to which users can connect their accounts, and how they authenticate at the token endpoint.
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import { isServiceId } from "../../logins/service-id.js";
import type { ServiceRow } from "../../store/sql/effects/service-changes.js";
import type { Caller, Deps } from "../deps.js";
import { unknownClient, verifyServiceAssertion } from "../machines/assertion.js";
import type { SentClient } from "../machines/tokens.js";

/** A client, however it is known. */
export interface ConnectClient {
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly redirects: readonly string[];
  /** The scopes of users that it can get. */
  readonly userScopes: readonly string[];
  readonly isPublic: boolean;
}

type ClientDeps = Pick<Deps, "store" | "settings">;

/** Undefined for a client that is unknown or disabled, or to which no user can connect. */
export async function findClient({ store, settings }: ClientDeps, id: string): Promise<ConnectClient | undefined> {
  if (!settings.connect.includes("registered") || !isServiceId(id)) return undefined;
  const service = await store.findService(id);
  return service?.id === id && !service.disabled ? toClient(service) : undefined;
}

function toClient({ id, name, redirects, userScopes = [], isPublic }: ServiceRow): ConnectClient | undefined {
  return redirects === undefined ? undefined : { id, name, redirects, userScopes, isPublic };
}

/** Rejects with `invalid_client`, `unauthorized_client` or `too_many_attempts`. */
export async function proveClient(deps: Deps, sent: SentClient, caller: Caller): Promise<ConnectClient> {
  if ("assertion" in sent) return requireClient(deps, await proveAssertion(deps, sent, caller));
  const client = await requireClient(deps, sent.serviceId);
  // A client with a key proves it each time (RFC 6749 §3.2.1).
  if (!("key" in sent) && !client.isPublic) throw unknownClient();
  return client;
}

/** Uses the assertion up before anything else of the request is looked at. Returns the `client_id`. */
const proveAssertion = (
  deps: Deps,
  sent: Extract<SentClient, { readonly assertion: string }>,
  caller: Caller,
): Promise<string> =>
  deps.guesses.limit(caller.address, randomId(), "invalid_client", async () => {
    const { serviceId, proof } = await verifyServiceAssertion(deps, sent.assertion);
    const { store, clock } = deps;
    const isFirst = "spending" in proof && (await store.useAssertion({ spending: proof.spending, now: clock.now() }));
    if (!isFirst || (sent.serviceId ?? serviceId) !== serviceId) throw unknownClient();
    return serviceId;
  });

async function requireClient(deps: Deps, id: string): Promise<ConnectClient> {
  const client = await findClient(deps, id);
  if (client !== undefined) return client;
  const service = isServiceId(id) ? await deps.store.findService(id) : undefined;
  if (service === undefined || service.id !== id || service.disabled) throw unknownClient();
  throw new AmphoError("unauthorized_client", "Users cannot connect to this client.");
}
