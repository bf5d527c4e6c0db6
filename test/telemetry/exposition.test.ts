import { expect, it } from "vitest";
import { counterFamily, expositionOf, histogramFamily } from "../../dist/telemetry/exposition.js";
import { createCounter, createHistogram } from "../../dist/telemetry/registry.js";
import { samplesOf } from "./reading.js";

it("special characters of labels and help texts are escaped", () => {
  const samples = [{ labels: { "a.b": 'one "two" \\ three\nfour' }, value: 1 }];
  const text = expositionOf([{ name: "x_total", help: "of \\ and\nlines", type: "counter", samples }]);
  expect(text).toBe(
    '# HELP x_total of \\\\ and\\nlines\n# TYPE x_total counter\nx_total{a_b="one \\"two\\" \\\\ three\\nfour"} 1\n',
  );
});

it("numbers without an end have their names", () => {
  const samples = [Infinity, -Infinity, Number.NaN, 0.1].map((value) => ({ labels: {}, value }));
  const text = expositionOf([{ name: "x", help: "x", type: "gauge", samples }]);
  expect(text.split("\n").slice(2)).toEqual(["x +Inf", "x -Inf", "x NaN", "x 0.1", ""]);
});

it("a histogram's buckets add up: each holds all that is no larger than its bound", () => {
  const histogram = createHistogram({ name: "x_seconds", help: "x", labels: {} });
  for (const seconds of [0, 0.001, 0.0011, 0.2, 10, 11]) histogram.observe({}, seconds);
  const samples = samplesOf(expositionOf([histogramFamily(histogram)]));
  const upTo = (bound: string) => samples.get(`x_seconds_bucket{le="${bound}"}`);
  expect(["0.001", "0.0025", "0.1", "0.25", "5", "10", "+Inf"].map(upTo)).toEqual([2, 3, 3, 4, 4, 5, 6]);
  expect([samples.get("x_seconds_count"), samples.get("x_seconds_sum")]).toEqual([6, expect.closeTo(21.2021)]);
});

it("a counter with few values shows them all from the start, one with many those that came", () => {
  const few = createCounter({ name: "few_total", help: "x", labels: { a: ["1", "2"], b: ["1", "2"] } });
  few.add({ a: "2", b: "1" });
  few.cell({ a: "2", b: "1" }).value += 1;
  expect([...samplesOf(expositionOf([counterFamily(few)]))]).toEqual([
    ['few_total{a="1",b="1"}', 0],
    ['few_total{a="1",b="2"}', 0],
    ['few_total{a="2",b="1"}', 2],
    ['few_total{a="2",b="2"}', 0],
  ]);
  const values = Array.from({ length: 501 }, (_, at) => String(at));
  const many = createCounter({ name: "many_total", help: "x", labels: { a: values } });
  many.add({ a: "7" });
  expect([...samplesOf(expositionOf([counterFamily(many)])).keys()]).toEqual(['many_total{a="7"}']);
});
