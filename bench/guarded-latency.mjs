// A process of its own that sends guarded requests to each process in turn and measures them, over bare sockets: the clients
// of a flood must not stand in the way of the clock, nor should a client of HTTP.
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

async function open({ port, token }) {
  const socket = connect(port, "127.0.0.1").setNoDelay();
  await once(socket, "connect");
  const request = `GET /api/security/session HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const ask = () =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      socket.once("data", (answer) => {
        const ended = performance.now();
        // Small enough for one piece.
        if (answer.latin1Slice(0, 12) === "HTTP/1.1 200") resolve(ended - started);
        else reject(new Error(`a guarded request was answered ${answer.latin1Slice(9, 12)}`));
      });
      socket.write(request);
    });
  return { socket, ask };
}
