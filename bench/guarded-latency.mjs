// A process of its own that sends guarded requests to each process in turn and measures them: the clients of a flood must not
// stand in the way of the clock.
import { keptAgent, send, sleep } from "./measure.mjs";

process.on("message", async ({ targets, ms }) => {
  const agent = keptAgent();
  const latencies = [];
  const end = performance.now() + ms;
  for (let at = 0; performance.now() < end; at++) {
    const { port, token } = targets[at % targets.length];
    const started = performance.now();
    const status = await send({
      port,
      agent,
      path: "/api/security/session",
      headers: { Authorization: `Bearer ${token}` },
    });
    if (status !== 200) throw new Error(`a guarded request was answered ${status}`);
    latencies.push(performance.now() - started);
    await sleep(2);
  }
  agent.destroy();
  process.send(latencies);
});
