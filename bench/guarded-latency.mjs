// A separate process that sends guarded requests to each server in turn and measures them over bare sockets. The clients of
// the flood run in another process, so that they do not delay this clock.
import { once } from "node:events";
import { connect } from "node:net";
import { sleep } from "./measure.mjs";

process.on("message", async ({ targets, ms }) => {
  const members = await Promise.all(targets.map(open));
  const latencies = [];
  const end = performance.now() + ms;
  for (let at = 0; performance.now() < end; at++) {
    latencies.push(await members[at % members.length].ask());
    await sleep(2);
  }
  for (const { socket } of members) socket.destroy();
  process.send(latencies);
});

async function open({ port, token, path = "/api/security/session" }) {
  const socket = connect(port, "127.0.0.1").setNoDelay();
  await once(socket, "connect");
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const ask = () =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      socket.once("data", (response) => {
        const ended = performance.now();
        // The response is small enough for one chunk.
        if (response.latin1Slice(0, 12) === "HTTP/1.1 200") resolve(ended - started);
        else reject(new Error(`A guarded request returned ${response.latin1Slice(9, 12)}.`));
      });
      socket.write(request);
    });
  return { socket, ask };
}
