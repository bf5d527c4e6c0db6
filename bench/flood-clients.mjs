// The clients of flood.mjs, in a process of their own so that they do not delay the one who measures: logins without pause,
// every other one with a wrong password, until they are told to stop. Reports how many were answered with 200 or 401.
import { keptAgent, send, sleep } from "./measure.mjs";
import { login, password } from "./servers/announce.mjs";

const { port, loginPath, clients, email, wrongToo } = JSON.parse(process.argv[2]);
const agent = keptAgent();
const id = email === undefined ? { login } : { email };
const good = JSON.stringify({ ...id, password });
const bad = JSON.stringify({ ...id, password: `${password}!` });
let answered = 0;

async function client(at) {
  for (let count = at; ; count++) {
    const body = wrongToo && count % 2 === 1 ? bad : good;
    const headers = {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(body),
      Origin: "http://127.0.0.1",
    };
    const status = await send({ port, agent, method: "POST", path: loginPath, headers, body });
    if (status === 200 || status === 401) answered++;
    else await sleep(50);
  }
}

process.on("message", () => process.send(answered));
process.on("disconnect", () => process.exit());
for (let at = 0; at < clients; at++) client(at).catch(() => process.exit(1));
