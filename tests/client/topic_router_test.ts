// Routing: the tree of filters and its memory agree with the plain rule, whatever is added and removed in between.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { topicMatches } from "../../src/codec/mod.ts";
import { TopicRouter } from "../../src/client/topic_router.ts";
import { TopicTrie } from "../../src/client/topic_trie.ts";
import { topicFilter, topicName } from "../codec/arbitraries.ts";
import { test } from "../support/test.ts";

/** Few different levels, so that names and filters meet. */
const level = fc.constantFrom("a", "b", "", "$SYS", "é");
const meetingName = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join("/"))
  .filter((name) => name !== "");
const meetingFilter = fc.tuple(
  fc.array(fc.oneof(level, fc.constant("+")), { minLength: 0, maxLength: 5 }),
  fc.boolean(),
).map(([levels, isRest]) => [...levels, ...isRest ? ["#"] : []].join("/")).filter((filter) => filter !== "");

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** What the rule says, filter by filter. */
function matchAll(filters: ReadonlyMap<number, string>, name: string): number[] {
  return [...filters].filter(([, filter]) => topicMatches(name, filter)).map(([value]) => value);
}

test("a tree of filters finds what the rule finds [MQTT-4.7.2-1]", () => {
  const names = fc.array(fc.oneof(meetingName, topicName), { minLength: 1, maxLength: 10 });
  const filters = fc.array(fc.oneof(meetingFilter, topicFilter), { maxLength: 30 });
  fc.assert(
    fc.property(names, filters, (names, filters) => {
      const trie = new TopicTrie<number>();
      filters.forEach((filter, i) => trie.add(filter, i));
      for (const name of names) {
        assertEquals(sorted(trie.match(name)), matchAll(new Map(filters.entries()), name), name);
      }
    }),
    { numRuns: 2000 },
  );
});

test("what is added and removed in between is seen at once, remembered or not", () => {
  type Step = { kind: "add"; filter: string } | { kind: "remove"; index: number } | { kind: "match"; name: string };
  const step: fc.Arbitrary<Step> = fc.oneof(
    meetingFilter.map((filter): Step => ({ kind: "add", filter })),
    fc.nat().map((index): Step => ({ kind: "remove", index })),
    { weight: 3, arbitrary: meetingName.map((name): Step => ({ kind: "match", name })) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const router = new TopicRouter<number>();
      const filters = new Map<number, string>();
      for (const [i, step] of steps.entries()) {
        if (step.kind === "add") {
          router.add(step.filter, i);
          filters.set(i, step.filter);
        } else if (step.kind === "match") {
          assertEquals(sorted(router.match(step.name)), matchAll(filters, step.name), step.name);
        } else if (filters.size > 0) {
          const [value, filter] = [...filters][step.index % filters.size]!;
          assert(router.remove(filter, value));
          assert(!router.remove(filter, value));
          filters.delete(value);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

test("one value under several filters, and twice under one", () => {
  const router = new TopicRouter<string>();
  router.add("a/+", "x");
  router.add("a/+", "x");
  router.add("a/b", "x");
  assertEquals(router.match("a/b"), ["x", "x", "x"]);
  assert(router.remove("a/+", "x"));
  assertEquals(router.match("a/b"), ["x", "x"]);
  assert(!router.remove("a/#", "x"));
  assert(!router.remove("a", "x"));
  assert(!router.remove("a/b", "y"));
  assertEquals(router.match("a/b"), ["x", "x"]);
});

test("what was handed out does not change when filters do", () => {
  const router = new TopicRouter<string>();
  router.add("a/#", "x");
  const before = router.match("a/b");
  router.add("a/b", "y");
  router.remove("a/#", "x");
  assertEquals([before, router.match("a/b")], [["x"], ["y"]]);
});

test("what is no Topic Filter is refused [MQTT-4.7.1-2]", () => {
  assertThrows(() => new TopicRouter<number>().add("a/#/b", 1), TypeError, "Cannot route: topicFilter");
});

test("a name of 32,768 levels is matched, and a filter of as many removed", () => {
  const router = new TopicRouter<number>();
  const deep = "/".repeat(32_767);
  const singles = Array.from({ length: 32_768 }, () => "+").join("/");
  router.add(deep, 1);
  router.add(singles, 2);
  router.add("/#", 3);
  assertEquals(sorted(router.match(deep)), [1, 2, 3]);
  assert(router.remove(deep, 1) && router.remove(singles, 2));
  assertEquals(router.match(deep), [3]);
});

test("very many values of one filter are found", () => {
  const trie = new TopicTrie<number>();
  for (let i = 0; i < 300_000; i++) trie.add("a/#", i);
  assertEquals(trie.match("a").length, 300_000);
});

test("the memory is bounded, however many names there are and however long they are", () => {
  const router = new TopicRouter<number>();
  router.add("#", 1);
  let most = 0;
  for (let i = 0; i < 50_000; i++) {
    assertEquals(router.match(`name/${i}`).length, 1);
    most = Math.max(most, router.remembered);
  }
  assertEquals(most, 2 * 8192);
  const { remembered } = router;
  assertEquals(router.match("long/".repeat(100)), [1]);
  assertEquals(router.remembered, remembered);
});

test("what is used stays remembered while others pass", () => {
  const router = new TopicRouter<number>();
  router.add("#", 1);
  const first = router.match("used");
  for (let i = 0; i < 40_000; i++) {
    router.match(`name/${i}`);
    if (i % 5000 === 0) router.match("used");
  }
  assert(router.match("used") === first);
});
