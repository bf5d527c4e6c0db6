// The client data that a browser signs with a passkey (WebAuthn L3 §5.8.1): the steps that §7.1 and §7.2 have in common.
import { parseJsonObject } from "../../crypto/json.js";
import { ensure } from "./webauthn-error.js";

export interface ExpectedClientData {
  readonly type: "webauthn.create" | "webauthn.get";
  readonly challenge: Buffer;
  readonly origins: readonly string[];
  /** The pages that can embed the application. Empty: the ceremony in a frame of another origin is rejected. */
  readonly topOrigins: readonly string[];
}

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

export function checkClientData(bytes: Buffer, expected: ExpectedClientData): void {
  // §7.1 steps 5 and 6, §7.2 steps 8 and 9. A repeated member is rejected, because two readers can see two challenges.
  const text = bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
  const data = parseJsonObject(text);
  ensure(data !== undefined, "client_data");
  // §7.1 step 7, §7.2 step 10.
  ensure(data["type"] === expected.type, "type");
  // §7.1 step 8, §7.2 step 11. The client knows the challenge, so the time of the comparison reveals nothing.
  ensure(data["challenge"] === expected.challenge.toString("base64url"), "challenge");
  // §7.1 step 9, §7.2 step 12.
  const { origin, crossOrigin, topOrigin } = data;
  ensure(typeof origin === "string" && expected.origins.includes(origin), "origin");
  // §7.1 step 10, §7.2 step 13. In a frame an attacker can cover what the user agrees to (§13.4.2).
  ensure(crossOrigin === undefined || typeof crossOrigin === "boolean", "cross_origin");
  ensure(crossOrigin !== true || expected.topOrigins.length > 0, "cross_origin");
  // §7.1 step 11, §7.2 step 14. Only a client in a frame states a top origin (§5.8.1).
  if (topOrigin === undefined) return;
  ensure(
    crossOrigin === true && typeof topOrigin === "string" && expected.topOrigins.includes(topOrigin),
    "top_origin",
  );
}
