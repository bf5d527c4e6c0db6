// What is kept of a session: the answer of login or renew (contract §4), when it came, and the key of a renewal under way.
import { type Session, sessionOf } from "./session.js";
import { hasText } from "./shape.js";
import { type ClientStorage, reliably } from "./storage.js";
import { parse, unreachable } from "./wire.js";

interface Grant {
  readonly token: string;
  readonly refresh_token: string;
  readonly ttl: number;
  readonly leeway: number;
  readonly device?: string;
}

export interface StoredSession extends Grant {
  /** When the answer came, by this device's clock; milliseconds. */
  readonly receivedMs: number;
  readonly session: Session;
  /** Of the first try to renew; every later one has to say the same. */
  readonly key?: string;
}

/** Throws `unavailable` when the answer is none of Ampho's. */
export function storedSessionOf(answer: unknown): StoredSession {
  try {
    if (hasText<Grant>(answer, "refresh_token"))
      return { ...answer, receivedMs: Date.now(), session: sessionOf(answer.token) };
  } catch {
    // It has the fields, but not the token.
  }
  throw unreachable();
}

export const sidOf = (held: StoredSession | undefined): string | undefined => held?.session.session?.id;

export interface Records {
  /** Runs what uses the storage after all else that does; rejects with `unavailable` when the storage fails. */
  inTurn<T>(work: () => T | Promise<T>): Promise<T>;
  read(): Promise<StoredSession | undefined>;
  /** Puts `next` in the place of the one with this refresh token, or of any; gives back what stood there. */
  replace(next: StoredSession | undefined, refreshToken?: string): Promise<StoredSession | undefined>;
}

/** `noticed` gets what is read or written, in that order: reads and writes of one client wait for each other. */
export function openRecords(
  storage: ClientStorage,
  name: string,
  noticed: (session: Session | undefined) => void,
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
