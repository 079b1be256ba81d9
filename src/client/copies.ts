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
// While nothing is known, a message with the contents of one that has just come may be its copy, or one that was published again, and
// nothing in it tells which. Then it counts what its QoS promises: at most once, so at QoS 0 it is left out; at least once, so at QoS 1
// it is delivered, and at QoS 2 too, since an application can do something about a message that comes twice, and nothing about one that
// does not come. A server that sends copies therefore has one message delivered with its copies at the beginning, and a server that sends
// none loses nothing but, at QoS 0, the second of exactly two equal messages within COPY_MILLIS. If the same contents come more often
// than copies explain, they say nothing of the server, and all of them are delivered, those included that were left out.
//
// What was found out counts in the same doubt on the next connection, if it can only be to the same server. `single` lasts until then.
// `copies` is given up after several messages in a row that came without; a server may well have dropped a copy for want of room. Not
// found out is a publisher that sends all it has as often as there are filters, each time anew: its server looks like one that sends
// copies. The option `overlaps` says it outright.
import type { Publish, QoS } from "../codec/mod.ts";

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
  /** What was taken for a copy, and left out. */
  readonly leftOut: Publish[];
  /** Whether its contents came more often than copies explain, while nothing was known. */
  isFlood: boolean;
  at: number;
}

/** Knows copies of messages for what they are. */
export class CopyDetector {
  readonly #isFixed: boolean;
  readonly #isOneServer: boolean;
  /** What the server of the connection before was. */
  #before: "unknown" | "single" | "copies" = "unknown";
  #kind: "unknown" | "single" | "copies";
  #groups: Group[] = [];
  /** While nothing is known: the contents that have come with a copy. */
  #repeated: Publish | undefined;
  #misses = 0;
  #returned: Publish[] = [];

  /**
   * @param overlaps The kind of server, or that it is to be found out.
   * @param isOneServer Whether each connection is to the same server, as far as the options tell.
   */
  constructor(overlaps: Overlaps, isOneServer: boolean) {
    this.#isFixed = overlaps !== "detect";
    this.#isOneServer = isOneServer;
    this.#kind = overlaps === "detect" ? "unknown" : overlaps;
  }

  /** A new connection, perhaps to another server. */
  handleConnected(): void {
    if (this.#kind !== "unknown" && this.#isOneServer) this.#before = this.#kind;
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
   * @returns Whether it is left out, as a copy of one before.
   */
  isCopy(publish: Publish, context: OverlapContext, now: number): boolean {
    if (this.#kind === "single") return false;
    this.#forgetBefore(now - COPY_MILLIS);
    const group = this.#groups.findLast((group) => isSame(group.publish, publish));
    if (group !== undefined && group.copiesLeft > 0) return this.#handleCopy(group, publish);
    if (group !== undefined && this.#kind === "unknown") {
      this.#handleFlood(group, now);
      return false;
    }
    if (group === undefined) this.#handleNext(publish, context);
    else this.#groups.splice(this.#groups.indexOf(group), 1);
    if (this.#isSingle) return false;
    if (this.#groups.length === MAX_GROUPS) this.#handleMissing(this.#groups.shift()!);
    this.#groups.push({ publish, context, copiesLeft: context.filters - 1, leftOut: [], isFlood: false, at: now });
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

  /** @returns Whether it is left out. */
  #handleCopy(group: Group, copy: Publish): boolean {
    const isFirst = !hasCopies(group);
    group.copiesLeft--;
    this.#misses = 0;
    if (this.#kind === "unknown" && isFirst) {
      if (this.#repeated !== undefined && !isSame(this.#repeated, copy)) this.#kind = "copies";
      this.#repeated = copy;
    }
    const isLeftOut = this.#kind === "copies" || this.#isLeftOutInDoubt(copy.qos);
    if (isLeftOut) group.leftOut.push(copy);
    return isLeftOut;
  }

  #isLeftOutInDoubt(qos: QoS): boolean {
    return this.#before === "unknown" ? qos === 0 : this.#before === "copies";
  }

  /** More of the same than copies explain. */
  #handleFlood(group: Group, now: number): void {
    group.at = now;
    if (group.isFlood) return;
    group.isFlood = true;
    this.#returned.push(...group.leftOut);
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
  #handleMissing(group: Group): void {
    if (hasCopies(group) || !group.context.isCertain || this.#isFixed) return;
    if (this.#kind === "copies" && ++this.#misses < MAX_MISSES) return;
    this.#kind = "single";
    this.#groups = [];
  }
}

function hasCopies({ context, copiesLeft }: Group): boolean {
  return copiesLeft < context.filters - 1;
}

function isSame(a: Publish, b: Publish): boolean {
  if (a.topicName !== b.topicName || a.retain !== b.retain || a.payload.length !== b.payload.length) return false;
  for (let i = 0; i < a.payload.length; i++) if (a.payload[i] !== b.payload[i]) return false;
  return true;
}
