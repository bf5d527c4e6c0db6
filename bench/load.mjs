// A process that creates load, so that the measuring process keeps its event loop free. Over IPC it receives
// { ports, guarded, renewing, refreshTokens, token } and then `"stop"`, and sends back the number of requests.
import { keptAgent, renew as renewOnce, send } from "./measure.mjs";

const agent = keptAgent();
let running = true;
let [guarded, renewed] = [0, 0];

async function guard(port, token) {
  const headers = { authorization: `Bearer ${token}` };
  while (running) {
    const status = await send({ port, agent, path: "/api/security/session", headers });
    if (status !== 200) throw new Error(`A guarded request returned ${status}.`);
    guarded += 1;
  }
}

async function renew(port, first) {
  let refreshToken = first;
  while (running) {
    ({ refresh_token: refreshToken } = await renewOnce({ port, agent, refreshToken }));
    renewed += 1;
  }
}

process.on("message", (message) => {
  if (message === "stop") {
    running = false;
    return;
  }
  const { ports, token, refreshTokens } = message;
  const loops = ports.flatMap((port) => [
    ...Array.from({ length: message.guarded }, () => guard(port, token)),
    ...Array.from({ length: message.renewing }, () => renew(port, refreshTokens.pop())),
  ]);
  Promise.all(loops).then(
    () => {
      process.send({ guarded, renewed });
      process.disconnect();
    },
    (error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(1);
    },
  );
});
