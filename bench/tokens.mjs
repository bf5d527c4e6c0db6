// Measures the processor time of signing and verifying, of all threads of the process, beside fast-jwt, jsonwebtoken, jose
// and bare node:crypto. Rounds are short and interleaved. The result is the median of the ratios.
// Run after a build: node bench/tokens.mjs [rounds]
import { createHmac, createPublicKey, createSecretKey, verify as verifyRaw } from "node:crypto";
import { cpus } from "node:os";
import { createSigner, createVerifier } from "fast-jwt";
import { importJWK, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { createAmpho } from "../dist/ampho.js";
import { randomId } from "../dist/crypto/random.js";
import { generateJwk } from "../dist/signing-keys/generate.js";
import { importKeys } from "../dist/signing-keys/jwk-set.js";
import { createKeySet } from "../dist/signing-keys/key.js";
import { accessToken, signJwt, verifyJwt } from "../dist/tokens/jwt.js";
import { createVerifiedTokens } from "../dist/tokens/verified-tokens.js";

const rounds = Number(process.argv[2] ?? 15);
const now = Math.floor(Date.now() / 1000);
const rules = { now, leewaySeconds: 60, foreignMaxSeconds: 86_400 };

function makeClaims(at) {
  return {
    sub: `usr_${at.toString(36).padStart(12, "0")}`,
    login: `person${at}`,
    roles: ["editor", "reviewer"],
    scope: "articles:read articles:write",
    sid: `0.${at.toString(36).padStart(22, "x")}`,
    gen: at % 50,
    ver: 1,
    auth_time: now,
    jti: randomId(),
    iat: now,
    nbf: now,
    exp: now + 900,
  };
}

/** Copies tokens to flat strings, as a socket delivers them. */
function makeTokens(key, count) {
  return Array.from({ length: count }, (_, at) =>
    Buffer.from(signJwt(key, accessToken, makeClaims(at))).toString("latin1"),
  );
}

const signingInput = (token) => token.slice(0, token.lastIndexOf("."));
const signatureOf = (token) => Buffer.from(token.slice(token.lastIndexOf(".") + 1), "base64url");

/** The verifier of an application, with every check of docs/reference/contract.md §5, the cache of verified tokens, and revocations. */
function openAmpho(key) {
  return createAmpho({ key, databaseUrl: "sqlite::memory:", log: () => undefined });
}

async function time(contender, count) {
  await contender.prepare?.();
  const start = process.cpuUsage();
  if (contender.awaits) for (let at = 0; at < count; at++) await contender.run(at);
  else for (let at = 0; at < count; at++) contender.run(at);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / count;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function compare(title, count, contenders, targets) {
  const times = new Map(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, contender] of Object.entries(contenders)) {
      const each = await time(contender, Math.ceil(count * (contender.share ?? 1)));
      // The first round warms up the code.
      if (round >= 0) times.get(name).push(each);
    }
  }
  console.log(`\n${title}`);
  for (const [name, values] of times) {
    const each = median(values);
    console.log(
      `  ${name.padEnd(34)}${(each / 1000).toFixed(2).padStart(9)} µs${(1e6 / each).toFixed(1).padStart(10)} k/s`,
    );
  }
  for (const [name, other, least] of targets) {
    const own = times.get(name);
    const ratio = median(times.get(other).map((each, round) => each / own[round]));
    const verdict = ratio >= least ? "reached" : "MISSED";
    console.log(`  ${`${name} / ${other}`.padEnd(44)}${ratio.toFixed(2).padStart(7)}  must be ${least}: ${verdict}`);
    if (ratio < least) process.exitCode = 1;
  }
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, medians of ${rounds} rounds`);

const jwk = generateJwk("HS256");
const keys = createKeySet(importKeys(jwk).keys);
const [key] = keys.keys;
const secret = Buffer.from(jwk.k, "base64url");
const secretKey = createSecretKey(secret);
const clock = { algorithms: ["HS256"], clockTimestamp: now * 1000 };

{
  const count = 20_000;
  const tokens = makeTokens(key, count);
  const inputs = tokens.map(signingInput);
  const fast = createVerifier({ key: secret, cache: false, ...clock });
  const fastKept = createVerifier({ key: secret, cache: 16_384, ...clock });
  const joseKey = await importJWK(jwk, "HS256");
  const currentDate = new Date(now * 1000);
  const ampho = await openAmpho(jwk);
  // There are enough tokens for all rounds, so that every token is new, and the cache is full after the first round. One
  // verifier takes them from the front and one from the back, so that no processor cache holds them either.
  const unseen = makeTokens(key, count * (rounds + 1));
  const kept = makeTokens(key, count * (rounds + 1));
  let nextKept = 0;
  let next = 0;
  let last = unseen.length;
  await compare(
    `HS256 verify, tokens never seen before (${tokens[0].length} characters)`,
    count,
    {
      "raw HMAC": { run: (at) => createHmac("sha256", secretKey).update(inputs[at]).digest() },
      "ampho, map off": { run: (at) => verifyJwt(tokens[at], keys, accessToken, rules) },
      "ampho, map on": {
        // After a pause of the process a guard waits until the revocations are read.
        prepare: () => ampho.verify(tokens[0]),
        run: () => ampho.verifySync(unseen[next++]),
      },
      "fast-jwt": { run: () => fast(unseen[--last]) },
      "fast-jwt, cache of 16 384": { run: () => fastKept(kept[nextKept++]) },
      jsonwebtoken: { share: 0.5, run: (at) => jsonwebtoken.verify(tokens[at], secretKey, { clockTimestamp: now }) },
      jose: { share: 0.2, awaits: true, run: (at) => jwtVerify(tokens[at], joseKey, { currentDate }) },
    },
    [
      ["ampho, map off", "fast-jwt", 1.35],
      ["ampho, map off", "jose", 5],
      ["ampho, map off", "raw HMAC", 0.4],
      ["ampho, map on", "fast-jwt", 1.15],
    ],
  );

  await ampho.close();

  const unsigned = Array.from({ length: count }, (_, at) => {
    const { jti: _jti, ...claims } = makeClaims(at);
    return claims;
  });
  const options = { key: secret, algorithm: "HS256", kid: jwk.kid, header: { typ: "at+jwt" }, noTimestamp: true };
  const fastSign = createSigner(options);
  await compare(
    "HS256 sign, with jti",
    count,
    {
      "raw HMAC": { run: (at) => createHmac("sha256", secretKey).update(inputs[at]).digest() },
      ampho: { run: (at) => signJwt(key, accessToken, { ...unsigned[at], jti: randomId() }) },
      "fast-jwt": { run: (at) => fastSign({ ...unsigned[at], jti: randomId() }) },
    },
    [["ampho", "fast-jwt", 1.25]],
  );
}

for (const [algorithm, hash, count, encoding, least] of [
  ["EdDSA", null, 300, {}, 0.95],
  ["ES256", "sha256", 300, { dsaEncoding: "ieee-p1363" }, 0.95],
  ["RS256", "sha256", 600, {}, 0.88],
]) {
  const own = generateJwk(algorithm);
  const pair = createKeySet(importKeys(own).keys);
  const publicKey = createPublicKey({ key: own, format: "jwk" });
  // RSA signs slowly, and no token is kept, so a few tokens are enough.
  const tokens = makeTokens(pair.keys[0], 300);
  const inputs = tokens.map((token) => Buffer.from(signingInput(token)));
  const signatures = tokens.map(signatureOf);
  const rawKey = { key: publicKey, ...encoding };
  const pem = publicKey.export({ format: "pem", type: "spki" });
  const fast = createVerifier({ key: pem, algorithms: [algorithm], cache: false, clockTimestamp: now * 1000 });
  await compare(
    `${algorithm} verify`,
    count,
    {
      "raw node:crypto": {
        run: (at) => verifyRaw(hash, inputs[at % tokens.length], rawKey, signatures[at % tokens.length]),
      },
      ampho: { run: (at) => verifyJwt(tokens[at % tokens.length], pair, accessToken, rules) },
      "fast-jwt": { run: (at) => fast(tokens[at % tokens.length]) },
    },
    [["ampho", "raw node:crypto", least]],
  );
}

{
  const count = 10_000;
  const bytes = makeTokens(key, count).map((token) => Buffer.from(token));
  const fresh = (at) => bytes[at % count].toString("latin1");
  const fastCached = createVerifier({ key: secret, cache: count, ...clock });
  const ampho = await openAmpho(jwk);
  await compare(
    "HS256 verify of 10 000 tokens in turn, seen before, each time as a new string",
    count,
    {
      ampho: { run: (at) => ampho.verifySync(fresh(at)) },
      "fast-jwt, cache of 10 000": { run: (at) => fastCached(fresh(at)) },
    },
    [["ampho", "fast-jwt, cache of 10 000", 3]],
  );
  await ampho.close();
}

{
  // The cache was full of other tokens. Then clients that poll take turns in a fixed order, on a cache of 16 384 tokens.
  console.log("\nHit rate of the cache of verified tokens in the fourth round, after the cache was full");
  const others = makeTokens(key, 16_384);
  for (const [count, least] of [
    [2_000, 0.98],
    [10_000, 0.98],
    [16_000, 0.98],
    [20_000, undefined],
  ]) {
    const cache = createVerifiedTokens();
    const polling = makeTokens(key, count);
    const ask = (token) => {
      if (cache.find(token)) return true;
      cache.add(token, true, now + 960, now);
      return false;
    };
    for (const token of [...others, ...others]) ask(token);
    let rate = 0;
    for (let round = 0; round < 4; round++) rate = polling.filter(ask).length / count;
    const verdict = least === undefined ? "more than fit" : `must be ${least}: ${rate >= least ? "reached" : "MISSED"}`;
    console.log(`  ${`${count} tokens`.padEnd(44)}${rate.toFixed(2).padStart(7)}  ${verdict}`);
    if (rate < least) process.exitCode = 1;
  }
}
