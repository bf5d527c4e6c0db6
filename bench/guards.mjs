// What a guard costs in each framework: requests a second with and without it, 10 000 tokens in turn, the same headers sent
// to both, the server on one core. Beside Ampho the guard that the framework's users take today.
import { machine, median, print, start } from "./measure.mjs";
import { load, pin, requireWrk } from "./wrk.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const seconds = Number(process.env.BENCH_SECONDS ?? 4);
const frameworks =
  process.argv.slice(2).length > 0 ? process.argv.slice(2) : ["node", "fastify", "koa", "express", "hono"];
const peers = { fastify: "@fastify/jwt", koa: "koa-jwt", express: "express-jwt", hono: "hono/jwt" };

requireWrk();
const rates = new Map();
for (let round = 0; round < rounds; round++)
  for (const framework of frameworks)
    for (const guard of ["none", "ampho", ...(framework in peers ? ["peer"] : [])]) {
      const env = { BENCH_FRAMEWORK: framework, BENCH_GUARD: guard, BENCH_TOKENS: "10000" };
      const server = await start("guarded", env);
      pin(server.pid);
      load(server.port, "/guarded", server.tokens, Math.min(2, seconds));
      const key = `${framework} ${guard}`;
      rates.set(key, [...(rates.get(key) ?? []), load(server.port, "/guarded", server.tokens, seconds)]);
      await server.stop();
    }

console.log(`${machine()}; one core for the server, ${rounds} rounds, medians`);
print([
  ["framework", "guard", "requests/s", "of the unguarded", "µs a request"],
  ...frameworks.flatMap((framework) => {
    const plain = rates.get(`${framework} none`);
    return ["none", "ampho", "peer"]
      .filter((guard) => rates.has(`${framework} ${guard}`))
      .map((guard) => {
        const own = rates.get(`${framework} ${guard}`);
        return [
          framework,
          guard === "peer" ? peers[framework] : guard,
          median(own).toFixed(0),
          median(own.map((rate, at) => rate / plain[at])).toFixed(2),
          median(own.map((rate, at) => 1e6 / rate - 1e6 / plain[at])).toFixed(1),
        ];
      });
  }),
]);
process.exit();
