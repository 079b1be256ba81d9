// A message that several filters of one client match comes once, or once for each filter: MQTT 3.1.1 leaves it to the server
// [MQTT-3.3.5-1], and a copy has nothing that tells it from another message with the same contents.
//
// Theory of operation. Streams are given each message once, so copies have to be known for what they are. mosquitto, aedes and HiveMQ
// send one; EMQX and mosquitto with `allow_duplicate_messages` send a copy for each filter, one right behind the other. What kind a
// server is, is found out on each connection:
//
//   unknown ─ two messages with different contents came with their copies → copies
//      │
//      └───── a message came without: another one on its topic followed, or COPY_MILLIS passed → single
//
// While nothing is known, what looks like a copy is taken for one: a message with the contents of one that has just come. If the same
// contents come more often than copies explain, they say nothing of the server, and all of them are delivered, those included that
// were taken for copies. So against a server that sends none this swallows a message only if it equals the one before, both came
// within COPY_MILLIS, no third one did, and nothing had told the kind before; the option `overlaps` says it outright. `single` lasts
// until the next connection. `copies` is given up after several messages in a row that came without; a server may well have dropped a
// copy for want of room.
import type { Publish } from "../codec/mod.ts";

/** How long after a message its copies come, at most: they are sent together. */
const COPY_MILLIS = 250;
/** Messages that are remembered: more than that do not come between a message and its copies. */
const MAX_GROUPS = 64;
/** Messages in a row without copies, after which a server that was seen to send them is believed not to. */
const MAX_MISSES = 4;

/** How a server delivers a message that several filters of one client match; `"detect"` finds it out. */
export type Overlaps = "detect" | "single" | "copies";

/** What is known of the filters that match a message. */
export interface OverlapContext {
  /** How many there are. */
  readonly filters: number;
  /** Whether the server has granted all of them, and none is about to change: copies must come if any do. */
  readonly isCertain: boolean;
  /** Whether it has granted all of them the same QoS: copies then come in the order of the messages [MQTT-4.6.0-6]. */
  readonly isOrdered: boolean;
}

/** A message and its copies. */
interface Group {
  readonly publish: Publish;
  readonly context: OverlapContext;
  /** Copies that are still to come, if copies come. */
  copiesLeft: number;
  /** What was taken for a copy. */
  readonly copies: Publish[];
  /** Whether its contents came more often than copies explain, while nothing was known. */
  isFlood: boolean;
  at: number;
}

/** Knows copies of messages for what they are. */
export class CopyDetector {
  readonly #isFixed: boolean;
  #kind: "unknown" | "single" | "copies";
  #groups: Group[] = [];
  /** While nothing is known: the contents that have come with a copy. */
  #repeated: Publish | undefined;
  #misses = 0;
  #returned: Publish[] = [];

  /**
   * @param overlaps The kind of server, or that it is to be found out.
   */
  constructor(overlaps: Overlaps) {
    this.#isFixed = overlaps !== "detect";
    this.#kind = overlaps === "detect" ? "unknown" : overlaps;
  }

  /** A new connection, perhaps to another server. */
  handleConnected(): void {
    if (!this.#isFixed) this.#kind = "unknown";
    this.#groups = [];
    this.#repeated = undefined;
    this.#misses = 0;
  }

  /** Reading was held: time that passed means nothing. */
  handleHeld(now: number): void {
    for (const group of this.#groups) group.at = now;
  }

  /**
   * Judges a message that several filters match.
   *
   * @param publish The message.
   * @param context What is known of those filters.
   * @param now The time now, in milliseconds.
   * @returns Whether it is a copy of one before.
   */
  isCopy(publish: Publish, context: OverlapContext, now: number): boolean {
    if (this.#kind === "single") return false;
    this.#forgetBefore(now - COPY_MILLIS);
    const group = this.#groups.findLast((group) => isSame(group.publish, publish));
    if (group !== undefined && group.copiesLeft > 0) {
      this.#handleCopy(group, publish);
      return true;
    }
    if (group !== undefined && this.#kind === "unknown") {
      this.#handleFlood(group, now);
      return false;
    }
    if (group === undefined) this.#handleNext(publish, context);
    else this.#groups.splice(this.#groups.indexOf(group), 1);
    if (this.#isSingle) return false;
    if (this.#groups.length === MAX_GROUPS) this.#handleMissing(this.#groups.shift()!);
    this.#groups.push({ publish, context, copiesLeft: context.filters - 1, copies: [], isFlood: false, at: now });
    return false;
  }

  /** Takes what was taken for copies and is none. */
  takeReturned(): Publish[] {
    const returned = this.#returned;
    this.#returned = [];
    return returned;
  }

  /** A getter of its own: the kind changes between two looks at it. */
  get #isSingle(): boolean {
    return this.#kind === "single";
  }

  #handleCopy(group: Group, copy: Publish): void {
    group.copiesLeft--;
    group.copies.push(copy);
    this.#misses = 0;
    if (this.#kind !== "unknown" || group.copies.length > 1) return;
    if (this.#repeated !== undefined && !isSame(this.#repeated, copy)) this.#kind = "copies";
    this.#repeated = copy;
  }

  /** More of the same than copies explain. */
  #handleFlood(group: Group, now: number): void {
    group.at = now;
    if (group.isFlood) return;
    group.isFlood = true;
    this.#returned.push(...group.copies);
    if (this.#repeated !== undefined && isSame(this.#repeated, group.publish)) this.#repeated = undefined;
  }

  /** A message that equals none before: its forerunner on the topic has no more copies to come. */
  #handleNext(publish: Publish, context: OverlapContext): void {
    const index = this.#groups.findLastIndex((group) => group.publish.topicName === publish.topicName);
    const before = this.#groups[index];
    if (before === undefined || !context.isOrdered || before.publish.qos !== publish.qos) return;
    this.#groups.splice(index, 1);
    this.#handleMissing(before);
  }

  #forgetBefore(time: number): void {
    const old = this.#groups.filter((group) => group.at < time);
    if (old.length === 0) return;
    this.#groups = this.#groups.filter((group) => group.at >= time);
    for (const group of old) this.#handleMissing(group);
  }

  /** No more copies of this message will come. */
  #handleMissing({ copies, context }: Group): void {
    if (copies.length > 0 || !context.isCertain || this.#isFixed) return;
    if (this.#kind === "copies" && ++this.#misses < MAX_MISSES) return;
    this.#kind = "single";
    this.#groups = [];
  }
}

function isSame(a: Publish, b: Publish): boolean {
  if (a.topicName !== b.topicName || a.retain !== b.retain || a.payload.length !== b.payload.length) return false;
  for (let i = 0; i < a.payload.length; i++) if (a.payload[i] !== b.payload[i]) return false;
  return true;
}
