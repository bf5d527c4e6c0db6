// `ampho doctor --attack`: checks consent, creates test users or uses the given user, runs the attacks, and cleans up.
import type { Key } from "../../keys/key.js";
import { openExchange } from "../exchange.js";
import type { Attack, TokenRules, UserCredentials } from "./attack.js";
import { askConsent, isConfidential } from "./consent.js";
import { type AttackResult, runAttacks } from "./run.js";
import { LoginFailure, openTarget } from "./target.js";
import type { TestUserAccess } from "./test-users.js";

export interface AttackOptions {
  readonly attacks: readonly Attack[];
  /** The URL of the REST API, prefix included. */
  readonly api: URL;
  /** The first should be the server's key. */
  readonly keys: readonly Key[] | undefined;
  readonly rules: TokenRules;
  /** One user, or a function that creates test users in the server's database. It is called after consent. */
  readonly user: UserCredentials | (() => Promise<TestUserAccess>);
  /** Unix seconds. */
  readonly now: () => number;
  /** Skips the remaining attacks and cleans up. */
  readonly stop: AbortSignal;
}

export type AttackReport =
  /** No attack ran. */
  { readonly notStarted: string } | { readonly notStarted?: undefined; readonly results: readonly AttackResult[] };

/** Rejects with NoResponse if there is no server, and with the errors of `createTestUsers`. */
export async function attackInstance(options: AttackOptions): Promise<AttackReport> {
  const { attacks, api, keys, rules, now, stop } = options;
  if (!isConfidential(api))
    return {
      notStarted:
        "Over http, only this machine can be attacked, because an attacker on the network path could read the tokens. Use https.",
    };
  const exchange = openExchange(api);
  let testUserAccess: TestUserAccess | undefined;
  try {
    const consent = await askConsent(exchange, keys, rules, now());
    if (!consent.given) return { notStarted: `No attack ran. ${consent.why}` };
    let user: UserCredentials;
    if (typeof options.user === "function") {
      testUserAccess = await options.user();
      user = testUserAccess.user;
    } else {
      user = options.user;
    }
    const target = openTarget({
      exchange,
      key: consent.key,
      rules,
      user,
      testUsers: testUserAccess?.testUsers,
      now: () => now() + consent.skewSeconds,
    });
    try {
      await target.sharedSession();
      return { results: await runAttacks(attacks, target, stop) };
    } catch (error) {
      if (error instanceof LoginFailure)
        return { notStarted: `No attack ran. ${error.message}${hintFor(testUserAccess)}` };
      throw error;
    } finally {
      await target.close();
    }
  } finally {
    exchange.close();
    await testUserAccess?.deleteAll();
  }
}

const hintFor = (testUserAccess: TestUserAccess | undefined): string =>
  testUserAccess === undefined
    ? ""
    : " If the configured database is not the database of the server, use --login and --password-stdin.";
