// A process that dies at any step, and then another: nothing that was promised is lost, and nothing at QoS 2 comes twice.

import { assert, assertEquals } from "@std/assert";
import { Persistence } from "../../src/loop/persistence.ts";
import { IncomingExchanges } from "../../src/session/incoming.ts";
import { Recovery } from "../../src/session/recovery.ts";
import { SessionJournal } from "../../src/store/mod.ts";
import { Random } from "../sim/random.ts";
import { replaceGetter, replaceMethod } from "../sim/mutant.ts";
import { test } from "../support/test.ts";
import { type CrashOperation, drawCrashScript } from "./crash_script.ts";
import { type CrashSetup, CrashWorld } from "./crash_world.ts";

const SCRIPT_LENGTH = 14;

interface Found {
  readonly deaths: readonly number[];
  readonly faults: readonly string[];
}

/** Draws how a world is in which processes may die, and lets six of them die anywhere in it. */
async function dieAgainAndAgain(
  random: Random,
  kind: Pick<CrashSetup, "ackMode" | "commits">,
  server: "keeps" | "loses",
): Promise<Found | undefined> {
  const setup = {
    ...kind,
    serverDelivers: random.pick(["at-publish", "at-pubrel"] as const),
    inflight: random.pick([1, 3, 100]),
  };
  const script = drawCrashScript(random, 2 * SCRIPT_LENGTH, server);
  const deaths = Array.from({ length: 6 }, () => random.below(150));
  const world = new CrashWorld(setup, deaths);
  await world.run(script);
  return world.faults.length === 0 ? undefined : { deaths, faults: world.faults };
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

const servers = ["keeps", "loses"] as const;
const kinds = (["automatic", "manual"] as const).flatMap((ackMode) =>
  (["at once", "later"] as const).flatMap((commits) => servers.map((server) => ({ ackMode, commits, server })))
);

for (const { ackMode, commits, server } of kinds) {
  const title = `${ackMode} acknowledgement, commits that are done ${commits}, a server that ${server} the session`;

  test(`a process may die at every step: ${title}`, async () => {
    for (let seed = 1; seed <= (server === "keeps" ? 4 : 2); seed++) {
      const random = new Random(seed);
      const setup = {
        ackMode,
        commits,
        serverDelivers: random.pick(["at-publish", "at-pubrel"] as const),
        inflight: random.pick([1, 2, 100]),
      };
      const { steps, found } = await dieAtEveryStep(setup, drawCrashScript(random, SCRIPT_LENGTH, server));
      assertEquals(found, undefined, `seed ${seed}, ${JSON.stringify(setup)}`);
      assert(steps > 40, `only ${steps} steps in seed ${seed}`);
    }
  });

  test(`processes may die again and again: ${title}`, async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const found = await dieAgainAndAgain(new Random(seed), { ackMode, commits }, server);
      assertEquals(found, undefined, `seed ${seed}`);
    }
  });
}

interface Mutant {
  readonly break: () => () => void;
  readonly shows: RegExp;
  /** Whether the server keeps the session, as it does unless it matters. */
  readonly server?: "keeps" | "loses";
  /** Whether one death is too few for it to show. */
  readonly needsManyDeaths?: boolean;
}

/** Each is one thing wrong; every one of them must show. */
const mutants: Readonly<Record<string, Mutant>> = {
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
  "a doubt about subscriptions ends with CONNACK": {
    break: () => replaceGetter(Recovery.prototype, "isSettled", () => true),
    server: "loses",
    shows: /the server does not have the subscriptions/,
  },
  "a doubt about identifiers ends with CONNACK": {
    break: () => replaceGetter(IncomingExchanges.prototype, "hasDoubts", () => false),
    server: "loses",
    needsManyDeaths: true,
    shows: /was never told/,
  },
};

/** Looks for a fault of a mutant. */
async function find(mutant: Mutant, seed: number): Promise<Found | undefined> {
  const { server = "keeps", needsManyDeaths = false } = mutant;
  let found: Found | undefined;
  for (const ackMode of ["automatic", "manual"] as const) {
    const random = new Random(seed);
    const setup = { ackMode, commits: "later", serverDelivers: "at-publish", inflight: 100 } as const;
    found ??= needsManyDeaths
      ? await dieAgainAndAgain(random, setup, server)
      : (await dieAtEveryStep(setup, drawCrashScript(random, SCRIPT_LENGTH, server))).found;
  }
  return found;
}

for (const [name, mutant] of Object.entries(mutants)) {
  test(`caught: ${name}`, async () => {
    const mend = mutant.break();
    let found: Found | undefined;
    try {
      const seeds = mutant.needsManyDeaths ? 100 : 12;
      for (let seed = 1; seed <= seeds && !mutant.shows.test(`${found?.faults}`); seed++) {
        found = await find(mutant, seed);
      }
    } finally {
      mend();
    }
    assert(found !== undefined && mutant.shows.test(`${found.faults}`), `${found?.faults}`);
  });
}
