import { describe, expect, it } from "vitest";
import type { AttemptVerdict } from "../../dist/throttle/attempt.js";
import { createAttemptQueue } from "../../dist/throttle/attempt-queue.js";
import { pause } from "../world/wait.js";

const pending: AttemptVerdict = { outcome: "pending" };
const allowed: AttemptVerdict = { outcome: "allowed" };

describe("attempts that wait", () => {
  it("waiting attempts stand in a queue that no attempt overtakes, and only the first asks", async () => {
    const lanes = createAttemptQueue();
    const order: string[] = [];
    let free = 0;
    const ask = (name: string) => async () => {
      if (free === 0) return pending;
      free -= 1;
      order.push(name);
      return allowed;
    };
    const waiting = ["a", "b", "c", "d"].map((name) => lanes.enqueue("ann", ask(name)));
    await pause(10);
    free = 5;
    const late = lanes.enqueue("ann", ask("e"));
    expect(await Promise.all([...waiting, late])).toEqual(Array.from({ length: 5 }, () => allowed));
    expect(order).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("attempts at different logins do not wait for each other", async () => {
    const lanes = createAttemptQueue();
    let open = false;
    const blocked = lanes.enqueue("ann", async () => (open ? allowed : pending));
    expect(await lanes.enqueue("bob", async () => allowed)).toEqual(allowed);
    open = true;
    expect(await blocked).toEqual(allowed);
  });

  it("waiting attempts fail with the database, and the queue goes on", async () => {
    const lanes = createAttemptQueue();
    let asked = 0;
    const failing = lanes.enqueue("ann", async () => {
      asked += 1;
      if (asked > 1) throw new Error("away");
      return pending;
    });
    const next = lanes.enqueue("ann", async () => (asked > 1 ? allowed : pending));
    await expect(failing).rejects.toThrow("away");
    expect(await next).toEqual(allowed);
  });

  it("waiting attempts give up in the end", async () => {
    const lanes = createAttemptQueue();
    expect(await Promise.all([1, 2].map(() => lanes.enqueue("ann", async () => pending)))).toEqual([pending, pending]);
  });

  it("the number of waiting attempts is limited", async () => {
    const lanes = createAttemptQueue();
    let open = false;
    const all = Array.from({ length: 200 }, () => lanes.enqueue("ann", async () => (open ? allowed : pending)));
    void pause(20).then(() => {
      open = true;
    });
    const verdicts = await Promise.all(all);
    expect(verdicts.filter(({ outcome }) => outcome === "allowed")).toHaveLength(128);
  });
});
