// A short run of the fuzzer, and proof that it would tell.

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { MalformedPacketError } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import { decodeChunks, fuzz, FuzzFailure } from "../../tools/fuzz.ts";
import { malformed } from "./malformed.ts";

test("twenty thousand inputs give nothing but packets and MalformedPacketError", () => {
  const { inputs, packets, malformed: faults, rules } = fuzz({ inputs: 20_000, seed: 20_141_029 });
  assertEquals(inputs, 20_000);
  assert(packets > 2000, `${packets} packets`);
  assert(faults > 10_000, `${faults} malformed inputs`);
  const known = new Set(malformed.map(({ rule }) => rule.slice(1, -1)));
  assertEquals([...rules.keys()].filter((rule) => !known.has(rule)), []);
  assert(rules.size > known.size * 0.8, `${rules.size} of ${known.size} rules`);
});

test("the same seed makes the same run, another seed another", () => {
  const options = { inputs: 500, seed: 7 };
  assertEquals(fuzz(options), fuzz(options));
  assert(fuzz({ inputs: 500, seed: 8 }).packets !== fuzz(options).packets);
});

test("an exception of another kind ends the run with the input", () => {
  const broken: typeof decodeChunks = (chunks) => {
    const outcome = decodeChunks(chunks);
    if (outcome.packets.some(({ type }) => type === "suback")) throw new RangeError("Offset is out of bounds");
    return outcome;
  };
  const failure = assertThrows(() => fuzz({ inputs: 20_000, seed: 3 }, broken), FuzzFailure);
  assertInstanceOf(failure.cause, RangeError);
  assert(failure.message.includes("of seed 3 failed: "));
  assertThrows(() => broken([failure.input]), RangeError);
});

test("a decoder that minds the chunks ends the run", () => {
  const minding: typeof decodeChunks = (chunks) => {
    const { packets, error } = decodeChunks(chunks);
    if (chunks.length < 5 || error === undefined) return { packets, error };
    return {
      packets,
      error: new MalformedPacketError("Cannot decode packet: it is another", error.rule, error.offset),
    };
  };
  const failure = assertThrows(() => fuzz({ inputs: 20_000, seed: 3 }, minding), FuzzFailure);
  assertEquals((failure.cause as Error).message, "the chunks change the error");
});
