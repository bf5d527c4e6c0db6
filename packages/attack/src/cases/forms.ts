// A token has one spelling and one form (RFC 7515 §2 and §4, RFC 4648 §3.5, RFC 8725 §3.7).
import type { Attack, Target } from "../attack.js";
import { rejectsTokens } from "../attack.js";
import { encode, flipBit, forge, join, parseSegment, segmentsOf } from "../forge.js";
import { goodClaims, goodHeader, keyOf } from "./good.js";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Changes the unused bits of the last character, if the length leaves any. */
function strayBits(segment: string): string | undefined {
  if (segment.length % 4 === 0 || segment === "") return undefined;
  const last = alphabet.indexOf(segment.at(-1) ?? "");
  return segment.slice(0, -1) + (alphabet[last ^ 1] ?? "");
}

async function mutated(target: Target) {
  const { header, payload, signature } = segmentsOf((await target.sharedSession()).token);
  const other = segmentsOf((await target.openSession()).token);
  const claims = parseSegment(payload);
  const middle = Math.floor((signature.length * 3) / 8);
  return rejectsTokens(target, [
    ["the first bit of the signature flipped", join(header, payload, flipBit(signature, 0))],
    ["a bit in the middle of the signature flipped", join(header, payload, flipBit(signature, middle))],
    ["the last byte of the signature changed", join(header, payload, flipBit(signature, -1))],
    [
      "the last byte of the signature left out",
      join(header, payload, encode(Buffer.from(signature, "base64url").subarray(0, -1))),
    ],
    [
      "a byte appended to the signature",
      join(header, payload, encode(Buffer.concat([Buffer.from(signature, "base64url"), Buffer.alloc(1)]))),
    ],
    ["half of the signature", join(header, payload, signature.slice(0, signature.length >> 1))],
    ["the signature twice", join(header, payload, signature + signature)],
    ["the signature of another token", join(header, payload, other.signature)],
    ["another login", join(header, encode({ ...claims, login: "admin" }), signature)],
    ["another user", join(header, encode({ ...claims, sub: "another" }), signature)],
    ["an added role", join(header, encode({ ...claims, roles: ["admin"] }), signature)],
    ["a later exp", join(header, encode({ ...claims, exp: Number(claims["exp"]) + 60 }), signature)],
    ["a bit of the payload flipped", join(header, flipBit(payload, 12), signature)],
    ["another header", join(encode({ ...parseSegment(header), x: 1 }), payload, signature)],
    ["the payload alone", join(payload)],
    ["no signature and no dot", join(header, payload)],
  ]);
}

async function respelled(target: Target) {
  const { token } = await target.sharedSession();
  const { header, payload, signature } = segmentsOf(token);
  const stray = [
    ["header", join(strayBits(header) ?? "", payload, signature), strayBits(header)],
    ["payload", join(header, strayBits(payload) ?? "", signature), strayBits(payload)],
    ["signature", join(header, payload, strayBits(signature) ?? ""), strayBits(signature)],
  ].flatMap(([where, spelled, changed]) =>
    changed === undefined ? [] : [[`stray bits in the ${where}`, spelled ?? ""] as const],
  );
  const padded = (segment: string) => segment + "=".repeat((4 - (segment.length % 4)) % 4 || 1);
  const compactJson = { payload, signatures: [{ protected: header, signature }] };
  return rejectsTokens(target, [
    ["padding behind the signature", join(header, payload, padded(signature))],
    ["padding behind the header", join(padded(header), payload, signature)],
    ["padding everywhere", join(padded(header), padded(payload), padded(signature))],
    ...stray,
    ["a blank within", join(header, `${payload.slice(0, 8)} ${payload.slice(8)}`, signature)],
    ["a tab within", join(header, payload, `${signature.slice(0, 8)}\t${signature.slice(8)}`)],
    ["a character that is none of base64url", join(header, payload, `${signature.slice(0, 8)}!${signature.slice(8)}`)],
    ["a dot behind", `${token}.`],
    ["a dot before", `.${token}`],
    ["a fourth segment", `${token}.${signature}`],
    ["two dots", join(header, "", payload, signature)],
    ["quotes around", `"${token}"`],
    ["percent encoding", `${token.slice(0, 8)}%${token.charCodeAt(8).toString(16)}${token.slice(9)}`],
    ["the token twice", `${token} ${token}`],
    ["a comma behind", `${token},`],
    ["the JSON form", JSON.stringify({ protected: header, payload, signature })],
    ["the general JSON form", JSON.stringify(compactJson)],
    ["a JSON form with a compact one as its member", JSON.stringify({ [`${token}`]: "", ...compactJson })],
  ]);
}

async function repeated(target: Target) {
  const key = keyOf(target);
  const { alg, kid } = goodHeader(target);
  const claims = JSON.stringify(goodClaims(target));
  const header = JSON.stringify(goodHeader(target));
  const with_ = (json: string, before: string) => `{${before},${json.slice(1)}`;
  return rejectsTokens(target, [
    ["alg twice in the header", forge(key, with_(header, '"alg":"none"'), claims)],
    ["the same alg twice", forge(key, with_(header, `"alg":"${alg}"`), claims)],
    ["kid twice", forge(key, with_(header, `"kid":${JSON.stringify(`${kid}x`)}`), claims)],
    ["login twice", forge(key, header, with_(claims, '"login":"admin"'))],
    ["login twice, once by escape", forge(key, header, with_(claims, '"\\u006cogin":"admin"'))],
    ["exp twice", forge(key, header, with_(claims, '"exp":1'))],
    ["a member of a member twice", forge(key, header, with_(claims, '"x":{"a":1,"a":2}'))],
  ]);
}

async function notJson(target: Target) {
  const key = keyOf(target);
  const header = goodHeader(target);
  const claims = goodClaims(target);
  const text = JSON.stringify(claims);
  const invalid = Buffer.from(text.replace(target.unknownLogin, `${target.unknownLogin}~`));
  invalid[invalid.indexOf("~")] = 0xff;
  return rejectsTokens(target, [
    ["invalid UTF-8 in the payload", forge(key, header, invalid)],
    ["a byte order mark", forge(key, header, `\ufeff${text}`)],
    ["UTF-16", forge(key, header, Buffer.from(text, "utf16le"))],
    ["text behind the payload", forge(key, header, `${text}x`)],
    ["an array", forge(key, header, [claims])],
    ["a text", forge(key, header, JSON.stringify(text))],
    ["null", forge(key, header, "null")],
    ["nothing", forge(key, header, "")],
    ["single quotes", forge(key, header, text.replaceAll('"', "'"))],
    ["a comment", forge(key, header, text.replace("{", "{/**/"))],
    ["an array as header", forge(key, [header], claims)],
    ["a header that is no JSON", forge(key, "x", claims)],
    ["a byte order mark before the header", forge(key, `\ufeff${JSON.stringify(header)}`, claims)],
  ]);
}

async function tooLong(target: Target) {
  const key = keyOf(target);
  const claims = goodClaims(target);
  return rejectsTokens(target, [
    ["9 KiB of claims", forge(key, goodHeader(target), { ...claims, filler: "x".repeat(6_900) })],
    ["9 KiB of header", forge(key, { ...goodHeader(target), filler: "x".repeat(6_900) }, claims)],
  ]);
}

export const formAttacks: readonly Attack[] = [
  { id: "mutated", title: "Change a part of a valid token", source: "RFC 7515 §5.2", run: mutated },
  {
    id: "spelling",
    title: "Spell a valid token differently (padding, stray bits, JSON)",
    source: "RFC 7515 §2, CVE-2022-39227",
    run: respelled,
  },
  {
    id: "repeated-members",
    title: "Repeat a member in the header or payload",
    source: "RFC 7515 §4, RFC 7519 §4",
    needs: "key",
    run: repeated,
  },
  {
    id: "not-json",
    title: "Send a payload that is not a UTF-8 JSON object",
    source: "RFC 8725 §3.7",
    needs: "key",
    run: notJson,
  },
  { id: "too-long", title: "Send an oversized token", source: "CWE-770", needs: "key", run: tooLong },
];
