// Any number of streams on one filter, coming and going at any moment: what the server knows is in the end what they want.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SharedFilter, type Subscriber } from "../../src/client/shared_filter.ts";
import type { Sink } from "../../src/client/sink.ts";
import type { QoS, Suback } from "../../src/codec/mod.ts";
import { LoopClosedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { type Outcome, watch } from "../loop/scene.ts";
import { test } from "../support/test.ts";

/** A sink that only remembers how it ended. */
class SilentSink implements Sink {
  readonly isUndecided = false;
  ended: Error | undefined;
  readonly qos: QoS;

  constructor(qos: QoS) {
    this.qos = qos;
  }

  offer(): boolean {
    return true;
  }
  handleLate(): void {}
  admitsRetained(): boolean {
    return true;
  }
  handleSessionLost(): void {}
  handleRepetition(): void {}
  end(error: Error | undefined): void {
    this.ended = error;
  }
}

/** A server that answers when it is told to, and may refuse. */
class SlowServer implements Subscriber {
  /** What it knows; `undefined` if it is not subscribed to. */
  qos: QoS | undefined;
  isClosed = false;
  readonly #waiting: (() => void)[] = [];

  subscribe(_topicFilter: string, qos: QoS): Promise<Suback> {
    if (this.isClosed) return Promise.reject(new LoopClosedError("subscribe"));
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (this.isClosed) return reject(new LoopClosedError("subscribe"));
        const isRefused = this.#refusals > 0;
        if (isRefused) this.#refusals--;
        else this.qos = qos;
        resolve({ type: "suback", packetId: 1, returnCodes: [isRefused ? 0x80 : qos] });
      });
    });
  }

  unsubscribe(): Promise<void> {
    if (this.isClosed) return Promise.reject(new LoopClosedError("unsubscribe"));
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        this.qos = undefined;
        resolve();
      });
    });
  }

  #refusals = 0;

  refuseNext(): void {
    this.#refusals++;
  }

  /** @returns Whether there was anything to answer. */
  answer(): boolean {
    const next = this.#waiting.shift();
    next?.();
    return next !== undefined;
  }

  close(): void {
    this.isClosed = true;
    while (this.answer());
  }
}

type Step =
  | { readonly kind: "join"; readonly qos: QoS; readonly isAborted: boolean }
  | { readonly kind: "leave"; readonly index: number }
  | { readonly kind: "answer" | "refuse" | "close" }
  | { readonly kind: "wait"; readonly microtasks: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("join" as const), qos: fc.constantFrom<QoS>(0, 1, 2), isAborted: fc.boolean() }),
  fc.record({ kind: fc.constant("leave" as const), index: fc.nat() }),
  { weight: 2, arbitrary: fc.constant({ kind: "answer" as const }) },
  fc.constant({ kind: "refuse" as const }),
  fc.constant({ kind: "close" as const }),
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), microtasks: fc.integer({ min: 1, max: 6 }) }),
  },
);

test("whatever the order of joining, leaving, granting and refusing, the server ends with what is wanted", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (all, mayClose) => {
      const steps = all.filter(({ kind }) => mayClose || kind !== "close");
      const server = new SlowServer();
      let idle = 0;
      const filter = new SharedFilter("a", server, () => idle++);
      const joined: { sink: SilentSink; outcome: Outcome<QoS>; abort: AbortController; isLeft: boolean }[] = [];
      for (const step of steps) {
        if (step.kind === "join") {
          const [sink, abort] = [new SilentSink(step.qos), new AbortController()];
          joined.push({ sink, abort, outcome: watch(filter.join(sink, abort.signal)), isLeft: false });
          if (step.isAborted) abort.abort();
        } else if (step.kind === "leave" && joined.length > 0) {
          const chosen = joined[step.index % joined.length]!;
          chosen.isLeft = true;
          filter.leave(chosen.sink);
        } else if (step.kind === "answer") server.answer();
        else if (step.kind === "refuse") server.refuseNext();
        else if (step.kind === "close") server.close();
        else if (step.kind === "wait") { for (let i = 0; i < step.microtasks; i++) await undefined; }
      }
      do await settle(); while (server.answer());
      for (const { sink, outcome, abort, isLeft } of joined) {
        // Whoever waits for an answer is told, unless it left while it waited.
        if (!isLeft) assert(outcome.state !== "pending", "a call does not settle");
        if (abort.signal.aborted && outcome.state === "rejected") filter.leave(sink);
      }
      do await settle(); while (server.answer());
      if (server.isClosed) return;
      const wanted = [...filter.sinks].map(({ qos }) => qos);
      if (wanted.length === 0) {
        assertEquals(server.qos, undefined);
        assert(joined.length === 0 || idle > 0, "the filter was not given up");
      } else {
        assert(server.qos !== undefined && server.qos >= Math.max(...wanted), `${server.qos} for ${wanted}`);
        assertEquals(filter.granted, server.qos);
      }
      for (const { sink, outcome } of joined) {
        if (outcome.state === "fulfilled" && filter.sinks.has(sink)) assertEquals(sink.ended, undefined);
      }
    }),
    { numRuns: 5000 },
  );
}, { timeoutMillis: 120_000 });

test("streams that join a live filter in the same moment are all told", async () => {
  const server = new SlowServer();
  const filter = new SharedFilter("a", server, () => {});
  const first = watch(filter.join(new SilentSink(1), undefined));
  await settle();
  server.answer();
  await settle();
  const others = Array.from({ length: 5 }, () => watch(filter.join(new SilentSink(1), undefined)));
  await settle();
  assertEquals([first, ...others].map(({ state }) => state), Array(6).fill("fulfilled"));
});
