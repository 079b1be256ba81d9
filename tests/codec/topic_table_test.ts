// The two tables of Topic Names, and the budget that keeps them from costing more than they save.

import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { IncomingBytes } from "../../src/codec/incoming_bytes.ts";
import { LookupBudget } from "../../src/codec/lookup_budget.ts";
import { MalformedPacketError } from "../../src/codec/mod.ts";
import { preparedTopicBytes } from "../../src/codec/prepared_topic.ts";
import { TopicCache } from "../../src/codec/topic_cache.ts";
import { mixWord, TopicInterner } from "../../src/codec/topic_interner.ts";
import { test } from "../support/test.ts";
import { hex } from "./hex.ts";

const MISSES_TO_PAUSE = 2048;
const MISSES_OF_A_TRIAL = 64;
const PAUSE = 8192;

test("a budget pauses lookups after a run of misses, and tries again", () => {
  const budget = new LookupBudget(3);
  for (let i = 0; i < MISSES_TO_PAUSE; i++) {
    assertEquals(budget.admits(), true, `lookup ${i}`);
    budget.recordMiss();
  }
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < PAUSE; i++) assertEquals(budget.admits(), false);
    for (let i = 0; i < MISSES_OF_A_TRIAL; i++) {
      assertEquals(budget.admits(), true);
      budget.recordMiss();
    }
  }
});

test("a budget whose hits pay for its misses never pauses", () => {
  const budget = new LookupBudget(3);
  for (let i = 0; i < 100_000; i++) {
    assertEquals(budget.admits(), true);
    if (i % 4 === 0) budget.recordMiss();
    else budget.recordHit();
  }
});

test("a trial that hits wins the budget back", () => {
  const budget = new LookupBudget(1);
  for (let i = 0; i < MISSES_TO_PAUSE; i++) budget.recordMiss();
  for (let i = 0; i < PAUSE; i++) budget.admits();
  for (let i = 0; i < 10_000; i++) budget.recordHit();
  for (let i = 0; i < MISSES_TO_PAUSE - 1; i++) budget.recordMiss();
  assertEquals(budget.admits(), true);
  budget.recordMiss();
  assertEquals(budget.admits(), false);
});

test("the interner reads every name right, few or many, new or known", () => {
  const interner = new TopicInterner();
  const ascii = Array.from({ length: 12_000 }, (_, i) => `site/${i}/reading`);
  const scripts = Array.from({ length: 2000 }, (_, i) => `${String.fromCodePoint(0x100 + i)}/é€\u{1f600}`);
  const lengths = Array.from({ length: 300 }, (_, i) => "x".repeat(i + 1));
  const marks = ["\ufeff", "\ufeffa", "a\ufeff", "\u0001", "\uffff"];
  for (
    const names of [ascii.slice(0, 50), scripts, lengths, marks, ascii, ascii.slice(0, 900), ascii.slice(100, 130)]
  ) {
    for (let pass = 0; pass < 4; pass++) {
      for (const name of names) assertEquals(decode(interner, encode(name)), name);
    }
  }
});

test("the interner tells names apart that differ in one byte, wherever it is", () => {
  const interner = new TopicInterner();
  const base = "abcdefghijklmnopqrstuvwxyzabcdefg";
  const names = Array.from({ length: base.length * 10 }, (_, i) => {
    const at = i % base.length;
    return base.slice(0, at) + Math.floor(i / base.length) + base.slice(at + 1);
  });
  const beginnings = Array.from({ length: base.length }, (_, i) => base.slice(0, i + 1));
  for (let pass = 0; pass < 5; pass++) {
    for (const name of [...names, ...beginnings]) assertEquals(decode(interner, encode(name)), name);
  }
});

test("the interner tells names apart that have the same hash", () => {
  const interner = new TopicInterner();
  const pairs = collidingNames(50);
  for (let pass = 0; pass < 5; pass++) {
    for (const name of pairs.flat()) assertEquals(decode(interner, encode(name)), name);
  }
});

test("a malformed name is never taken in, however often it comes", () => {
  const interner = new TopicInterner();
  for (
    const [bytes, rule] of [
      ["61 2f 23", "MQTT-3.3.2-2"],
      ["61 00", "MQTT-1.5.3-2"],
      ["ff", "MQTT-1.5.3-1"],
      ["c3 a9 2b", "MQTT-3.3.2-2"],
    ] as const
  ) {
    for (let i = 0; i < 10; i++) {
      const error = assertThrows(() => decode(interner, hex(bytes)), MalformedPacketError);
      assertEquals(error.rule, rule);
    }
  }
});

test("the cache gives the very topic again, and forgets names that are not used", () => {
  const cache = new TopicCache();
  const first = cache.find("a/b")!;
  assertEquals([first.topicName, preparedTopicBytes(first)], ["a/b", hex("00 03 61 2f 62")]);
  assertStrictEquals(cache.find("a/b"), first);
  for (let i = 0; i < 1500; i++) {
    cache.find(`other/${i}`);
    assertStrictEquals(cache.find("a/b"), first);
  }
  // Two generations of other names push it out.
  const fresh = new TopicCache();
  const forgotten = fresh.find("a/b")!;
  for (let i = 0; i < 2048; i++) assertStrictEquals(fresh.find(`other/${i}`), fresh.find(`other/${i}`));
  assertStrictEquals(fresh.find("other/1100"), fresh.find("other/1100"));
  const again = fresh.find("a/b");
  assertEquals(again?.topicName, forgotten.topicName);
  assertNotStrictEquals(again, forgotten);
});

test("the cache takes in nothing that should not be sent, is too long, or not worth it", () => {
  const cache = new TopicCache();
  for (const topicName of ["", "#", "a+", "\0", "\u0001", "\ud800", "x".repeat(129)]) {
    assertEquals(cache.find(topicName), undefined);
  }
  assertEquals(preparedTopicBytes(cache.find("x".repeat(128))!).length, 130);
  for (let i = 0; i < 3000; i++) cache.find(`new/${i}`);
  assertEquals(cache.find("late"), undefined);
});

/** Finds pairs of names of eight letters whose hashes are the same: the second word makes up for what the first one changed. */
function collidingNames(count: number): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; pairs.length < count; i++) {
    const [first, other] = [letters(i), letters(i * 31 + 7)];
    const second = letters(i * 17 + 3);
    const otherSecond = second ^ mixWord(8, first) ^ mixWord(8, other);
    const bytes = [otherSecond, otherSecond >> 8, otherSecond >> 16, otherSecond >> 24].map((byte) => byte & 0xff);
    if (first === other || bytes.some((byte) => byte < 0x30 || byte > 0x7e)) continue;
    assertEquals(mixWord(mixWord(8, first), second), mixWord(mixWord(8, other), otherSecond));
    pairs.push([fourCharacters(first) + fourCharacters(second), fourCharacters(other) + fourCharacters(otherSecond)]);
  }
  return pairs;
}

/** A word of four letters, chosen by a number. */
function letters(choice: number): number {
  const letter = (place: number): number => 0x61 + Math.floor(choice / 26 ** place) % 26;
  return letter(0) | letter(1) << 8 | letter(2) << 16 | letter(3) << 24;
}

function fourCharacters(word: number): string {
  return String.fromCharCode(word & 0xff, word >> 8 & 0xff, word >> 16 & 0xff, word >> 24 & 0xff);
}

function encode(name: string): Uint8Array {
  return new TextEncoder().encode(name);
}

function decode(interner: TopicInterner, bytes: Uint8Array): string {
  return interner.decode(new IncomingBytes(bytes, 0), 0, bytes.length);
}
