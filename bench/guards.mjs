// Measures the cost of a guard in each framework: the processor time of a request with and without it, on one core. A rate is
// the number of requests in a second of that time. The routes are in the same process, take turns in short slices, and get the
// same headers. One run uses 10 000 valid tokens in turn, which the guard has seen before. The other uses more tokens than any
// guard remembers. The usual guards of each framework run beside Ampho. Then fresh processes compare Ampho with a guard that only
// reads the header. On node:http, where a request costs least, it also measures a guard with the requirements `acr` and `maxAge`.

import { execFileSync } from "node:child_process";
import { randomId } from "../dist/crypto/random.js";
import { generateJwk } from "../dist/signing-keys/generate.js";
import { importKeys } from "../dist/signing-keys/jwk-set.js";
import { accessToken, signJwt } from "../dist/tokens/jwt.js";
import { sendAll } from "./clients.mjs";
import { cpuMicroseconds, machine, median, print, start } from "./measure.mjs";
import { load, loadCpus, pin, requireWrk } from "./wrk.mjs";

const slices = Number(process.env.BENCH_ROUNDS ?? 7);
const seconds = Number(process.env.BENCH_SECONDS ?? 1);
const processes = Number(process.env.BENCH_PROCESSES ?? 5);
const rounds = 3 * slices;
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
execFileSync("taskset", ["-a", "-p", "-c", loadCpus, String(process.pid)], { stdio: "ignore" });
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
const envOf = (framework, guard) => ({
  BENCH_FRAMEWORK: framework,
  BENCH_GUARD: guard,
  BENCH_KEY: JSON.stringify(jwk),
});

/**
 * Seen tokens and new tokens get separate servers, so that the memory of new tokens does not slow seen tokens. Returns the
 * requests in a second of each route in each slice.
 */
async function measure(framework, guard, count, routes) {
  const server = await start("guarded", envOf(framework, guard));
  pin(server.pid);
  // Processor time, because other work on the machine would change the requests a second.
  const rate = async (route) => {
    const before = await cpuMicroseconds(server);
    const requests = load(server.port, route, tokens.slice(0, count), seconds, server.cookie) * seconds;
    return (1e6 * requests) / ((await cpuMicroseconds(server)) - before);
  };
  const measured = [];
  for (let slice = -2; slice < slices; slice++) {
    const rates = {};
    for (const route of slice % 2 === 0 ? routes : [...routes].reverse()) rates[route] = await rate(route);
    // The first slices warm up the server.
    if (slice >= 0) measured.push(rates);
  }
  await server.stop();
  return measured;
}

const ratio = (measured, first, second) => median(measured.map((rates) => rates[second] / rates[first]));
/** The microseconds that a request to the second route takes longer. */
const cost = (measured, first, second) =>
  median(measured.map((rates) => 1e6 / rates[second] - 1e6 / rates[first])).toFixed(1);
const rateOf = (measured, route) => median(measured.map((rates) => rates[route])).toFixed(0);

const rows = [];
for (const framework of frameworks)
  for (const guard of guards[framework]) {
    console.error(`${framework}, ${guard}`);
    const routes = ["/plain", "/guarded"];
    const seen = await measure(framework, guard, seenTokens, routes);
    const fresh = await measure(framework, guard, newTokens, routes);
    rows.push([
      framework,
      guard,
      rateOf(seen, "/plain"),
      rateOf(seen, "/guarded"),
      ratio(seen, ...routes).toFixed(2),
      cost(seen, ...routes),
      cost(fresh, ...routes),
    ]);
  }
/** Which requests to a route are sent. Every burst has other tokens, and each token was seen before. */
const burst = 1_000;
const requestsTo = (route) =>
  tokens
    .slice(0, seenTokens)
    .map((token) => Buffer.from(`GET ${route} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`));

/** In a fresh process the routes take turns in short bursts. Returns the microseconds of a request to each in each round. */
async function compareRoutes(framework, routes) {
  const server = await start("guarded", envOf(framework, "ampho"));
  pin(server.pid);
  const measured = [];
  for (let round = -10; round < rounds; round++) {
    const times = {};
    for (const route of round % 2 === 0 ? routes : [...routes].reverse()) {
      const from = ((round + 10) * burst) % seenTokens;
      const before = await cpuMicroseconds(server);
      const done = await sendAll(server.port, requests[route].slice(from, from + burst), 32);
      times[route] = ((await cpuMicroseconds(server)) - before) / burst;
      if (done.some(({ body }) => body !== '{"hello":"world"}')) throw new Error(`Requests to ${route} were rejected.`);
    }
    // The first rounds warm up the server.
    if (round >= 0) measured.push(times);
  }
  await server.stop();
  return measured;
}

const requests = {};
for (const route of ["/plain", "/empty", "/header", "/guarded"]) requests[route] = requestsTo(route);
const readRows = [];
for (const framework of frameworks) {
  console.error(`${framework}, beside a guard that only reads the header`);
  const empty = framework === "hono" ? ["/empty"] : [];
  const runs = [];
  for (let run = 0; run < processes; run++)
    runs.push(await compareRoutes(framework, ["/plain", ...empty, "/header", "/guarded"]));
  const ratios = runs.map((run) => median(run.map((times) => times["/header"] / times["/guarded"])));
  const all = runs.flat();
  const more = (route, than) => median(all.map((times) => times[route] - times[than])).toFixed(1);
  readRows.push([
    framework,
    median(ratios).toFixed(3),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    median(all.map((times) => times["/plain"])).toFixed(1),
    empty.length > 0 ? more("/empty", "/plain") : "",
    more("/header", "/plain"),
    more("/guarded", "/plain"),
    more("/guarded", "/header"),
  ]);
}
console.log(`${machine()}, one core for the server, ${slices} slices of ${seconds} s, medians`);
print([
  ["framework", "guard", "plain req/s", "guarded req/s", "ratio", "µs, token seen before", "µs, token new"],
  ...rows,
]);
console.log(`guarded ÷ header read, token seen before (at least 0.92), medians of ${processes} processes`);
print([
  ["framework", "ratio", "of the processes", "µs, plain", "+ empty", "+ header read", "+ guarded", "guarded − read"],
  ...readRows,
]);
if (frameworks.includes("node")) {
  const measured = await measure("node", "ampho", seenTokens, ["/guarded", "/recent"]);
  console.log(`with acr and maxAge ÷ without: ${ratio(measured, "/guarded", "/recent").toFixed(3)} (at least 0.98)`);
  const fresh = await measure("node", "ampho", newTokens, ["/header", "/guarded"]);
  console.log(`guarded ÷ header read, token new: ${ratio(fresh, "/header", "/guarded").toFixed(3)}`);
}
process.exit();
