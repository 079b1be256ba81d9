// Every promise settles. A client with work in every state meets every way the world can end, under every way of polling, and each
// promise it has handed out is told why, and whether its message may have been delivered.

import { assert, assertEquals } from "@std/assert";
import { RequestFailedError } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { type Outcome, Scene, type ServerSide, watch } from "./scene.ts";

/** Takes events until the loop is done. @returns What it was told besides events. */
type Poller = (scene: Scene, signal: AbortSignal) => Promise<string[]>;

async function repeat(scene: Scene, signal: AbortSignal, poll: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  while (!signal.aborted && told.length < 10) {
    try {
      await poll();
    } catch (error) {
      told.push((error as Error).name);
    }
    if (scene.eventLoop.diagnostics().isDone && scene.eventLoop.diagnostics().events === 0) break;
  }
  return told;
}

const POLLERS: Record<string, Poller> = {
  poll: (scene, signal) => repeat(scene, signal, () => scene.eventLoop.poll({ signal })),
  pollBatch: (scene, signal) => repeat(scene, signal, () => scene.eventLoop.pollBatch({ signal })),
  iteration: async (scene) => {
    const told: string[] = [];
    try {
      for await (const event of scene.eventLoop) if (event.type === "disconnected") told.push(event.error.name);
    } catch (error) {
      told.push((error as Error).name);
    }
    return told;
  },
};

/** How a promise ended, in words. */
function fate({ state, value, error }: Outcome<unknown>): string {
  if (state === "pending") return "pending";
  if (error instanceof RequestFailedError) {
    return `${error.reason}, ${error.mayHaveBeenDelivered ? "maybe" : "not"} delivered`;
  }
  if (state === "rejected") return error instanceof Error ? error.name : String(error);
  return typeof value === "object" && value !== null && "type" in value ? String(value.type) : "fulfilled";
}

interface World {
  readonly scene: Scene;
  readonly server: ServerSide;
  /** Aborts every request and the poll. */
  readonly controller: AbortController;
}

/** Work in every state, by name: its promise, seen from outside. */
type Work = Record<string, Outcome<unknown>>;

/** A window of one, a channel of two, and a server that reads everything and answers nothing. */
async function askForEverything({ scene, controller: { signal } }: World): Promise<Work> {
  const { client } = scene;
  const written = await client.publishTracked("written", "x", { qos: 1, signal });
  const subscribing = await client.subscribeTracked("subscribing", 0, { signal });
  const unsubscribing = await client.unsubscribeTracked("unsubscribing", { signal });
  await settle();
  const held = await client.publishTracked("held", "x", { qos: 2, signal });
  const heldZero = await client.publishTracked("held zero", "x", { signal });
  return {
    "written publish": watch(written.wait()),
    "written publish, completion": watch(written.waitCompletion()),
    subscribe: watch(subscribing.wait()),
    "subscribe, completion": watch(subscribing.waitCompletion()),
    unsubscribe: watch(unsubscribing.wait()),
    "held publish": watch(held.wait()),
    "held QoS 0": watch(heldZero.wait()),
    "waiting call": watch(client.publish("waiting", "x", { signal })),
    "waiting tracked call": watch(client.publishTracked("waiting", "x", { signal })),
    "waiting call without signal": watch(client.publish("waiting", "x")),
  };
}

interface Ending {
  /** Reconnect policy and the like. */
  readonly options?: ConstructorParameters<typeof Scene>[0];
  /** Ends the world. */
  readonly end: (world: World) => Promise<void>;
  /** The fates, in the order of the work. */
  readonly fates: {
    readonly written: string;
    readonly held: string;
    readonly waiting: string;
    readonly control?: string;
  };
  /** What whoever polls is told. */
  readonly told: readonly string[];
}

/** The server comes back, or does not. */
async function cut({ scene, server }: World, sessionPresent?: boolean): Promise<ServerSide | undefined> {
  await server.cut();
  if (sessionPresent === undefined) return undefined;
  await scene.passDelay();
  return await scene.acceptConnect({ sessionPresent });
}

async function refuse(world: World): Promise<void> {
  await cut(world);
  await world.scene.passDelay();
  await (await world.scene.server.accept()).refuseConnect(5);
  await settle();
}

const LOOP_CLOSED = {
  written: "loop-closed, maybe delivered",
  held: "loop-closed, not delivered",
  waiting: "LoopClosedError",
};
const DISCONNECTED = {
  written: "disconnected, maybe delivered",
  held: "disconnected, not delivered",
  waiting: "LoopClosedError",
};

const ENDINGS: Record<string, Ending> = {
  "a loss without a reconnect policy": {
    options: { reconnect: false },
    end: async (world) => void await cut(world),
    fates: LOOP_CLOSED,
    told: ["ConnectionLostError"],
  },
  "a refusal on which the policy gives up": {
    options: { reconnect: { giveUpOn: () => true } },
    end: refuse,
    fates: LOOP_CLOSED,
    told: ["ConnectionLostError", "ConnectionRefusedError"],
  },
  "a server that is silent": {
    options: { reconnect: false, keepAlive: 10 },
    end: async ({ scene }) => await scene.clock.advance(15_000),
    fates: LOOP_CLOSED,
    told: ["ConnectionLostError"],
  },
  "a server that breaks the protocol": {
    options: { reconnect: false },
    end: async ({ server }) => await server.send({ type: "pingreq" }),
    fates: LOOP_CLOSED,
    told: ["ProtocolError"],
  },
  "a server that sends nonsense": {
    options: { reconnect: false },
    end: async ({ server }) => await server.sendBytes(0xff),
    fates: LOOP_CLOSED,
    told: ["MalformedPacketError"],
  },
  "close()": {
    end: async ({ scene }) => {
      scene.eventLoop.close();
      await settle();
    },
    fates: LOOP_CLOSED,
    told: [],
  },
  "disconnectNow()": {
    end: async ({ scene }) => {
      await scene.client.disconnectNow();
      await settle();
    },
    fates: DISCONNECTED,
    told: [],
  },
  "disconnectNow() during a back-off": {
    end: async (world) => {
      await cut(world);
      await world.scene.client.disconnectNow();
      await settle();
    },
    fates: DISCONNECTED,
    told: ["ConnectionLostError"],
  },
  "disconnectWithTimeout() that runs out": {
    end: async ({ scene }) => {
      await scene.client.disconnectWithTimeout(1000);
      await scene.clock.advance(1000);
    },
    fates: DISCONNECTED,
    told: ["DisconnectTimeoutError"],
  },
};

/** A connected world with work in every state. */
async function begin(options: Ending["options"], poller: Poller) {
  const scene = new Scene({ inflight: 1, capacity: 2, cleanSession: false, ...options });
  const controller = new AbortController();
  const polling = watch(poller(scene, controller.signal));
  const world: World = { scene, controller, server: await scene.acceptConnect() };
  return { world, work: await askForEverything(world), polling };
}

function fatesOf(work: Work): Record<string, string> {
  return Object.fromEntries(Object.entries(work).map(([name, outcome]) => [name, fate(outcome)]));
}

/** The work of `askForEverything` with the fates of its three states. */
function expected(fates: Ending["fates"]): Record<string, string> {
  const { written, held, waiting, control = written } = fates;
  return {
    "written publish": written,
    "written publish, completion": written,
    subscribe: control,
    "subscribe, completion": control,
    unsubscribe: control,
    "held publish": held,
    "held QoS 0": held,
    "waiting call": waiting,
    "waiting tracked call": waiting,
    "waiting call without signal": waiting,
  };
}

for (const [pollerName, poller] of Object.entries(POLLERS)) {
  for (const [name, { options, end, fates, told }] of Object.entries(ENDINGS)) {
    test(`everything settles after ${name}, under ${pollerName}`, async () => {
      const { world, work, polling } = await begin(options, poller);
      assertEquals(new Set(Object.values(fatesOf(work))), new Set(["pending"]));
      await end(world);
      assertEquals(fatesOf(work), expected(fates));
      assertEquals([polling.state, polling.value], ["fulfilled", told]);
      const { isDone, trackedRequests, requests } = world.scene.eventLoop.diagnostics();
      assertEquals([isDone, trackedRequests, requests], [true, 0, { publishes: 0, controls: 0 }]);
      assertEquals(world.scene.clock.pendingTimers, 0);
    });
  }

  test(`everything settles after a lost session whose policy fails, under ${pollerName}`, async () => {
    const { world, work, polling } = await begin({ onSessionLost: { qos1: "fail", qos2: "fail" } }, poller);
    const next = (await cut(world, false))!;
    // What may have been delivered has failed and left its place in the window; the rest goes on as new work.
    assertEquals(fatesOf(work), {
      ...expected({
        written: "session-lost, maybe delivered",
        control: "pending",
        held: "pending",
        waiting: "fulfilled",
      }),
      "held QoS 0": "qos0-flushed",
    });
    await answerEverything(next);
    assertEquals(new Set(Object.values(fatesOf(work)).filter((word) => word === "pending")), new Set());
    world.scene.eventLoop.close();
    await settle();
    assertEquals(polling.value, ["ConnectionLostError"]);
  });

  test(`everything settles after an abort, under ${pollerName}`, async () => {
    const { world, work, polling } = await begin({}, poller);
    world.controller.abort("enough");
    await settle();
    assertEquals(fatesOf(work), {
      ...expected({
        written: "cancelled, maybe delivered",
        held: "cancelled, not delivered",
        waiting: "enough",
      }),
      // The others have made room for it.
      "waiting call without signal": "fulfilled",
    });
    world.scene.eventLoop.close();
    await settle();
    assertEquals(polling.state, "fulfilled");
    assertEquals(world.scene.clock.pendingTimers, 0);
  });

  test(`everything settles well after disconnect(), under ${pollerName}`, async () => {
    const { world, work, polling } = await begin({}, poller);
    await world.scene.client.disconnect();
    await answerEverything(world.server);
    assertEquals(fatesOf(work), {
      "written publish": "qos1-acknowledged",
      "written publish, completion": "fulfilled",
      subscribe: "suback",
      "subscribe, completion": "fulfilled",
      unsubscribe: "unsuback",
      "held publish": "qos2-completed",
      "held QoS 0": "qos0-flushed",
      "waiting call": "fulfilled",
      "waiting tracked call": "fulfilled",
      "waiting call without signal": "fulfilled",
    });
    assertEquals([polling.state, polling.value], ["fulfilled", []]);
    assert(world.server.isOver);
  });
}

/** Plays a server that answers whatever comes, until nothing comes any more. */
async function answerEverything(server: ServerSide): Promise<void> {
  await settle();
  for (let packets = server.take(); packets.length > 0; packets = server.take()) {
    for (const packet of packets) {
      if (packet.type === "publish" && packet.qos === 1) {
        await server.send({ type: "puback", packetId: packet.packetId });
      }
      if (packet.type === "publish" && packet.qos === 2) {
        await server.send({ type: "pubrec", packetId: packet.packetId });
      }
      if (packet.type === "pubrel") await server.send({ type: "pubcomp", packetId: packet.packetId });
      if (packet.type === "unsubscribe") await server.send({ type: "unsuback", packetId: packet.packetId });
      if (packet.type === "subscribe") {
        await server.send({
          type: "suback",
          packetId: packet.packetId,
          returnCodes: packet.subscriptions.map(() => 0),
        });
      }
    }
  }
}

test("everything settles when no server was ever reached", async () => {
  const scene = new Scene({ reconnect: { maxAttempts: 3 }, capacity: 2 });
  scene.network.refuse(new Error("nobody listens"), Infinity);
  const { client } = scene;
  const work: Work = {
    "QoS 0": watch(client.tryPublishTracked("a", "x").wait()),
    "QoS 2": watch(client.tryPublishTracked("a", "x", { qos: 2 }).wait()),
    subscribe: watch(client.trySubscribeTracked("a").wait()),
    waiting: watch(client.publish("a", "x")),
  };
  const run = scene.run();
  await scene.clock.advance(60_000);
  assertEquals(fatesOf(work), {
    "QoS 0": "loop-closed, not delivered",
    "QoS 2": "loop-closed, not delivered",
    subscribe: "loop-closed, not delivered",
    waiting: "LoopClosedError",
  });
  assertEquals(fate(run.end), "ConnectionLostError");
});

const STUCK: Record<string, { end: (scene: Scene, server: ServerSide) => Promise<void>; fate: string }> = {
  "a loss": { end: (_scene, server) => server.cut(), fate: "disconnected, maybe delivered" },
  "close()": { end: (scene) => Promise.resolve(scene.eventLoop.close()), fate: "disconnected, maybe delivered" },
  "disconnectNow()": {
    end: async (scene) => {
      await scene.client.disconnectNow();
      await scene.clock.advance(1000);
    },
    fate: "disconnected, maybe delivered",
  },
  "a server that reads on": {
    end: async (_scene, server) => {
      server.connection.resume();
      await settle();
    },
    fate: "qos0-flushed",
  },
};

for (const [name, { end, fate: wanted }] of Object.entries(STUCK)) {
  test(`QoS 0 that the transport is busy with settles after ${name}`, async () => {
    const scene = new Scene({ keepAlive: 0 }, { bufferBytes: 1000 });
    scene.run();
    const server = await scene.acceptConnect();
    server.connection.pause();
    const work: Work = { stuck: watch(scene.client.tryPublishTracked("a", new Uint8Array(10_000)).wait()) };
    await settle();
    assertEquals(fatesOf(work), { stuck: "pending" });
    await end(scene, server);
    await settle();
    assertEquals(fatesOf(work), { stuck: wanted });
    scene.eventLoop.close();
  });
}
