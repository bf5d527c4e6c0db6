// The threads of a closed instance serve the next one of the process. Nothing else of the closed instance does.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it, onTestFinished } from "vitest";
import { createSpareThreads } from "../../dist/spare-threads.js";
import { openAmpho, untilHashed } from "../world/ampho.js";
import { alice } from "../world/people.js";

const echo = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", (value) => parentPort.postMessage(value));
  `)}`,
);

it("an instance that opens after another one starts no thread, and has no row of the other", async () => {
  const started: Worker[] = [];
  const count = (worker: Worker) => void started.push(worker);
  const open = async () => {
    const { ampho } = await openAmpho({ databaseUrl: "sqlite::memory:" });
    const users = await ampho.users.find(alice.login);
    await untilHashed(() => ampho.users.create(alice));
    await ampho.close();
    return users;
  };
  expect(await open()).toBeUndefined();
  process.on("worker", count);
  onTestFinished(() => void process.off("worker", count));
  // On a busy machine a spare thread can end before it is needed, so that a round shows nothing.
  for (let round = 0; round < 20; round += 1) {
    const before = started.length;
    expect(await open()).toBeUndefined();
    if (started.length === before) return;
  }
  expect(started).toHaveLength(0);
});

it("a spare thread works for its next owner, and ends after a second without one", async () => {
  const spare = createSpareThreads();
  const worker = new Worker(echo);
  let heard = 0;
  worker.on("message", () => (heard += 1));
  worker.postMessage("first");
  await once(worker, "message");
  spare.keep(worker);
  const taken = spare.take();
  expect([taken === worker, spare.take()]).toEqual([true, undefined]);
  taken?.postMessage("second");
  expect(await once(worker, "message")).toEqual(["second"]);
  // The listener of the first owner hears nothing of the second.
  expect(heard).toBe(1);
  spare.keep(worker);
  await expect.poll(() => worker.threadId).toBe(-1);
  expect(spare.take()).toBeUndefined();
});

it("a spare thread that dies is given to no owner, and its error ends no process", async () => {
  const spare = createSpareThreads();
  const worker = new Worker(echo);
  await once(worker, "online");
  spare.keep(worker);
  worker.emit("error", new Error("broken"));
  expect(spare.take()).toBeUndefined();
  await worker.terminate();
});
