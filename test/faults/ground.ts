// The subject of the faults: a database with users, and applications on it.
import { randomBytes } from "node:crypto";
import { createAmpho } from "../../dist/ampho.js";
import { createLedger, type Ledger } from "./ledger.js";

/** Every attempt has to reach the database here. Throttling has tests of its own. */
export const unthrottled = {
  throttleAttempts: 1_000_000,
  throttleLock: 1_000_000,
  throttleAddress: 0,
};

export const keyOfAll = { kty: "oct", alg: "HS256", kid: "key-1", k: randomBytes(32).toString("base64url") };

/** Creates so many users, and the ledger that knows their passwords. */
export async function people(
  databaseUrl: string,
  count: number,
): Promise<{ ledger: Ledger; logins: readonly string[] }> {
  const ledger = createLedger();
  const ampho = await createAmpho({ key: keyOfAll, databaseUrl, databaseMigrate: "off", log: () => {} });
  const logins = Array.from({ length: count }, (_, at) => `user${at}`);
  for (const login of logins) {
    const password = `heron violet tumbrel ${randomBytes(4).toString("hex")}`;
    await ampho.users.create({ login, password });
    ledger.passwordSet(login, password);
  }
  await ampho.close();
  return { ledger, logins };
}

/** One line for each trial, in the output of the test. */
export function tableOf(
  outcomes: readonly {
    readonly fault: string;
    readonly recoveryMs: number;
    readonly acknowledged: number;
    readonly lost: number;
  }[],
): string {
  const lines = outcomes.map(({ fault, recoveryMs, acknowledged, lost }) =>
    [
      fault.padEnd(56),
      `${Math.round(recoveryMs)} ms`.padStart(8),
      String(acknowledged).padStart(12),
      String(lost).padStart(5),
    ].join(" "),
  );
  return [`${"fault".padEnd(56)} recovery acknowledged  lost`, ...lines, ""].join("\n");
}
