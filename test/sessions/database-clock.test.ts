// The clock of a fleet: the store's, carried forward, and what the machine's does meanwhile.
import { describe, expect, it } from "vitest";
import { createStoreClock } from "../../dist/clock.js";
import { settableClock, start } from "../world/clock.js";

function open(toleranceSeconds = 60) {
  const machine = settableClock();
  const reports: number[] = [];
  const clock = createStoreClock(machine, toleranceSeconds, (ahead) => void reports.push(ahead));
  /** A reading that took `tookSeconds`, with the database's clock read in the middle. */
  const observe = (storeSeconds: number, tookSeconds = 0) => {
    const asked = machine.monotonicMs();
    machine.advance(tookSeconds);
    clock.observe?.((storeSeconds - tookSeconds / 2) * 1000, asked, machine.monotonicMs());
  };
  return { machine, clock, observe, reports };
}

describe("the clock of a database", () => {
  it("the clock is the machine's before the first reading, and then the database's", () => {
    const { clock, observe } = open();
    expect(clock.now()).toBe(start);
    observe(start - 7200);
    expect(clock.now()).toBe(start - 7200);
  });

  it("the clock follows the monotonic clock when the machine's clock is set", () => {
    const { clock, observe, machine } = open();
    observe(start + 7200);
    machine.advance(10);
    machine.advance(-3600);
    expect(clock.now()).toBe(start + 7210);
  });

  it("the clock does not follow the latency of readings", () => {
    const { clock, observe } = open();
    observe(start);
    observe(start + 1, 2);
    expect(clock.now()).toBe(start + 2);
    observe(start + 5, 6);
    expect(clock.now()).toBe(start + 8);
  });

  it("the clock never goes back for a small correction, and follows a database whose clock was set", () => {
    const { clock, observe } = open();
    observe(start);
    expect(clock.now()).toBe(start);
    observe(start - 0.4);
    expect(clock.now()).toBe(start);
    observe(start - 100);
    expect(clock.now()).toBe(start - 100);
  });

  it("the clock reports once when the machine's differs too much, and once when it agrees again", () => {
    const { observe, reports } = open(60);
    observe(start);
    observe(start - 61);
    observe(start - 62);
    observe(start - 60);
    expect(reports).toEqual([61, 0]);
  });
});
