// The instance that is attacked, as the attacks see it. Every session that they open is closed afterwards.
import { randomBytes } from "node:crypto";
import type { Key } from "../../keys/key.js";
import { type Answer, type Exchange, headerOf, NoAnswer, type Sent } from "../exchange.js";
import {
  bearer,
  type Credentials,
  post,
  type Session,
  type Target,
  type TestUsers,
  type TokenRules,
} from "./attack.js";
import { parseSegment, segmentsOf } from "./forge.js";
import { givenBy } from "./grant.js";

export interface TargetOptions {
  readonly exchange: Exchange;
  readonly key: Key | undefined;
  readonly rules: TokenRules;
  readonly user: Credentials;
  readonly guests: TestUsers | undefined;
  /** The server's clock, Unix seconds. */
  readonly now: () => number;
}

/** The user of the attacks cannot log in: nothing can be tried. */
export class NoLogin extends Error {
  override readonly name = "NoLogin";
}

/** Logins are throttled by Ampho, and that is looked at; all else by somebody in front of it. */
const isLater = ({ path }: Sent, { status }: Answer): boolean =>
  status === 503 || (status === 429 && !path.startsWith("/login"));

const [retriesMax, pauseSecondsMax] = [3, 5];

export function openTarget(options: TargetOptions): Target & { close(): Promise<void> } {
  const { exchange, user } = options;
  const opened = new Set<string>();
  let standing: Promise<Session> | undefined;

  /** An answer that says "later" is none. */
  async function send(sent: Sent): Promise<Answer> {
    for (let retry = 0; ; retry++) {
      const answer = await exchange.send(sent);
      if (!isLater(sent, answer)) {
        note(answer);
        return answer;
      }
      if (retry === retriesMax) throw new NoAnswer(`the server answers ${answer.status}`);
      const seconds = Math.min(Number(headerOf(answer, "retry-after")) || 1, pauseSecondsMax);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }

  /** Also of a login that should not have worked: whatever was opened is closed. */
  function note(answer: Answer): void {
    const { token, refreshToken } = givenBy(answer);
    if (answer.status === 200 && token !== undefined && refreshToken !== undefined) opened.add(token);
  }

  async function open(who: Credentials = user): Promise<Session> {
    const answer = await send(post("/login", who));
    const { token, refreshToken, device, byCookies } = givenBy(answer);
    if (answer.status !== 200 || token === undefined || refreshToken === undefined)
      throw new NoLogin(answer.status === 429 ? throttled : `a login was answered ${answer.status}`);
    return { token, refreshToken, device, byCookies };
  }

  return {
    send,
    open,
    now: options.now,
    rules: options.rules,
    key: options.key,
    user,
    guests: options.guests,
    nobody: `doctor-${randomBytes(9).toString("hex")}`,
    async standing() {
      const present = await standing;
      if (present !== undefined && expiresOf(present.token) > options.now() + spareSeconds) return present;
      standing = open();
      return standing;
    },
    async close() {
      const ends = [...opened].map((token) =>
        exchange.send({ method: "POST", path: "/logout", headers: [bearer(token)] }),
      );
      // Those that ended in an attack are refused; an access token that has expired ends nothing any more.
      await Promise.allSettled(ends);
      exchange.close();
    },
  };
}

/** An attack takes no longer. */
const spareSeconds = 5;

const expiresOf = (token: string): number => Number(parseSegment(segmentsOf(token).payload)["exp"]);

const throttled =
  "this address has guessed too often and has to wait: `ampho throttle-clear --address`, or come back in some minutes";
