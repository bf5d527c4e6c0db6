// A software authenticator with one passkey (WebAuthn L3 §6). An attacker has one too: it signs what no browser would ask for.
import { createHash, createPrivateKey, randomBytes, sign } from "node:crypto";
import { newJwk } from "./key.js";

export interface Authenticator {
  /** Returns the RegistrationResponseJSON for a challenge. */
  register(challenge: string): object;
  /** Returns the AuthenticationResponseJSON for a challenge. */
  assert(challenge: string): object;
}

const flags = { present: 1, verified: 4, attested: 64 };
const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest();
/** A CBOR head with the length in one byte or two (RFC 8949 §3). */
const byteString = (bytes: Buffer) =>
  Buffer.concat([
    bytes.length < 256 ? Buffer.of(0x58, bytes.length) : Buffer.of(0x59, bytes.length >> 8, bytes.length & 255),
    bytes,
  ]);

export function createAuthenticator(rpId: string, origin: string, userHandle: string): Authenticator {
  const jwk = newJwk("ES256");
  const { x = "", y = "" } = jwk;
  const privateKey = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  const coordinate = (value: string) => byteString(Buffer.from(value, "base64url"));
  // The COSE_Key of ES256 on P-256 (RFC 9053 §7.1.1).
  const coseKey = Buffer.concat([
    Buffer.of(0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21),
    coordinate(x),
    Buffer.of(0x22),
    coordinate(y),
  ]);
  const id = randomBytes(32);
  const text = id.toString("base64url");
  const outer = { id: text, rawId: text, type: "public-key", clientExtensionResults: {} };
  const clientDataOf = (type: string, challenge: string) =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  const dataOf = (flag: number) => Buffer.concat([sha256(rpId), Buffer.of(flag), Buffer.alloc(4)]);
  return {
    register(challenge) {
      const [aaguid, length] = [Buffer.alloc(16), Buffer.of(0, id.length)];
      const head = dataOf(flags.present | flags.verified | flags.attested);
      const authData = Buffer.concat([head, aaguid, length, id, coseKey]);
      // {"fmt": "none", "attStmt": {}, "authData": …}
      const attestation = Buffer.concat([
        Buffer.from("\xa3cfmtdnonegattStmt\xa0hauthData", "latin1"),
        byteString(authData),
      ]);
      const response = {
        clientDataJSON: clientDataOf("webauthn.create", challenge).toString("base64url"),
        attestationObject: attestation.toString("base64url"),
        transports: ["internal"],
      };
      return { ...outer, response };
    },
    assert(challenge) {
      const clientData = clientDataOf("webauthn.get", challenge);
      const data = dataOf(flags.present | flags.verified);
      const response = {
        clientDataJSON: clientData.toString("base64url"),
        authenticatorData: data.toString("base64url"),
        signature: sign("sha256", Buffer.concat([data, sha256(clientData)]), privateKey).toString("base64url"),
        userHandle,
      };
      return { ...outer, response };
    },
  };
}
