// A limited set of connections. Calls wait for one in order, urgent calls first. A connection that cannot be opened
// fails the waiting calls only if no other connection is open.
import { AmphoError } from "../../errors.js";
import type { StoreStats } from "../store.js";
import type { PostgresConnection } from "./connection.js";
import { PostgresFailure } from "./failure.js";

export type Pool = ReturnType<typeof createPool>;

interface Waiting {
  readonly resolve: (connection: PostgresConnection) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
  readonly since: number;
  readonly urgent: boolean;
}

export interface PoolLimits {
  readonly connections: number;
  /** How many of them only urgent calls get, because all others might be waiting for a lock. */
  readonly reserved: number;
  /** Beyond this number waiting calls are rejected, not kept in memory. */
  readonly waiting: number;
  readonly idleMs: number;
}

/** The pause after a connection could not be opened. */
const pauseMs = 200;

export function createPool(open: () => Promise<PostgresConnection>, limits: PoolLimits) {
  const idle = new Map<PostgresConnection, NodeJS.Timeout>();
  const waiting: Waiting[] = [];
  /** The connections in use by calls that are not urgent. */
  const usual = new Set<PostgresConnection>();
  // `opened` includes the connections that are being opened.
  let [opened, opening, turns] = [0, 0, 0];
  let notBefore = 0;
  let closing: Promise<void> | undefined;
  let whenEmpty = () => {};

  /** How many more calls that are not urgent can have a connection. */
  const room = () => limits.connections - limits.reserved - usual.size;

  function takeIdle(urgent: boolean): PostgresConnection | undefined {
    if (!urgent && room() <= 0) return undefined;
    // The newest first, so that the others grow old and are closed.
    const connection = [...idle.keys()].at(-1);
    if (connection) leaveIdle(connection);
    if (connection && !urgent) usual.add(connection);
    return connection;
  }

  function leaveIdle(connection: PostgresConnection): void {
    clearTimeout(idle.get(connection));
    idle.delete(connection);
    connection.hold(true);
  }

  /** Closes the oldest idle connection if there is no room for another. */
  function makeRoom(): void {
    const [oldest] = idle.keys();
    if (opened >= limits.connections && oldest) discard(oldest);
  }

  function forget(): void {
    opened -= 1;
    if (opened === 0) whenEmpty();
    grow();
  }

  function discard(connection: PostgresConnection): void {
    leaveIdle(connection);
    if (connection.usable) connection.end();
    forget();
  }

  /** How many waiting calls are urgent. They are at the front. */
  function urgentCount(): number {
    const at = waiting.findIndex(({ urgent }) => !urgent);
    return at === -1 ? waiting.length : at;
  }

  /** How many waiting calls could have a connection now. */
  function wanted(): number {
    const urgent = urgentCount();
    return urgent + Math.min(waiting.length - urgent, Math.max(room(), 0));
  }

  function grow(): void {
    if (closing || opened >= limits.connections || opening >= wanted()) return;
    // A server without free connections is not asked again and again while there are connections to wait for.
    if (opened > 0 && performance.now() < notBefore) return;
    [opened, opening] = [opened + 1, opening + 1];
    const since = ++turns;
    open().then(
      (connection) => {
        opening -= 1;
        connection.onLost(() => {
          if (idle.has(connection)) discard(connection);
        });
        give(connection);
      },
      (error: Error) => {
        opening -= 1;
        notBefore = performance.now() + pauseMs;
        if (opened - opening <= 1) failWaiting(since, error);
        forget();
      },
    );
  }

  /** Fails the calls that came before the next attempt began. Later calls wait for that one. */
  function failWaiting(since: number, error: Error): void {
    for (const each of waiting.filter((one) => one.since <= since)) {
      remove(each);
      each.reject(error);
    }
  }

  function remove(each: Waiting): void {
    clearTimeout(each.timer);
    const at = waiting.indexOf(each);
    if (at >= 0) waiting.splice(at, 1);
  }

  /** Takes a connection back, whatever its state. */
  function give(connection: PostgresConnection): void {
    usual.delete(connection);
    if (!connection.usable || closing) {
      discard(connection);
      return;
    }
    const [next] = waiting;
    if (next && (next.urgent || room() > 0)) {
      remove(next);
      if (!next.urgent) usual.add(connection);
      next.resolve(connection);
      return;
    }
    connection.hold(false);
    const timer = setTimeout(() => discard(connection), limits.idleMs);
    timer.unref();
    idle.set(connection, timer);
  }

  return {
    /** Rejects with PostgresFailure, or AmphoError `overloaded` if too many calls wait. `fresh`: no idle connection. */
    take(waitMs: number, urgent: boolean, fresh = false): Promise<PostgresConnection> {
      if (closing) return Promise.reject(new PostgresFailure("lost"));
      if (fresh) makeRoom();
      const connection = fresh ? undefined : takeIdle(urgent);
      if (connection) return Promise.resolve(connection);
      if (waiting.length >= limits.waiting && !urgent)
        return Promise.reject(new AmphoError("overloaded", "The database is overloaded.", { retryAfterSeconds: 1 }));
      return new Promise((resolve, reject) => {
        const each: Waiting = {
          resolve,
          reject,
          since: turns,
          urgent,
          timer: setTimeout(() => {
            remove(each);
            reject(new PostgresFailure("late"));
          }, waitMs),
        };
        // Behind earlier urgent calls, because otherwise the first of them would be last.
        waiting.splice(urgent ? urgentCount() : waiting.length, 0, each);
        grow();
      });
    },
    give,
    /** Closes all idle connections, which can be as dead as one that just did not respond. */
    dropIdle: () => {
      for (const connection of [...idle.keys()]) {
        connection.destroy();
        if (idle.has(connection)) discard(connection);
      }
    },
    // A connection that is being opened is no use yet.
    stats: (): StoreStats => ({ open: opened - opening, busy: opened - opening - idle.size, waiting: waiting.length }),
    /** Resolves when all connections in use are back. */
    close: () =>
      (closing ??= new Promise<void>((resolve) => {
        whenEmpty = resolve;
        for (const each of [...waiting]) {
          remove(each);
          each.reject(new PostgresFailure("lost"));
        }
        for (const connection of [...idle.keys()]) discard(connection);
        if (opened === 0) resolve();
      })),
  };
}
