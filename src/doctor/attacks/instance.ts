// `ampho doctor --attack`: asks whether it may, makes users or takes the one it is given, tries, and leaves nothing behind.
import type { Key } from "../../keys/key.js";
import { openExchange } from "../exchange.js";
import type { Attack, Credentials, TokenRules } from "./attack.js";
import { askConsent, isPrivate } from "./consent.js";
import { type AttackResult, runAttacks } from "./run.js";
import { NoLogin, openTarget } from "./target.js";
import type { TestUserAccess } from "./test-users.js";

export interface AttackOptions {
  readonly attacks: readonly Attack[];
  /** Of the REST API, prefix included. */
  readonly api: URL;
  /** The first should be the server's. */
  readonly keys: readonly Key[] | undefined;
  readonly rules: TokenRules;
  /** Makes users in the server's store; not called before there is consent. Or the one user that there is. */
  readonly user: Credentials | (() => Promise<TestUserAccess>);
  /** Unix seconds. */
  readonly now: () => number;
  /** Leaves what has not begun, and cleans up. */
  readonly stop: AbortSignal;
}

export type AttackReport =
  /** Nothing was tried. */
  { readonly refused: string } | { readonly refused?: undefined; readonly results: readonly AttackResult[] };

/** Rejects with NoAnswer when there is no server, and as `lodge` does. */
export async function attackInstance(options: AttackOptions): Promise<AttackReport> {
  const { attacks, api, keys, rules, now, stop } = options;
  if (!isPrivate(api))
    return { refused: "over http it only attacks this machine: tokens would be seen on the way. Use https" };
  const exchange = openExchange(api);
  let lodging: TestUserAccess | undefined;
  try {
    const consent = await askConsent(exchange, keys, rules, now());
    if (!consent.given) return { refused: `nothing was attacked: ${consent.why}` };
    let user: Credentials;
    if (typeof options.user === "function") {
      lodging = await options.user();
      user = lodging.user;
    } else {
      user = options.user;
    }
    const target = openTarget({
      exchange,
      key: consent.key,
      rules,
      user,
      guests: lodging?.guests,
      now: () => now() + consent.skewSeconds,
    });
    try {
      await target.standing();
      return { results: await runAttacks(attacks, target, stop) };
    } catch (error) {
      if (error instanceof NoLogin) return { refused: `nothing was attacked: ${error.message}${hintFor(lodging)}` };
      throw error;
    } finally {
      await target.close();
    }
  } finally {
    exchange.close();
    await lodging?.leave();
  }
}

const hintFor = (lodging: TestUserAccess | undefined): string =>
  lodging === undefined ? "" : "; if the configured store is not the server's, use --login and --password-stdin";
