// The tests of an application can fake the timers of the process (docs/guides/testing.md).
import { randomBytes } from "node:crypto";
import { afterEach, expect, it, vi } from "vitest";
import { createAmpho } from "../../dist/index.js";

afterEach(() => void vi.useRealTimers());

it.each([
  ["Date alone", { toFake: ["Date" as const] }],
  ["what Vitest fakes by default", undefined],
])("the database responds while an application's tests fake %s, and tokens follow the faked time", async (_, fakes) => {
  vi.useFakeTimers(fakes);
  const key = { kty: "oct", k: randomBytes(32).toString("base64url") };
  const ampho = await createAmpho({ databaseUrl: "sqlite::memory:", log: () => {}, key });
  const { id } = await ampho.users.create({ login: "ann" });
  const { token } = await ampho.sessions.create(id);
  expect(ampho.verifySync(token).login).toBe("ann");
  vi.setSystemTime(Date.now() + 1_000_000);
  expect(() => ampho.verifySync(token)).toThrow("expired");
  await ampho.close();
});
