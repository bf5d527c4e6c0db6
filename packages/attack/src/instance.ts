// One run: checks consent, creates test users or uses the given user, runs the attacks, and cleans up.
import type { Attack, TokenRules, UserCredentials } from "./attack.js";
import { askConsent, isConfidential } from "./consent.js";
import { openExchange } from "./exchange.js";
import type { Key } from "./key.js";
import { type AttackResult, runAttacks } from "./run.js";
import { LoginFailure, openTarget } from "./target.js";
import type { TestUserAccess } from "./test-users.js";

export interface AttackOptions {
  readonly attacks: readonly Attack[];
  /** The URL of the REST API, prefix included. */
  readonly api: URL;
  /** The server's key, if it is known. */
  readonly key: Key | undefined;
  readonly rules: TokenRules;
  /** True if the operator has typed the host a second time. */
  readonly ownsHost: boolean;
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
  const { attacks, api, key, rules, ownsHost, now, stop } = options;
  if (!isConfidential(api))
    return {
      notStarted:
        "Over http, only this machine can be attacked, because an attacker on the network path could read the tokens. Use https.",
    };
  const exchange = openExchange(api);
  let testUserAccess: TestUserAccess | undefined;
  try {
    const consent = await askConsent({ exchange, api, key, rules, ownsHost, nowSeconds: now() });
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
      origin: api.origin,
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
