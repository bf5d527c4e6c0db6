// The part of a device proof that remembers the device. test/throttle/known-devices.test.ts has the rest.
import { describe, expect, it } from "vitest";
import { createDeviceProofs, joinProofs } from "../../dist/factors/device-proofs.js";
import { importKeys } from "../../dist/signing-keys/jwk-set.js";
import { deviceProof } from "../../dist/tokens/jwt.js";
import { createKeyring } from "../../dist/tokens/keyring.js";
import { start } from "../world/clock.js";
import { claimsOf, newKey } from "../world/tokens.js";

const settings = {
  tokenLeeway: 60,
  tokenIssuer: undefined,
  tokenAudience: undefined,
  tokenForeignTtl: 86_400,
  resources: [],
};
const keyring = createKeyring(importKeys(newKey("key-1")).keys, settings, { revokedKeys: new Set() });
const { issue, readAll, readOf } = createDeviceProofs(keyring);
const read = (proof: string, now: number) => readAll(proof, now)[0];
const ann = { id: "user-1", stored: { passwordVersion: 2 } };
const remember = { until: start + 1000, factorsVersion: 5, devicesVersion: 0 };

describe("a remembered device", () => {
  it("a proof remembers the device until its time, and stays a proof afterwards", () => {
    const proof = issue(ann, "device-1", start, remember);
    const known = { userId: "user-1", deviceId: "device-1", passwordVersion: 2 };
    expect(claimsOf(proof)).toMatchObject({ rem: start + 1000, fv: 5 });
    expect(read(proof, start)).toEqual({ ...known, remember });
    expect(read(proof, start + 999)).toEqual({ ...known, remember });
    expect(read(proof, start + 1000)).toEqual({ ...known, remember: undefined });
  });

  it("the next proof of a device remembers it as long as the one before", () => {
    const before = read(issue(ann, undefined, start, remember), start + 10);
    const next = issue(ann, before?.deviceId, start + 10, before?.remember);
    expect(read(next, start + 20)).toEqual(before);
    expect(read(next, start + 1000)?.remember).toBeUndefined();
  });

  it("a proof without a remembered device has neither claim", () => {
    const proof = issue(ann, undefined, start);
    expect(Object.keys(claimsOf(proof))).toEqual(["sub", "did", "pwv", "iat", "exp"]);
    expect(read(proof, start)?.remember).toBeUndefined();
  });

  it("a proof with half of the claims remembers nothing, and one with a wrong type is no proof", () => {
    const sign = (more: object) =>
      keyring.sign(deviceProof, { sub: "user-1", did: "d", iat: start, exp: start + 600, ...more });
    expect(read(sign({ rem: start + 10 }), start)).toMatchObject({ deviceId: "d", remember: undefined });
    expect(read(sign({ fv: 5 }), start)).toMatchObject({ deviceId: "d", remember: undefined });
    for (const more of [{ rem: "9", fv: 5 }, { rem: 1.5, fv: 5 }, { rem: start + 10, fv: null }, { fv: [5] }])
      expect(read(sign(more), start)).toBeUndefined();
  });
});

describe("the proofs of a browser", () => {
  const users = ["user-1", "user-2", "user-3", "user-4"].map((id) => ({ ...ann, id }));
  const joinAll = (owners: readonly (typeof ann)[]) =>
    owners.reduce<string | undefined>((all, owner) => joinProofs(issue(owner, owner.id, start), all), undefined);

  it("a browser keeps the proofs of the last three users, and one of each", () => {
    const [first, second] = users;
    if (first === undefined || second === undefined) throw new Error("there are four users");
    const usersOf = (sent: string | undefined) => readAll(sent, start).map(({ userId }) => userId);
    expect(usersOf(joinAll(users))).toEqual(["user-4", "user-3", "user-2"]);
    expect(usersOf(joinAll([first, second, first]))).toEqual(["user-1", "user-2"]);
    expect(readOf(second, joinAll([first, second, first]), start)?.deviceId).toBe("user-2");
  });

  it("the proofs of users with long ids fit into a cookie, and the newest ones are kept", () => {
    const owners = ["a", "b", "c"].map((letter) => ({ ...ann, id: letter.repeat(500) }));
    const sent = joinAll(owners) ?? "";
    expect(sent.length).toBeLessThanOrEqual(4000);
    expect(readAll(sent, start).map(({ userId }) => userId[0])).toEqual(["c", "b"]);
  });

  it("a text that is no proof is not kept, and hides no proof", () => {
    const proof = issue(ann, "device-1", start);
    for (const other of ["", "x", "a.b.c", `${proof}~`, "~".repeat(1000)]) {
      expect(joinProofs(proof, other)).toBe(proof);
    }
    const forged = `${proof.slice(0, -4)}AAAA`;
    expect(readOf(ann, `${forged}~${proof}`, start)?.deviceId).toBe("device-1");
    expect(readOf(ann, forged, start)).toBeUndefined();
  });
});
