import { createServer } from "node:net";
import { SMTPServer } from "smtp-server";
import { keptAgent, machine, median, print, quantile, send, sleep, start } from "./measure.mjs";

const requests = Number(process.env.BENCH_REQUESTS ?? 300);
const everyMs = 50;
const goals = { p50: 1_000, p99: 5_000, ratio: 1.5 };

/** The time at which each mailbox had its mail. */
async function accepting() {
  const arrivedAt = new Map();
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    disableReverseLookup: true,
    logger: false,
    onData(stream, session, callback) {
      stream.resume();
      stream.on("end", () => {
        for (const { address } of session.envelope.rcptTo) arrivedAt.set(address, performance.now());
        callback(null);
      });
    },
  });
  server.on("error", () => {});
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `smtp://127.0.0.1:${server.server.address().port}`, arrivedAt, close: () => server.close() };
}

async function silent() {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `smtp://127.0.0.1:${server.address().port}`, close };
}

async function open(mails) {
  const server = await start("mail", { BENCH_MAIL_URL: mails.url, BENCH_USERS: String(requests) });
  return { server, mails, agent: keptAgent(), responses: [], sentAt: new Map() };
}

async function ask({ server, agent, responses, sentAt }, at) {
  const login = server.logins[at];
  const body = JSON.stringify({ login });
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "X-Forwarded-For": `198.18.${at >> 8}.${at & 255}`,
  };
  const began = performance.now();
  const status = await send({
    port: server.port,
    agent,
    method: "POST",
    path: "/api/security/login/mail",
    headers,
    body,
  });
  if (status !== 200) throw new Error(`A request for a mail returned ${status}.`);
  responses.push(performance.now() - began);
  sentAt.set(login, began);
}

const sites = { accepts: await open(await accepting()), "is silent": await open(await silent()) };
for (let at = 0; at < requests; at++) {
  for (const site of Object.values(sites)) await ask(site, at);
  await sleep(everyMs);
}
const { mails, sentAt } = sites.accepts;
for (let waited = 0; mails.arrivedAt.size < requests && waited < 60_000; waited += 100) await sleep(100);
const delays = [...mails.arrivedAt].map(([login, arrived]) => arrived - sentAt.get(login));
for (const { server, agent, mails } of Object.values(sites)) {
  agent.destroy();
  server.child.kill("SIGKILL");
  mails.close();
}

const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
console.log(`${machine()}, ${requests} requests at each server, one in ${everyMs} ms`);
print([
  ["the mail server", "response p50", "response p99", "mail p50", "mail p99", "mails"],
  ...Object.entries(sites).map(([name, { responses }]) => [
    name,
    ms(median(responses)),
    ms(quantile(responses, 0.99)),
    ...(name === "accepts" ? [ms(median(delays)), ms(quantile(delays, 0.99)), delays.length] : ["", "", ""]),
  ]),
]);
const ratio = median(sites["is silent"].responses) / median(sites.accepts.responses);
const met =
  delays.length === requests && median(delays) < goals.p50 && quantile(delays, 0.99) < goals.p99 && ratio < goals.ratio;
console.log(
  `Responses beside a silent mail server take ${ratio.toFixed(2)} times as long. ${met ? "All goals are met." : "A goal is missed."}`,
);
process.exitCode = met ? 0 : 1;
