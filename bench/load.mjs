// A process that loads others, so that whoever measures has its own event loop. Over IPC it gets
// { ports, guarded, renewing, refreshTokens, token } and then `"stop"`; it tells how many requests it made.
import { request } from "node:http";
import { keptAgent, send } from "./measure.mjs";

const agent = keptAgent();
let running = true;
let [guarded, renewed] = [0, 0];

async function guard(port, token) {
  const headers = { authorization: `Bearer ${token}` };
  while (running) {
    const status = await send({ port, agent, path: "/api/security/session", headers });
    if (status !== 200) throw new Error(`a guarded request was answered with ${status}`);
    guarded += 1;
  }
}

function renewal(port, refreshToken) {
  const headers = { "content-type": "application/json" };
  const options = { host: "127.0.0.1", port, agent, method: "POST", path: "/api/security/renew", headers };
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => {
        text += piece;
      });
      response.on("end", () =>
        response.statusCode === 200
          ? resolve(JSON.parse(text).refresh_token)
          : reject(new Error(`a renewal was answered with ${response.statusCode}`)),
      );
    });
    asked.on("error", reject);
    asked.end(JSON.stringify({ refresh_token: refreshToken }));
  });
}

async function renew(port, first) {
  let refreshToken = first;
  while (running) {
    refreshToken = await renewal(port, refreshToken);
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
