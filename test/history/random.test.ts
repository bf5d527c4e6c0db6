import { describe, expect, it } from "vitest";
import { createRandom } from "./random.js";

const draw = (seed: string) => {
  const random = createRandom(seed);
  return Array.from({ length: 1_000 }, () => random.below(10));
};

describe("choices from a seed", () => {
  it("choices are the same for the same seed, and differ for another", () => {
    expect(draw("a")).toEqual(draw("a"));
    expect(draw("a")).not.toEqual(draw("b"));
  });

  it("choices cover all values about equally often", () => {
    for (let value = 0; value < 10; value++) {
      const times = draw("a").filter((each) => each === value).length;
      expect(times > 60 && times < 150).toBe(true);
    }
  });

  it("weighted choices follow their weights, and a weight of zero is never chosen", () => {
    const random = createRandom("a");
    const drawn = Array.from({ length: 1_000 }, () => random.weighted({ often: 9, seldom: 1, never: 0 }));
    const count = (name: string) => drawn.filter((each) => each === name).length;
    expect([count("often") > 800, count("seldom") > 50, count("never")]).toEqual([true, true, 0]);
  });
});
