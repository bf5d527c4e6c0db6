// Connections of any user, for operators and for `ampho.connections`.
import { isStorableText } from "../../store/storable-text.js";
import { listConnectionsOf, toConnectionView, unregisteredName } from "../find/connection-views.js";
import * as check from "./checks.js";
import type { Management } from "./management.js";
import type { Manager } from "./manager.js";
import { changeService, requireService } from "./services.js";

export function manageConnections(m: Manager): Management["connections"] {
  const { store, clock, origin, reason, forUser } = m;
  return {
    list: forUser({}, (userId) => listConnectionsOf(m, userId)),
    listForClient: (client) => listOfClient(m, client),
    end: check.checked({ id: check.string }, async (id) =>
      isStorableText(id) ? store.endConnection({ id, userId: undefined, reason, now: clock.now(), origin }) : false,
    ),
    endForUser: forUser({}, (userId) =>
      store.endUserConnections({ userId, client: undefined, reason, now: clock.now(), origin }),
    ),
    endForClient: check.checked({ client: check.string }, (client) =>
      isUnregistered(client) ? endOfUnregistered(m, client) : changeService(m, client, { change: "connections_ended" }),
    ),
  };
}

const listedAtOnce = 500;

/** The id of a client that no operator has registered. */
const isUnregistered = (ref: string): boolean => isStorableText(ref) && unregisteredName(ref) !== undefined;

/** Users can connect to it again, unless AMPHO_SECURITY_CONNECT no longer names its host. */
async function endOfUnregistered({ store, clock, origin }: Manager, client: string): Promise<void> {
  for (let after: number | undefined = 0; after !== undefined; )
    after = await store.changeClientConnections({ client, how: "end", after, now: clock.now(), origin });
}

async function* listOfClient(m: Manager, ref: string) {
  check.string("client", ref);
  const host = isUnregistered(ref) ? unregisteredName(ref) : undefined;
  const { id: client, name } = host === undefined ? await requireService(m, ref) : { id: ref, name: host };
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await m.store.listClientConnections({ client, after, limit: listedAtOnce, now: m.clock.now() });
    for (const one of page.connections) yield { ...toConnectionView(one, name), userId: one.userId, login: one.login };
    after = page.next;
  }
}
