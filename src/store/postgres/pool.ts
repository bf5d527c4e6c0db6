// A bounded set of connections. Whoever waits for one is served in order, urgent ones first; a connection that cannot be
// opened fails those that waited for it only where no other is open that they could have.
import { AmphoError } from "../../errors.js";
import type { StoreStats } from "../store.js";
import type { PostgresConnection } from "./connection.js";
import { PostgresFailure } from "./failure.js";

export interface Pool {
  /**
   * Rejects with PostgresFailure, or AmphoError `overloaded` when too many wait already. `maxAge`: one that has just been
   * opened or used, not one that nobody has used for a while.
   */
  take(waitMs: number, urgent: boolean, fresh?: boolean): Promise<PostgresConnection>;
  /** Back, whatever its state is. */
  give(connection: PostgresConnection): void;
  /** Those that nobody uses may be as dead as one that just did not answer. */
  dropIdle(): void;
  stats(): StoreStats;
  /** Resolves when those in use are back. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (connection: PostgresConnection) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
  readonly since: number;
  readonly urgent: boolean;
}

export interface PoolLimits {
  readonly connections: number;
  /** So many of them only urgent calls are given: the others may all be waiting for a lock. */
  readonly reserved: number;
  /** Beyond this they are refused, not kept in memory. */
  readonly waiting: number;
  readonly idleMs: number;
}

/** After a connection could not be opened. */
const pauseMs = 200;

export function createPool(open: () => Promise<PostgresConnection>, limits: PoolLimits): Pool {
  const idle = new Map<PostgresConnection, NodeJS.Timeout>();
  const waiting: Waiting[] = [];
  /** Those in use by calls that are not urgent. */
  const usual = new Set<PostgresConnection>();
  // `opened` counts those that are being opened, too.
  let [opened, opening, turns] = [0, 0, 0];
  let notBefore = 0;
  let closing: Promise<void> | undefined;
  let whenEmpty = () => {};

  /** How many more calls that are not urgent may have one. */
  const room = () => limits.connections - limits.reserved - usual.size;

  function takeIdle(urgent: boolean): PostgresConnection | undefined {
    if (!urgent && room() <= 0) return undefined;
    // The newest first: the others may grow old and go.
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

  /** The oldest that nobody uses. */
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

  /** How many of those that wait are urgent. They stand in front. */
  function urgentCount(): number {
    const at = waiting.findIndex(({ urgent }) => !urgent);
    return at === -1 ? waiting.length : at;
  }

  /** How many of those that wait could have one now. */
  function wanted(): number {
    const urgent = urgentCount();
    return urgent + Math.min(waiting.length - urgent, Math.max(room(), 0));
  }

  function grow(): void {
    if (closing || opened >= limits.connections || opening >= wanted()) return;
    // A server that has none left is not asked again and again while there are others to wait for.
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

  /** Whoever came later is the business of the next try. */
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
    take(waitMs, urgent, fresh = false) {
      if (closing) return Promise.reject(new PostgresFailure("lost"));
      if (fresh) makeRoom();
      const connection = fresh ? undefined : takeIdle(urgent);
      if (connection) return Promise.resolve(connection);
      if (waiting.length >= limits.waiting && !urgent)
        return Promise.reject(
          new AmphoError("overloaded", "the store has more to do than it can", { retryAfterSeconds: 1 }),
        );
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
        // Behind those that are urgent, too: else whoever came first among them would be served last.
        waiting.splice(urgent ? urgentCount() : waiting.length, 0, each);
        grow();
      });
    },
    give,
    dropIdle: () => {
      for (const connection of [...idle.keys()]) {
        connection.destroy();
        if (idle.has(connection)) discard(connection);
      }
    },
    // One that is being opened serves nobody yet.
    stats: () => ({ open: opened - opening, busy: opened - opening - idle.size, waiting: waiting.length }),
    close: () =>
      (closing ??= new Promise((resolve) => {
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
