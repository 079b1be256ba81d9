// The properties are as good as the mistakes they find: each of these sessions has one thing wrong, and none may pass.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "../support/test.ts";
import { incomingMutants } from "./incoming_mutants.ts";
import type { Mutant } from "./mutant.ts";
import { outgoingMutants } from "./outgoing_mutants.ts";
import { explain, findViolation, formatFailure } from "./run.ts";

/** Scripts within which a mutant must be caught; most need fewer than ten. */
const SCRIPTS = 20_000;

/** Calls `examine` while a mutant is at work, and mends what it broke. */
function withMutant<T>({ patch }: Mutant, examine: () => T): T {
  const mend = patch?.();
  try {
    return examine();
  } finally {
    mend?.();
  }
}

for (const mutant of [...outgoingMutants, ...incomingMutants]) {
  test(`caught: ${mutant.name}`, () => {
    const { create } = mutant;
    const found = withMutant(mutant, () => findViolation({ firstSeed: 1, scripts: SCRIPTS, create }));
    assert(found !== undefined, `not caught within ${SCRIPTS} scripts`);
    assert(mutant.breaks.includes(found.violation.property), found.violation.message);
    const again = withMutant(mutant, () => findViolation({ firstSeed: found.script.seed, scripts: 1, create }));
    assertEquals(again?.violation.message, found.violation.message, "the seed shows it again");
  });
}

test("what was broken is mended: the same scripts pass", () => {
  assertEquals(findViolation({ firstSeed: 1, scripts: 300 }), undefined);
});

test("a failure is explained by a short script, its seed and a transcript", () => {
  const mutant = outgoingMutants.find(({ name }) => name === "DUP is not set")!;
  const { create } = mutant;
  const found = findViolation({ firstSeed: 1, scripts: SCRIPTS, create })!;
  const failure = explain(found, create);
  assertEquals(failure.script.operations.map(({ op }) => op).sort(), ["advance", "cut", "open", "publish"]);
  assertEquals(failure.violation.property, "DUP");
  const text = formatFailure(failure);
  assertStringIncludes(text, `deno task sim --scripts 1 --seed ${found.script.seed}`);
  assertStringIncludes(text, `{"op":"cut"},`);
  assertStringIncludes(text, "> publish c/0 qos 1 packetId 1");
});
