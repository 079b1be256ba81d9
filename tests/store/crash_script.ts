// What happens in a world whose processes die, apart from their deaths.

import type { QoS } from "../../src/codec/mod.ts";
import type { Random } from "../sim/random.ts";

/** Something that happens; what follows `together` does so in the same moment as what is before it. */
export type CrashOperation =
  | { readonly op: "publish" | "tryPublish" | "serverPublish"; readonly qos: QoS }
  /** After so many steps the server restarts without its disk: it has lost the session. The CONNACK that would say so may get lost. */
  | { readonly op: "loseSession"; readonly steps: number; readonly isHidden: boolean }
  | { readonly op: "subscribe" | "cut" | "together" };

/** About as many steps as it takes to receive a message at QoS 2. */
const MOST_STEPS_TO_LOSS = 12;

const keeping = ["publish", "publish", "tryPublish", "serverPublish", "serverPublish", "cut", "together"] as const;

/** What happens in a world whose server keeps the session, and in one where it loses the session now and then. */
const decks = { keeps: keeping, loses: [...keeping, "subscribe", "loseSession"] } as const;

/** Draws what happens, with a server that keeps the session or loses it: then while a message is on its way. */
export function drawCrashScript(random: Random, length: number, server: "keeps" | "loses"): CrashOperation[] {
  const script: CrashOperation[] = [];
  while (script.length < length) {
    const op = random.pick<(typeof decks.loses)[number]>(decks[server]);
    if (op === "loseSession") {
      script.push({ op, steps: random.below(MOST_STEPS_TO_LOSS), isHidden: random.oneIn(2) });
      script.push({ op: "serverPublish", qos: 2 });
    } else {
      script.push(
        op === "cut" || op === "together" || op === "subscribe" ? { op } : { op, qos: random.pick([1, 2, 2]) },
      );
    }
  }
  return script;
}
