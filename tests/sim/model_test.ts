// Thousands of random scripts against one session in a simulated world. `deno task sim` runs more of them.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { test } from "../support/test.ts";
import { withFewPacketIds } from "./few_packet_ids.ts";
import { Random } from "./random.ts";
import { explain, findViolation, formatFailure, runScript, type Search } from "./run.ts";
import { drawScript, plainSetup, type Script } from "./script.ts";
import { shrink } from "./shrink.ts";

function holds(search: Search): void {
  const found = findViolation(search);
  assert(found === undefined, found === undefined ? "" : formatFailure(explain(found)));
}

function transcriptOf(script: Script): string[] {
  const transcript: string[] = [];
  assertEquals(runScript(script, undefined, transcript), undefined);
  return transcript;
}

for (const cleanSession of [false, true]) {
  for (const ackMode of ["automatic", "manual"] as const) {
    test(`all properties hold: Clean Session ${cleanSession ? 1 : 0}, ${ackMode} acknowledgement`, () => {
      holds({ firstSeed: 1, scripts: 1_500, setup: { cleanSession, ackMode } });
    });
  }
}

for (const inflight of [1, 3, 100]) {
  test(`all properties hold: window of ${inflight}`, () => {
    holds({ firstSeed: 100_001, scripts: 500, setup: { inflight } });
  });
}

for (const packetIds of [2, 5, 12]) {
  test(`all properties hold: ${packetIds} Packet Identifiers that come round and run out`, () => {
    const mend = withFewPacketIds(packetIds, true);
    try {
      holds({ firstSeed: 200_001, scripts: 500, setup: { packetIds } });
    } finally {
      mend();
    }
  });
}

test("the same script leaves the same transcript, another seed another", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const script = drawScript(seed, new Random(seed));
    assertEquals(drawScript(seed, new Random(seed)), script);
    assertEquals(transcriptOf(script), transcriptOf(script));
    assertNotEquals(drawScript(seed + 1, new Random(seed + 1)).operations, script.operations);
  }
});

test("the numbers of a seed are the same on every runtime", () => {
  const random = new Random(7);
  assertEquals(Array.from({ length: 6 }, () => random.below(1_000)), [193, 298, 323, 181, 314, 62]);
});

/** What the scripts must lead to again and again; a simulation in which nothing happens proves nothing. */
const SIGHTS: Readonly<Record<string, RegExp>> = {
  "a PUBLISH is replayed": /> publish .* dup/,
  "a PUBREL is replayed": /sessionPresent[^*]*> pubrel/,
  "subscriptions are restored": /< connack returnCode 0\n[^*]*> subscribe packetId \d+ (f\/\d+,?)+\n[^*]*! connected/,
  "requests fail with their session": /! request-failed/,
  "a connection is refused": /< connack returnCode 3/,
  "a peer is given up": /! given up/,
  "a ping is answered": /< pingresp/,
  "a QoS 2 message is repeated by the server": /< publish s\/\d+ qos 2 dup/,
  "DISCONNECT leaves": /> disconnect/,
  "DISCONNECT leaves after a replay": /publish [^\n]* dup(.|\n)*> disconnect/,
};

test("the scripts lead to everything that matters", () => {
  const counts = new Map(Object.keys(SIGHTS).map((sight) => [sight, 0]));
  for (let seed = 1; seed <= 400; seed++) {
    const text = transcriptOf(drawScript(seed, new Random(seed))).join("\n");
    for (const [sight, pattern] of Object.entries(SIGHTS)) {
      if (pattern.test(text)) counts.set(sight, counts.get(sight)! + 1);
    }
  }
  for (const [sight, count] of counts) assert(count >= 4, `${sight}: in ${count} of 400 scripts`);
});

test("shrinking leaves the operations that matter, with the smallest arguments", () => {
  const script: Script = {
    seed: 1,
    setup: { ...plainSetup, latencyMillis: 200, inflight: 3 },
    operations: Array.from({ length: 50 }, (_, i) => ({ op: "advance", millis: 1_000 + i })),
  };
  const millisOf = ({ operations }: Script): number =>
    operations.reduce((sum, operation) => sum + ("millis" in operation ? operation.millis : 0), 0);
  const small = shrink(script, (candidate) => candidate.setup.inflight === 3 && millisOf(candidate) >= 100);
  assertEquals(small.operations, [{ op: "advance", millis: 100 }]);
  assertEquals(small.setup, { ...plainSetup, inflight: 3 });
});
