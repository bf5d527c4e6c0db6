// The stored session: the response of login or renew (docs/contract.md §4), its time, and the key of a renewal under way.
import { type ClientSession, clientSessionOf } from "./session.js";
import { hasText } from "./shape.js";
import { type ClientStorage, reliably } from "./storage.js";
import { parse, unavailable } from "./wire.js";

export interface StoredSession {
  readonly token: string;
  readonly refresh_token: string;
  readonly ttl: number;
  readonly leeway: number;
  readonly device?: string;
  /** When the response came, by this device's clock in milliseconds. */
  readonly receivedMs: number;
  readonly session: ClientSession;
  /** The Idempotency-Key of the first attempt to renew. Every later attempt must send the same one. */
  readonly key?: string;
}

/** Throws `unavailable` for a response that is not Ampho's. */
export function storedSessionOf(body: unknown): StoredSession {
  try {
    if (hasText<StoredSession>(body, "refresh_token"))
      return { ...body, receivedMs: Date.now(), session: clientSessionOf(body.token) };
  } catch {
    // The fields are there, but the token is not one.
  }
  throw unavailable();
}

export const sidOf = (held: StoredSession | undefined): string | undefined => held?.session.session?.id;

export interface Records {
  /** Runs work with the storage after all earlier work. Rejects with `unavailable` if the storage fails. */
  inTurn<T>(work: () => T | Promise<T>): Promise<T>;
  read(): Promise<StoredSession | undefined>;
  /** Replaces the session that has this refresh token, or any session, and returns the former one. */
  replace(next: StoredSession | undefined, refreshToken?: string): Promise<StoredSession | undefined>;
}

/** `noticed` gets each session that is read or written, in order. Reads and writes of one client wait for each other. */
export function openRecords(
  storage: ClientStorage,
  name: string,
  noticed: (session: ClientSession | undefined) => void,
): Records {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => T | Promise<T>): Promise<T> => {
    const result = last.then(() => reliably(work));
    last = result.catch(() => {});
    return result;
  };
  const read = async (): Promise<StoredSession | undefined> => {
    const value = parse((await storage.get(name)) ?? "");
    const held = hasText<StoredSession>(value, "refresh_token") ? value : undefined;
    noticed(held?.session);
    return held;
  };
  return {
    inTurn,
    read: () => inTurn(read),
    replace: (next, refreshToken) =>
      inTurn(async () => {
        const former = await read();
        if (!refreshToken || former?.refresh_token === refreshToken) {
          await (next ? storage.set(name, JSON.stringify(next)) : storage.remove(name));
          noticed(next?.session);
        }
        return former;
      }),
  };
}
