// A real `ampho serve` under attack, and what must hold afterwards. Nothing broke, nothing grew, nothing leaked,
// and each request left one line in the log.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, vi } from "vitest";
import { sendRaw } from "../http/raw.js";
import { freshFolder } from "../world/folder.js";
import { alice } from "../world/people.js";
import { bearer, type Grant } from "../world/requests.js";
import { addUser, freshPlace, logIn, type Served, startServe, unthrottled } from "../world/serve.js";

export const naughty: readonly string[] = JSON.parse(
  readFileSync(new URL("../vectors/naughty-strings/blns.json", import.meta.url), "utf8"),
);

/** Runs eight at a time. One after the other they would mostly wait for the disk. More hashes at once would be shed. */
export async function forEach<T>(
  items: readonly T[],
  act: (item: T, at: number) => Promise<void>,
  together = 8,
): Promise<number> {
  const entries = items.entries();
  const next = async () => {
    for (const [at, item] of entries) await act(item, at);
  };
  await Promise.all(Array.from({ length: together }, next));
  return items.length;
}

/** The old generation grows by up to 67 MiB within 24 000 requests, and shrinks to 11 MiB later. A leak would not shrink. */
const growthLimitBytes = 100 * 1024 * 1024;
/** Newer versions of Node let the young generation grow far beyond the limit that is checked here. 20 and 22 allow this. */
const youngGeneration = { NODE_OPTIONS: "--max-semi-space-size=16" };

export interface Siege {
  readonly served: Served;
  readonly grant: Grant;
  /** The session of another user, whose login an attack can change. */
  readonly other: Grant;
  /** Runs an attack, which returns the number of its requests, and checks the server by all of the above. */
  withstand(attack: () => Promise<number>): Promise<void>;
  end(): Promise<void>;
}

export async function layIn(env: Readonly<Record<string, string>> = {}): Promise<Siege> {
  // With every route enabled.
  const revocationFeedToken = randomBytes(32).toString("base64url");
  const place = freshPlace({
    ...unthrottled,
    ...youngGeneration,
    AMPHO_SECURITY_REVOCATION_FEED_TOKEN: revocationFeedToken,
    AMPHO_APP_URL: "https://app.example/",
    AMPHO_MAIL_URL: `file:${freshFolder()}`,
    AMPHO_MAIL_FROM: "no-reply@app.example",
    AMPHO_SECURITY_MAIL_LOGIN: "true",
    AMPHO_SECURITY_REGISTRATION: "open",
    ...env,
  });
  const mallory = { login: "mallory", password: alice.password };
  for (const user of [alice, mallory]) await addUser(place, user);
  const served = await startServe(place);
  const [grant, other] = [await logIn(served), await logIn(served, mallory)];
  const isGood = async () => (await fetch(`${served.url}/session`, { headers: bearer(grant.token) })).status === 200;
  let sent = 2;
  // A client comes again with a login that a busy machine has shed.
  const entries = () => served.entries().filter(({ error }) => error !== "overloaded");
  /** One line for each request. The line of a request that was cut off can come after its client has gone. */
  const hasOneLineEach = () =>
    vi.waitFor(() => expect(entries()).toHaveLength(sent), { timeout: 60_000, interval: 10 });
  // The memory of a server is comparable only after it has worked for a while and has freed much at once.
  const head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n";
  const large = Buffer.concat([Buffer.from(head), Buffer.alloc(5_000_000, "x")]);
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 50 }, isGood));
    await logIn(served);
    sent += 51;
  }
  let settled = 0;
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, () => sendRaw(served.port, large, { untilClosed: true, last: true })));
    sent += 20;
    settled = Math.max(settled, served.rssBytes());
  }
  await hasOneLineEach();

  async function withstand(attack: () => Promise<number>): Promise<void> {
    const written = served.stderr().length;
    // After an attack that got through, the next one is judged separately.
    sent = entries().length;
    sent += await attack();
    expect(await isGood()).toBe(true);
    sent += 1;
    await hasOneLineEach();
    expect(entries().filter(({ status }) => status >= 500)).toEqual([]);
    const log = served.stderr().slice(written);
    expect(log).not.toMatch(/internal error|[^\P{Cc}\n]/u);
    for (const secret of [revocationFeedToken, alice.password, grant.token, grant.refresh_token])
      expect(log).not.toContain(secret);
    expect(served.rssBytes() - settled).toBeLessThan(growthLimitBytes);
  }

  async function end(): Promise<void> {
    const { code } = await served.stop();
    expect(code).toBe(0);
  }

  return { served, grant, other, withstand, end };
}
