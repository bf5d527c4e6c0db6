// The stored session: the response of login or renew (docs/reference/contract.md §4), its time and renewal key.
import type { ClientSession, Grant } from "../wire/login.js";
import { clientSessionOf } from "./session.js";
import { type ClientStorage, createSerialQueue, reliably } from "./storage.js";
import { parse, randomId } from "./texts.js";

/** The tokens are absent where they are in cookies. */
type Stored = Pick<Grant, "ttl" | "leeway"> & {
  readonly [K in "token" | "refresh_token" | "device"]?: Grant[K] | undefined;
};

export interface StoredSession extends Stored {
  /** Random, so that one record is distinguished from the next one of its session. */
  readonly id: string;
  /** When the response came, by this device's clock in milliseconds. */
  readonly receivedMs: number;
  readonly session: ClientSession;
  /** The Idempotency-Key of the first attempt to renew. Every later attempt must send the same one. */
  readonly key?: string;
}

/** Rejects with `unavailable` for a response that is not Ampho's. With tokens in cookies, it has the session. */
export function storedSessionOf(grant: StoredSession): Promise<StoredSession> {
  return reliably(() => {
    // Members of the response that are shown once are not stored.
    const { token, refresh_token, ttl, leeway, device, session = clientSessionOf(grant) } = grant;
    return { token, refresh_token, ttl, leeway, device, session, id: randomId(), receivedMs: Date.now() };
  });
}

export const sidOf = (held: StoredSession | undefined): string | undefined => held?.session.session?.id;

/** `noticed` gets each session that is read or written, in order. Reads and writes of a client wait for each other. */
export function openRecords(
  storage: ClientStorage,
  name: string,
  noticed: (session: ClientSession | undefined) => void,
) {
  const inTurn = createSerialQueue();
  const read = async (): Promise<StoredSession | undefined> => {
    const value = parse(await storage.get(name)) as StoredSession | undefined;
    const held = value?.id ? value : undefined;
    noticed(held?.session);
    return held;
  };
  return {
    read: () => inTurn(read),
    /** Replaces the record with this id, or any record, and returns the former one. */
    replace: (next?: StoredSession, id?: string) =>
      inTurn(async () => {
        const former = await read();
        if (!id || former?.id === id) {
          await (next ? storage.set(name, JSON.stringify(next)) : storage.remove(name));
          noticed(next?.session);
        }
        return former;
      }),
  };
}

export type Records = ReturnType<typeof openRecords>;
