// Faults in reading tokens: each accepts one kind of token that must be rejected.
import { createHmac, createPublicKey, verify } from "node:crypto";
import { segmentsOf } from "../../../packages/attack/dist/forge.js";
import { type Fault, open, openSigned, taking } from "./server.js";

const hmac = (hash: string, secret: string | Buffer, token: string): boolean => {
  const { header, payload, signature } = segmentsOf(token);
  return createHmac(hash, secret).update(`${header}.${payload}`).digest("base64url") === signature;
};
const isUnsigned = (alg: unknown): boolean => typeof alg === "string" && alg.toLowerCase() === "none";
const strict = /^[\w-]{43}$/;

function verifyEmbedded(token: string, jwk: unknown): boolean {
  const { header, payload, signature } = segmentsOf(token);
  try {
    const key = createPublicKey({ key: { ...Object(jwk) }, format: "jwk" });
    return verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"));
  } catch {
    return false;
  }
}

export const tokenFaults: readonly Fault[] = [
  {
    name: "accepts the algorithm none",
    finds: ["alg-none"],
    plant: taking((token) => {
      const opened = open(token);
      return isUnsigned(opened?.header["alg"]) && opened?.header["kid"] === undefined ? opened?.claims : undefined;
    }),
  },
  {
    name: "accepts the public key as an HMAC secret",
    finds: ["alg-confusion"],
    alg: "EdDSA",
    plant: taking((token, { publicKey }) => {
      const pem = publicKey?.export({ format: "pem", type: "spki" }).toString() ?? "";
      return hmac("sha256", pem, token) ? open(token)?.claims : undefined;
    }),
  },
  {
    name: "takes the algorithm from the token",
    finds: ["alg-other"],
    plant: taking((token, { secret }) => (hmac("sha512", secret, token) ? open(token)?.claims : undefined)),
  },
  {
    name: "accepts a default secret beside its key",
    finds: ["weak-secret"],
    plant: taking((token) => (hmac("sha256", "secret", token) ? open(token)?.claims : undefined)),
  },
  {
    name: "skips the verification of unknown algorithms",
    finds: ["other-key"],
    plant: taking((token) => {
      const opened = open(token);
      const length = Buffer.from(opened?.signature ?? "", "base64url").length;
      return opened?.header["alg"] === "ES256" && length === 64 ? opened.claims : undefined;
    }),
  },
  {
    name: "accepts a signature of zeros",
    finds: ["blank-signature"],
    plant: taking((token) => {
      const opened = open(token);
      return /^A{43}$/.test(opened?.signature ?? "") ? opened?.claims : undefined;
    }),
  },
  {
    name: "verifies with the key inside the token",
    finds: ["embedded-key"],
    plant: taking((token) => {
      const opened = open(token);
      return verifyEmbedded(token, opened?.header["jwk"]) ? opened?.claims : undefined;
    }),
  },
  {
    name: "fetches the key from a URL in the token",
    finds: ["embedded-key"],
    plant: taking(async (token) => {
      const url = open(token)?.header["jku"];
      if (typeof url === "string") await fetch(url).then((response) => response.text());
      return undefined;
    }),
  },
  {
    name: "compares only the beginning of a signature",
    finds: ["mutated"],
    plant: taking((token, { secret }) => {
      const { header, payload, signature } = segmentsOf(token);
      const right = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
      const same = Buffer.from(right, "base64url").equals(Buffer.from(signature, "base64url"));
      return strict.test(signature) && !same && right.slice(0, 20) === signature.slice(0, 20)
        ? open(token)?.claims
        : undefined;
    }),
  },
  {
    name: "trusts the payload before the verification",
    finds: ["mutated"],
    plant: taking((token) => {
      const opened = open(token);
      return opened?.claims["login"] === "admin" && opened.header["kid"] !== undefined ? opened.claims : undefined;
    }),
  },
  {
    name: "accepts padding",
    finds: ["spelling"],
    plant: taking((token, shop) =>
      token.includes("=") ? openSigned(token.replaceAll("=", ""), shop)?.claims : undefined,
    ),
  },
  {
    name: "ignores stray bits",
    finds: ["spelling"],
    plant: taking((token, shop) => {
      const spelled = token.split(".").map((part) => Buffer.from(part, "base64url").toString("base64url"));
      return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) && spelled.join(".") !== token
        ? openSigned(spelled.join("."), shop)?.claims
        : undefined;
    }),
  },
  {
    name: "uses the last of repeated members",
    finds: ["repeated-members"],
    plant: taking((token, shop) => {
      const opened = openSigned(token, shop);
      if (opened === undefined) return undefined;
      const once =
        JSON.stringify(opened.header) === opened.headerText && JSON.stringify(opened.claims) === String(opened.payload);
      return once ? undefined : opened.claims;
    }),
  },
  {
    name: "ignores invalid UTF-8",
    finds: ["not-json"],
    plant: taking((token, shop) => {
      const opened = openSigned(token, shop);
      return opened && !Buffer.from(String(opened.payload)).equals(opened.payload) ? opened.claims : undefined;
    }),
  },
  {
    name: "accepts tokens of any length",
    finds: ["too-long"],
    plant: taking((token, shop) => (token.length > 8192 ? openSigned(token, shop)?.claims : undefined)),
  },
  {
    name: "ignores exp",
    finds: ["times"],
    plant: taking((token, shop) => {
      const claims = openSigned(token, shop)?.claims;
      return Number(claims?.["exp"]) < shop.now() ? claims : undefined;
    }),
  },
  {
    name: "ignores nbf",
    finds: ["times"],
    plant: taking((token, shop) => {
      const claims = openSigned(token, shop)?.claims;
      return Number(claims?.["nbf"]) > shop.now() + 60 ? claims : undefined;
    }),
  },
  {
    name: "accepts tokens without a session for any time",
    finds: ["far-ahead"],
    plant: taking((token, shop) => {
      const claims = openSigned(token, shop)?.claims;
      return Number(claims?.["exp"]) > shop.now() + 3600 ? claims : undefined;
    }),
  },
  {
    name: "accepts a login that is not a string",
    finds: ["claim-types"],
    plant: taking((token, shop) => {
      const claims = openSigned(token, shop)?.claims;
      return typeof claims?.["login"] === "number" ? claims : undefined;
    }),
  },
  {
    name: "ignores the issuer",
    finds: ["audience"],
    options: { tokenIssuer: "https://us.example", tokenAudience: ["https://api.example"] },
    plant: taking((token, shop) => {
      const claims = openSigned(token, shop)?.claims;
      const ours = { iss: "https://us.example", aud: "https://api.example" };
      return claims && claims["iss"] !== ours.iss && Array.isArray(claims["aud"]) ? { ...claims, ...ours } : undefined;
    }),
  },
  {
    name: "ignores the audience",
    finds: ["audience"],
    options: { tokenAudience: "https://api.example" },
    plant: taking((token, shop) => {
      const claims = openSigned(token, shop)?.claims;
      return claims && claims["aud"] === "https://audience.invalid"
        ? { ...claims, aud: "https://api.example" }
        : undefined;
    }),
  },
  {
    name: "ignores crit",
    finds: ["crit"],
    plant: taking((token, shop) => {
      const opened = openSigned(token, shop);
      return opened?.header["crit"] === undefined ? undefined : opened.claims;
    }),
  },
  {
    name: "uses its only key for an unknown kid",
    finds: ["kid"],
    plant: taking((token, shop) => {
      const opened = openSigned(token, shop);
      const kid = opened?.header["kid"];
      return typeof kid === "string" && kid !== shop.kid ? opened?.claims : undefined;
    }),
  },
  {
    name: "reads the key from a file that kid names",
    finds: ["kid"],
    plant: taking((token) => {
      const opened = open(token);
      const isNothing = String(opened?.header["kid"]).endsWith("/dev/null");
      return isNothing && hmac("sha256", "", token) ? opened?.claims : undefined;
    }),
  },
  {
    name: "ignores typ",
    finds: ["typ"],
    plant: taking((token, shop) => {
      const opened = openSigned(token, shop);
      const typ = opened?.header["typ"];
      return typ === undefined || typ === "at+jwt" ? undefined : opened?.claims;
    }),
  },
];
