// What routing costs for each message, by the number of filters and by whether topics repeat: `deno bench -A bench/router_bench.ts`,
// `bun bench/router_bench.ts`. Each call routes 1000 messages. The naive way, asking one filter after the other, is the last group.
import { TopicRouter } from "../src/client/topic_router.ts";
import { TopicTrie } from "../src/client/topic_trie.ts";
import { topicMatches } from "../src/codec/mod.ts";
import { bench } from "./support/bench.ts";

const MESSAGES = 1000;
const FILTERS = 10_000;

/** A filter of each kind in turn: exact, one level open, the rest open. */
function filterOf(i: number): string {
  const device = `site/${i % 10}/device/${i}`;
  return [`${device}/temperature`, `${device}/+`, `site/+/device/${i}/#`][i % 3]!;
}

const filters = Array.from({ length: FILTERS }, (_, i) => filterOf(i));
const names = filters.map((_, i) => `site/${i % 10}/device/${i}/temperature`);
/** As a decoder hands them out: names that repeat are the very same strings, others are new each time. */
const few = Array.from({ length: MESSAGES }, (_, i) => names[i % 100]!);
const many = Array.from({ length: MESSAGES }, (_, i) => names[(i * 7919) % FILTERS]!);

let sum = 0;

function routerOf(filters: readonly string[]): TopicRouter<number> {
  const router = new TopicRouter<number>();
  for (const [i, filter] of filters.entries()) router.add(filter, i);
  return router;
}

const repeated = `route ${MESSAGES} messages, 100 topics that repeat`;
const oneFilter = routerOf(["site/#"]);
const tenThousand = routerOf(filters);
bench({
  name: "1 filter",
  group: repeated,
  baseline: true,
  fn: () => {
    for (const name of few) sum += oneFilter.match(name).length;
  },
});
bench({
  name: "10,000 filters",
  group: repeated,
  fn: () => {
    for (const name of few) sum += tenThousand.match(name).length;
  },
});

const fresh = `route ${MESSAGES} messages, each topic for the first time`;
const oneFilterTree = new TopicTrie<number>();
oneFilterTree.add("site/#", 0);
const tree = new TopicTrie<number>();
for (const [i, filter] of filters.entries()) tree.add(filter, i);
bench({
  name: "1 filter",
  group: fresh,
  baseline: true,
  fn: () => {
    for (const name of many) sum += oneFilterTree.match(name).length;
  },
});
bench({
  name: "10,000 filters",
  group: fresh,
  fn: () => {
    for (const name of many) sum += tree.match(name).length;
  },
});

const churn = `route ${MESSAGES} messages, 20,000 topics in turn`;
const crowd = Array.from({ length: 20_000 }, (_, i) => `site/${i % 10}/device/${i}/temperature`);
let next = 0;
bench({
  name: "10,000 filters",
  group: churn,
  baseline: true,
  fn: () => {
    for (let i = 0; i < MESSAGES; i++) {
      sum += tenThousand.match(crowd[next]!).length;
      next = (next + 1) % crowd.length;
    }
  },
});

bench({
  name: "10,000 filters",
  group: "route 1 message by asking each filter",
  baseline: true,
  fn: () => {
    for (const filter of filters) if (topicMatches(names[4711]!, filter)) sum++;
  },
});

// Used, so that nothing above can be left out.
if (sum < 0) throw new Error("Cannot measure: nothing was routed");
