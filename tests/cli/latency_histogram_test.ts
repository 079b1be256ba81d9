// Latencies in little memory, against a sorted list of all of them.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LatencyHistogram } from "../../src/cli/latency_histogram.ts";
import { test } from "../support/test.ts";

function histogramOf(millis: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of millis) histogram.add(value);
  return histogram;
}

test("nothing counted is nothing to tell", () => {
  const histogram = new LatencyHistogram();
  assertEquals([histogram.count, histogram.maxMillis, histogram.percentileMillis(50)], [0, 0, 0]);
  assertEquals(histogram.rows(), []);
});

test("percentiles are the latencies at their ranks, at most 1.6 % or a microsecond too large", () => {
  const latency = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 5000, noNaN: true }),
    fc.double({ min: 0, max: 1e7, noNaN: true }),
    fc.integer({ min: 0, max: 33 }).map((bits) => 2 ** bits / 1000),
  );
  fc.assert(fc.property(fc.array(latency, { minLength: 1, maxLength: 200 }), (latencies) => {
    const histogram = histogramOf(latencies);
    const sorted = [...latencies].sort((a, b) => a - b);
    for (const percent of [0.1, 50, 90, 99, 99.9, 100]) {
      const exact = sorted[Math.max(1, Math.ceil(sorted.length * percent / 100)) - 1]!;
      const told = histogram.percentileMillis(percent);
      // A factor of a thousand, there and back, may cost the last bit.
      assert(
        told >= exact * (1 - Number.EPSILON) && told <= exact * 1.016 + 0.001,
        `p${percent} is ${exact}, and told as ${told}`,
      );
    }
    assertEquals(histogram.count, latencies.length);
    assertEquals(histogram.maxMillis, sorted.at(-1));
    const rows = histogram.rows();
    assertEquals(rows.reduce((sum, { count }) => sum + count, 0), latencies.length);
    assert(rows.at(0)!.count > 0 && rows.at(-1)!.count > 0);
    assert(sorted.at(-1)! < rows.at(-1)!.belowMillis);
  }));
});

test("rows end at 1, 2, 5, 10 and so on, without a gap", () => {
  assertEquals(histogramOf([0.0125, 0.015, 0.6, 1.5, 1.5]).rows(), [
    { belowMillis: 0.02, count: 2 },
    { belowMillis: 0.05, count: 0 },
    { belowMillis: 0.1, count: 0 },
    { belowMillis: 0.2, count: 0 },
    { belowMillis: 0.5, count: 0 },
    { belowMillis: 1, count: 1 },
    { belowMillis: 2, count: 2 },
  ]);
});

test("times that no clock should give are counted all the same", () => {
  const histogram = histogramOf([-1, 1e12]);
  assertEquals([histogram.count, histogram.maxMillis], [2, 1e12]);
});
