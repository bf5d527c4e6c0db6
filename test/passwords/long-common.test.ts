// Common passwords that are long enough (OWASP ASVS 6.2.4): the first 3 000 that have 15 characters or more.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { longCommonPasswordDigests } from "../../dist/passwords/long-common-passwords.js";
import { createPasswordPolicy } from "../../dist/passwords/policy.js";

const policy = createPasswordPolicy({ passwordMin: 15, passwordWords: [] });
const about = { login: "alice", userId: undefined, origin: { actor: "user" } } as const;
const reasonOf = async (password: string) => (await policy.check(password, about))?.reason;

const vectors = new URL("../vectors/common-passwords/first-3000-of-15-characters.txt", import.meta.url);
const common = readFileSync(vectors, "utf8").trim().split("\n");

it("the 3 000 most common passwords of 15 characters or more are rejected without a network", async () => {
  expect(common.length).toBe(3_000);
  const accepted = [];
  for (const password of common) if ((await reasonOf(password)) === undefined) accepted.push(password);
  expect(accepted).toEqual([]);
});

it("they are rejected in capitals and with separators too", async () => {
  for (const password of ["PerAsperaAdAstra", "per aspera ad astra", "EFWE5TGWA5TWHGD"])
    expect(await reasonOf(password), password).toBe("too_common");
});

it("random passwords of the same length are accepted, and the digests need at most 32 kB", async () => {
  for (let times = 0; times < 2_000; times++)
    expect(await reasonOf(randomBytes(12).toString("base64url"))).toBeUndefined();
  expect(Buffer.byteLength(longCommonPasswordDigests, "utf8")).toBeLessThanOrEqual(32_768 + 1_024);
});
