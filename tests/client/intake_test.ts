// The intake under any order of things: what is held, what is let through, and that nothing is forgotten.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Acknowledger, Delivery } from "../../src/client/delivery.ts";
import { Intake, type Valve } from "../../src/client/intake.ts";
import { MessageQueue, type Overflow } from "../../src/client/message_queue.ts";
import type { QoS } from "../../src/codec/mod.ts";
import { ManualClock, settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { text } from "./stage.ts";

class RecordedValve implements Valve {
  isHeld = false;
  areAcksHeld = false;

  holdIncoming(): void {
    assert(!this.isHeld);
    this.isHeld = true;
  }
  releaseIncoming(): void {
    assert(this.isHeld);
    this.isHeld = false;
  }
  holdAcks(): void {
    assert(!this.areAcksHeld);
    this.areAcksHeld = true;
  }
  releaseAcks(): void {
    assert(this.areAcksHeld);
    this.areAcksHeld = false;
  }
}

/** A stream, what was offered to it, and what it has given. */
interface Stream {
  readonly queue: MessageQueue;
  readonly overflow: Overflow;
  readonly capacity: number;
  readonly offered: { readonly number: number; readonly qos: QoS }[];
  readonly got: number[];
  hungry: number;
  isLeft: boolean;
  hasFailed: boolean;
}

type Step =
  | { readonly kind: "batch"; readonly messages: readonly { readonly qos: QoS; readonly streams: readonly number[] }[] }
  | { readonly kind: "take" | "leave"; readonly stream: number }
  | { readonly kind: "need" }
  | { readonly kind: "answer" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      messages: fc.array(
        fc.record({
          qos: fc.constantFrom<QoS>(0, 1, 2),
          streams: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1 }),
        }),
        { minLength: 1, maxLength: 8 },
      ),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("take" as const), stream: fc.nat({ max: 2 }) }) },
  fc.record({ kind: fc.constant("leave" as const), stream: fc.nat({ max: 2 }) }),
  { weight: 2, arbitrary: fc.constant({ kind: "need" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "answer" as const }) },
);

const stream = fc.record({
  capacity: fc.integer({ min: 1, max: 4 }),
  overflow: fc.constantFrom<Overflow>("wait", "wait", "drop-oldest", "drop-newest", "error"),
});

class World {
  readonly valve = new RecordedValve();
  readonly intake: Intake = new Intake(this.valve, 1 << 30, new ManualClock());
  readonly streams: Stream[];
  readonly #acknowledger = new Acknowledger(false, () => true);
  readonly #needs: (() => void)[] = [];
  #next = 0;

  constructor(streams: readonly { readonly capacity: number; readonly overflow: Overflow }[]) {
    this.streams = streams.map(({ capacity, overflow }) => {
      const made: Stream = {
        queue: new MessageQueue({
          topicFilter: "a",
          qos: 2,
          capacity,
          overflow,
          givesBack: false,
          handleFailed: () => made.hasFailed = true,
        }, this.intake),
        overflow,
        capacity,
        offered: [],
        got: [],
        hungry: 0,
        isLeft: false,
        hasFailed: false,
      };
      return made;
    });
  }

  async run(step: Step): Promise<void> {
    if (step.kind === "batch") {
      // A loop that is held has nothing to tell.
      if (!this.valve.isHeld) this.#addBatch(step.messages);
    } else if (step.kind === "need") {
      void this.intake.awaitAnswer(new Promise<void>((resolve) => this.#needs.push(resolve)));
    } else if (step.kind === "answer") {
      this.#needs.shift()?.();
    } else {
      const stream = this.streams[step.stream % this.streams.length]!;
      if (step.kind === "take") this.#take(stream);
      else if (!stream.isLeft) {
        stream.isLeft = true;
        stream.queue.leave();
      }
    }
    await settle();
    this.#check();
  }

  /** Every consumer takes all there is. */
  async drain(): Promise<void> {
    while (this.#needs.length > 0) this.#needs.shift()?.();
    for (const stream of this.streams) {
      while (!stream.isLeft && !stream.hasFailed && stream.hungry === 0) {
        this.#take(stream);
        await settle();
      }
      while (stream.hasFailed && stream.queue.length > 0) {
        this.#take(stream);
        await settle();
      }
    }
    this.#check();
    assertEquals([this.intake.waiting, this.intake.ahead, this.valve.isHeld], [0, 0, false]);
  }

  #addBatch(messages: readonly { readonly qos: QoS; readonly streams: readonly number[] }[]): void {
    for (const { qos, streams } of messages) {
      const number = this.#next++;
      const targets = [...new Set(streams.map((index) => this.streams[index % this.streams.length]!))]
        .filter(({ isLeft, hasFailed }) => !isLeft && !hasFailed);
      for (const { offered } of targets) offered.push({ number, qos });
      const delivery = new Delivery(text("a", `${number}`, { qos }), targets.length, this.#acknowledger);
      this.intake.add(delivery, targets.map(({ queue }) => queue));
    }
    this.intake.share();
  }

  #take(stream: Stream): void {
    if (stream.isLeft) return;
    stream.hungry++;
    stream.queue.take().then((delivery) => {
      stream.hungry--;
      if (delivery !== undefined) stream.got.push(Number(new TextDecoder().decode(delivery.publish.payload)));
    }, () => stream.hungry--);
  }

  #check(): void {
    const { waiting, ahead } = this.intake;
    const isHungry = this.streams.some(({ hungry }) => hungry > 0);
    const readsOn = this.#needs.length > 0 || isHungry;
    const beyond = this.streams.reduce((sum, { queue, capacity }) => sum + Math.max(0, queue.length - capacity), 0);
    assertEquals(ahead, beyond);
    assertEquals(this.valve.areAcksHeld, ahead > 0);
    assertEquals(this.valve.isHeld, waiting > 0 || (ahead > 0 && !readsOn));
    if (waiting > 0) assert(!readsOn && this.streams.some(isFullAndWaits), "messages wait for nothing");
    for (const stream of this.streams) {
      if (stream.hungry > 0) assertEquals(stream.queue.length, 0);
      if (stream.overflow !== "wait") assert(stream.queue.length <= stream.capacity);
      assertEquals(stream.got, stream.got.toSorted((a, b) => a - b));
    }
  }
}

function isFullAndWaits({ queue, overflow, capacity, isLeft }: Stream): boolean {
  return overflow === "wait" && !isLeft && queue.length >= capacity;
}

test(
  "whatever comes in whatever order: nothing waits without a reason, and every stream gets what it should",
  async () => {
    const streams = fc.array(stream, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(streams, fc.array(step, { maxLength: 60 }), async (streams, steps) => {
        const world = new World(streams);
        for (const step of steps) await world.run(step);
        await world.drain();
        for (const { overflow, offered, got, queue, isLeft, hasFailed } of world.streams) {
          if (isLeft) continue;
          const numbers = offered.map(({ number }) => number);
          if (overflow === "wait") assertEquals(got, numbers);
          else if (overflow === "error") assertEquals(got, hasFailed ? numbers.slice(0, got.length) : numbers);
          else assertEquals(got.length + queue.dropped, numbers.length);
        }
      }),
      { numRuns: 500 },
    );
  },
  { timeoutMillis: 120_000 },
);
