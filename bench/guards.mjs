// Measures the cost of a guard in each framework: the processor time of a request with and without it, on one core. A rate is
// the number of requests in a second of that time. Both routes are in the same process, take turns in short slices, and get the same headers. One run uses 10 000 valid tokens in turn, which the guard
// has seen before. The other uses more tokens than any guard remembers. The usual guards of each framework run beside Ampho.
// On node:http, where a request costs least, it also measures a guard with the requirements `acr` and `maxAge`.

import { randomId } from "../dist/crypto/random.js";
import { generateJwk } from "../dist/signing-keys/generate.js";
import { importKeys } from "../dist/signing-keys/jwk-set.js";
import { accessToken, signJwt } from "../dist/tokens/jwt.js";
import { cpuMicroseconds, machine, median, print, start } from "./measure.mjs";
import { load, pin, requireWrk } from "./wrk.mjs";

const slices = Number(process.env.BENCH_ROUNDS ?? 7);
const seconds = Number(process.env.BENCH_SECONDS ?? 1);
const guards = {
  node: ["ampho"],
  fastify: ["ampho", "@fastify/jwt", "@fastify/jwt, cache"],
  koa: ["ampho", "koa-jwt"],
  express: ["ampho", "express-jwt", "passport-jwt", "better-auth"],
  hono: ["ampho", "hono/jwt"],
};
const frameworks = process.argv.slice(2).length > 0 ? process.argv.slice(2) : Object.keys(guards);
const seenTokens = 10_000;
// Ampho remembers 16 384 tokens, and marks of as many more.
const newTokens = 100_000;

requireWrk();
const jwk = generateJwk("HS256");
const [key] = importKeys(jwk).keys;
const now = Math.floor(Date.now() / 1000);
const makeToken = (_, at) =>
  signJwt(key, accessToken, {
    sub: `usr_${at.toString(36).padStart(12, "0")}`,
    login: `person${at}`,
    roles: ["editor"],
    sid: `0.${at.toString(36).padStart(22, "x")}`,
    gen: 0,
    ver: 1,
    auth_time: now,
    amr: ["pwd", "otp", "mfa"],
    acr: "2fa",
    jti: randomId(),
    iat: now,
    nbf: now,
    exp: now + 86_400,
  });
const tokens = Array.from({ length: newTokens }, makeToken);
/** Seen tokens and new tokens get separate servers, so that the memory of new tokens does not slow seen tokens. */
async function measure(framework, guard, count, [first, second] = ["/plain", "/guarded"]) {
  const env = { BENCH_FRAMEWORK: framework, BENCH_GUARD: guard, BENCH_KEY: JSON.stringify(jwk) };
  const server = await start("guarded", env);
  pin(server.pid);
  // Processor time, because other work on the machine would change the requests a second.
  const rate = async (route) => {
    const before = await cpuMicroseconds(server);
    const requests = load(server.port, route, tokens.slice(0, count), seconds, server.cookie) * seconds;
    return (1e6 * requests) / ((await cpuMicroseconds(server)) - before);
  };
  const pairs = [];
  for (let slice = -2; slice < slices; slice++) {
    const order = slice % 2 === 0 ? [first, second] : [second, first];
    const rates = {};
    for (const route of order) rates[route] = await rate(route);
    // The first slices warm up the server.
    if (slice >= 0) pairs.push([rates[first], rates[second]]);
  }
  await server.stop();
  return pairs;
}

const cost = (pairs) => median(pairs.map(([plain, guarded]) => 1e6 / guarded - 1e6 / plain)).toFixed(1);
const rows = [];
for (const framework of frameworks)
  for (const guard of guards[framework]) {
    console.error(`${framework}, ${guard}`);
    const seen = await measure(framework, guard, seenTokens);
    const fresh = await measure(framework, guard, newTokens);
    rows.push([
      framework,
      guard,
      median(seen.map(([plain]) => plain)).toFixed(0),
      median(seen.map(([, guarded]) => guarded)).toFixed(0),
      median(seen.map(([plain, guarded]) => guarded / plain)).toFixed(2),
      cost(seen),
      cost(fresh),
    ]);
  }
console.log(`${machine()}, one core for the server, ${slices} slices of ${seconds} s, medians`);
print([
  ["framework", "guard", "plain req/s", "guarded req/s", "ratio", "µs, token seen before", "µs, token new"],
  ...rows,
]);
if (frameworks.includes("node")) {
  const pairs = await measure("node", "ampho", seenTokens, ["/guarded", "/recent"]);
  const ratio = median(pairs.map(([without, asked]) => asked / without));
  console.log(`with acr and maxAge ÷ without: ${ratio.toFixed(3)} (at least 0.98)`);
  for (const [what, count] of [
    ["seen before", seenTokens],
    ["new", newTokens],
  ]) {
    const read = await measure("node", "ampho", count, ["/header", "/guarded"]);
    const toRead = median(read.map(([header, guarded]) => guarded / header));
    console.log(
      `guarded ÷ header read, token ${what}: ${toRead.toFixed(3)}${count === seenTokens ? " (at least 0.92)" : ""}`,
    );
  }
}
process.exit();
