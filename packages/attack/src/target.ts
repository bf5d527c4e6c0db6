// The attacked instance, as the attacks see it. Every session that an attack opens is ended afterwards.
import { randomBytes } from "node:crypto";
import {
  bearerHeader,
  post,
  type Session,
  type Target,
  type TestUsers,
  type TokenRules,
  type UserCredentials,
} from "./attack.js";
import { type Exchange, headerOf, NoResponse, type Received, type Sent } from "./exchange.js";
import { parseSegment, segmentsOf } from "./forge.js";
import { grantOf } from "./grant.js";
import type { Key } from "./key.js";

export interface TargetOptions {
  readonly exchange: Exchange;
  readonly key: Key | undefined;
  readonly rules: TokenRules;
  readonly origin: string;
  readonly user: UserCredentials;
  readonly testUsers: TestUsers | undefined;
  /** The server's clock, Unix seconds. */
  readonly now: () => number;
}

/** The user of the attacks cannot log in, so no attack can run. */
export class LoginFailure extends Error {
  override readonly name = "LoginFailure";
}

/** A proxy asks the client to wait. A 429 for a login, a mail or a key comes from Ampho itself, and the attacks check it. */
const isLater = ({ path }: Sent, { status }: Received): boolean =>
  status === 503 || (status === 429 && !/^\/(?:login|password\/reset|token|introspect)\b/.test(path));

const [retriesMax, pauseSecondsMax] = [3, 5];

export function openTarget(options: TargetOptions): Target & { close(): Promise<void> } {
  const { exchange, user } = options;
  const opened = new Set<string>();
  let sharedSession: Promise<Session> | undefined;

  /** Repeats a request that the server asked to send later. */
  async function send(sent: Sent): Promise<Received> {
    for (let retry = 0; ; retry++) {
      const response = await exchange.send(sent);
      if (!isLater(sent, response)) {
        note(response);
        return response;
      }
      if (retry === retriesMax) throw new NoResponse(`The server keeps returning ${response.status}.`);
      const seconds = Math.min(Number(headerOf(response, "retry-after")) || 1, pauseSecondsMax);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }

  /** Remembers every opened session, also of a login that should have failed, so that it is ended. */
  function note(response: Received): void {
    const { token, refreshToken } = grantOf(response);
    if (response.status === 200 && token !== undefined && refreshToken !== undefined) opened.add(token);
  }

  async function openSession(who: UserCredentials = user): Promise<Session> {
    const response = await send(post("/login", who));
    const { token, refreshToken, device, byCookies } = grantOf(response);
    if (response.status !== 200 || token === undefined || refreshToken === undefined)
      throw new LoginFailure(response.status === 429 ? throttled : `A login returned ${response.status}.`);
    return { token, refreshToken, device, byCookies };
  }

  return {
    send,
    openSession,
    now: options.now,
    rules: options.rules,
    origin: options.origin,
    key: options.key,
    user,
    testUsers: options.testUsers,
    unknownLogin: `attack-${randomBytes(9).toString("hex")}`,
    async sharedSession() {
      const present = await sharedSession;
      if (present !== undefined && expiresOf(present.token) > options.now() + spareSeconds) return present;
      sharedSession = openSession();
      return sharedSession;
    },
    async close() {
      const ends = [...opened].map((token) =>
        exchange.send({ method: "POST", path: "/logout", headers: [bearerHeader(token)] }),
      );
      // The server rejects the logout of a session that has already ended.
      await Promise.allSettled(ends);
      exchange.close();
    },
  };
}

/** Longer than any attack takes. */
const spareSeconds = 5;

const expiresOf = (token: string): number => Number(parseSegment(segmentsOf(token).payload)["exp"]);

const throttled = "This address is throttled. Run `ampho throttle-clear --address`, or wait some minutes.";
