// The functions of docs/guides/importing.md for passkeys, with the registrations of the real `@simplewebauthn/server`.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { verifyRegistrationResponse } from "@simplewebauthn/server";
import { expect, it } from "vitest";
import {
  authenticate,
  base64url,
  createSubject,
  origin,
  register,
  rpId,
  type Subject,
} from "../factors/webauthn/authenticator.js";
import { challengeOf, passkeySettings } from "../gate/passkey-owners.js";
import { openWorld } from "../world/ampho.js";
import { freshFolder } from "../world/folder.js";
import { claimsOf } from "../world/tokens.js";
import { snippets } from "./snippets.js";

type Mapping = (record: object) => Readonly<Record<string, unknown>>;

/** The module of the page. */
async function mappings(): Promise<{ readonly fromSimpleWebAuthn: Mapping; readonly fromBetterAuth: Mapping }> {
  const file = path.join(freshFolder(), "passkey-records.mjs");
  writeFileSync(file, snippets("docs/guides/importing.md", "passkey-records.mjs")["passkey-records.mjs"] ?? "");
  return import(file);
}

/** A registration as both systems verify it. */
async function registerThere(subject: Subject) {
  const challenge = randomBytes(32);
  const response = register(subject, challenge);
  const { registrationInfo } = await verifyRegistrationResponse({
    response,
    expectedChallenge: base64url(challenge),
    expectedOrigin: origin,
    expectedRPID: rpId,
  });
  if (registrationInfo === undefined) throw new Error("the library has verified it");
  return { ...registrationInfo, userId: base64url(randomBytes(32)) };
}

it("the records of both systems are imported, and each passkey signs in with the user handle that its authenticator has", async () => {
  const { fromSimpleWebAuthn, fromBetterAuth } = await mappings();
  const world = await openWorld(passkeySettings);
  const owners = {
    ann: [createSubject(-7), createSubject(-8, { backupEligible: false })],
    bob: [createSubject(-257), createSubject(-7)],
  };
  const lines: string[] = [];
  const handles = new Map<Subject, string>();
  for (const [login, subjects] of Object.entries(owners)) {
    const passkeys = [];
    for (const subject of subjects) {
      const { credential, credentialDeviceType, credentialBackedUp, userId } = await registerThere(subject);
      handles.set(subject, userId);
      const { id, publicKey, counter, transports } = credential;
      const deviceType = credentialDeviceType;
      // The record of https://simplewebauthn.dev/docs/packages/server, and the row of the plugin of better-auth.
      const record = {
        id,
        publicKey,
        counter,
        transports,
        deviceType,
        backedUp: credentialBackedUp,
        webauthnUserID: userId,
      };
      const row = {
        name: null,
        userId: "7",
        credentialID: id,
        counter,
        deviceType,
        backedUp: credentialBackedUp ? 1 : 0,
        publicKey: Buffer.from(publicKey).toString("base64"),
        transports: transports?.join(",") ?? null,
      };
      passkeys.push(login === "ann" ? fromSimpleWebAuthn(record) : fromBetterAuth(row));
    }
    lines.push(`${JSON.stringify({ login, passkeys })}\n`);
  }
  expect(await world.ampho.users.import(lines)).toMatchObject({ users: 2 });
  for (const [login, subjects] of Object.entries(owners))
    for (const subject of subjects) {
      const { transaction, challenge } = challengeOf(await world.call("GET", "/login"));
      const passkey = authenticate(subject, challenge, {
        signCount: 1,
        response: { userHandle: handles.get(subject) },
      });
      const response = await world.call("POST", "/login", { body: { transaction, passkey } });
      expect(response.status, response.text).toBe(200);
      expect(claimsOf(String(response.json["token"]))).toMatchObject({ login, acr: "phr" });
    }
});
