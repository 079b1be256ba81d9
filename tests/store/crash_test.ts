// A process that dies at any step, and then another: nothing that was promised is lost, and nothing at QoS 2 comes twice.

import { assert, assertEquals } from "@std/assert";
import { Persistence } from "../../src/loop/persistence.ts";
import { SessionJournal } from "../../src/store/mod.ts";
import { Random } from "../sim/random.ts";
import { replaceMethod } from "../sim/mutant.ts";
import { test } from "../support/test.ts";
import { type CrashOperation, type CrashSetup, CrashWorld, drawCrashScript } from "./crash_world.ts";

const SCRIPT_LENGTH = 14;

interface Found {
  readonly deaths: readonly number[];
  readonly faults: readonly string[];
}

/** Runs a script once without a death, and then with one at each step. */
async function dieAtEveryStep(
  setup: CrashSetup,
  script: readonly CrashOperation[],
): Promise<{ steps: number; found: Found | undefined }> {
  const whole = new CrashWorld(setup, []);
  await whole.run(script);
  if (whole.faults.length > 0) return { steps: 0, found: { deaths: [], faults: whole.faults } };
  for (let death = 0; death < whole.steps; death++) {
    const world = new CrashWorld(setup, [death]);
    await world.run(script);
    if (world.faults.length > 0) return { steps: whole.steps, found: { deaths: [death], faults: world.faults } };
  }
  return { steps: whole.steps, found: undefined };
}

for (const ackMode of ["automatic", "manual"] as const) {
  for (const commits of ["at once", "later"] as const) {
    const title = `${ackMode} acknowledgement, commits that are done ${commits}`;

    test(`a process may die at every step: ${title}`, async () => {
      for (let seed = 1; seed <= 4; seed++) {
        const random = new Random(seed);
        const setup = {
          ackMode,
          commits,
          serverDelivers: random.pick(["at-publish", "at-pubrel"] as const),
          inflight: random.pick([1, 2, 100]),
        };
        const { steps, found } = await dieAtEveryStep(setup, drawCrashScript(random, SCRIPT_LENGTH));
        assertEquals(found, undefined, `seed ${seed}, ${JSON.stringify(setup)}`);
        assert(steps > 40, `only ${steps} steps in seed ${seed}`);
      }
    });

    test(`processes may die again and again: ${title}`, async () => {
      for (let seed = 1; seed <= 60; seed++) {
        const random = new Random(seed);
        const setup = {
          ackMode,
          commits,
          serverDelivers: random.pick(["at-publish", "at-pubrel"] as const),
          inflight: random.pick([1, 3, 100]),
        };
        const script = drawCrashScript(random, 2 * SCRIPT_LENGTH);
        const deaths = Array.from({ length: 6 }, () => random.below(150));
        const world = new CrashWorld(setup, deaths);
        await world.run(script);
        assertEquals(world.faults, [], `seed ${seed}, ${JSON.stringify(setup)}, deaths at ${deaths}`);
      }
    });
  }
}

/** Each is one thing wrong; every one of them must show. */
const mutants: Readonly<Record<string, { readonly break: () => () => void; readonly shows: RegExp }>> = {
  "bytes leave before the commit": {
    break: () =>
      replaceMethod(Persistence.prototype, "commit", (original) =>
        function (this: Persistence) {
          original.call(this);
          return undefined;
        }),
    shows: /told again|arrived 2 times|handed .* on twice/,
  },
  "identifiers are not kept": {
    break: () =>
      replaceMethod(SessionJournal.prototype, "recordChange", (original) =>
        function (this: SessionJournal, change) {
          if (change.type !== "publish-opened") original.call(this, change);
        }),
    shows: /twice|2 times/,
  },
  "a publish resolves before it is kept": {
    break: () => replaceMethod(Persistence.prototype, "whenDurable", () => () => Promise.resolve()),
    shows: /was promised and never arrived/,
  },
  "PUBREC is forgotten": {
    break: () =>
      replaceMethod(SessionJournal.prototype, "recordChange", (original) =>
        function (this: SessionJournal, change) {
          if (change.type !== "publish-released") original.call(this, change);
        }),
    shows: /twice|2 times/,
  },
  "what arrived at QoS 2 is forgotten": {
    break: () =>
      replaceMethod(SessionJournal.prototype, "recordChange", (original) =>
        function (this: SessionJournal, change) {
          if (change.type !== "incoming-received") original.call(this, change);
        }),
    shows: /told again/,
  },
  "messages are told before they are kept in mind": {
    break: () => replaceMethod(Persistence.prototype, "secureIncoming", () => () => {}),
    shows: /told again/,
  },
  "ends are forgotten": {
    break: () =>
      replaceMethod(SessionJournal.prototype, "recordChange", (original) =>
        function (this: SessionJournal, change) {
          if (change.type !== "publish-ended") original.call(this, change);
        }),
    shows: /the store has/,
  },
};

for (const [name, { break: breakIt, shows }] of Object.entries(mutants)) {
  test(`caught: ${name}`, async () => {
    const mend = breakIt();
    let found: Found | undefined;
    try {
      for (let seed = 1; seed <= 12 && !shows.test(`${found?.faults}`); seed++) {
        for (const ackMode of ["automatic", "manual"] as const) {
          const random = new Random(seed);
          const setup = { ackMode, commits: "later", serverDelivers: "at-publish", inflight: 100 } as const;
          found = (await dieAtEveryStep(setup, drawCrashScript(random, SCRIPT_LENGTH))).found;
          if (found !== undefined) break;
        }
      }
    } finally {
      mend();
    }
    assert(found !== undefined && shows.test(`${found.faults}`), `${found?.faults}`);
  });
}
