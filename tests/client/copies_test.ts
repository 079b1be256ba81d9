// Overlapping filters: each stream gets each message once, whether the server sends one copy or one for each filter [MQTT-3.3.5-1].

import { assertEquals } from "@std/assert";
import { CopyDetector, type OverlapContext } from "../../src/client/copies.ts";
import type { Publish, QoS } from "../../src/codec/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { openStage, read, Stage, subscribe, text } from "./stage.ts";

const TWO: OverlapContext = { filters: 2, isCertain: true, isOrdered: true };

/** Feeds messages, by text and time, to a detector; gives the texts that are delivered. */
function feed(
  messages: readonly (string | readonly [text: string, at: number])[],
  { overlaps = "detect", context = TWO, qos = 0, detector = new CopyDetector(overlaps, false) }: {
    overlaps?: "detect" | "single" | "copies";
    context?: OverlapContext;
    qos?: QoS;
    detector?: CopyDetector;
  } = {},
): string[] {
  let now = 0;
  return messages.flatMap((message) => {
    const [payload, at] = typeof message === "string" ? [message, now] : message;
    now = at;
    const publish = text("a", payload, { qos });
    const isCopy = detector.isCopy(publish, context, now);
    return [...detector.takeReturned(), ...isCopy ? [] : [publish]].map(textOf);
  });
}

function textOf({ payload }: Publish): string {
  return new TextDecoder().decode(payload);
}

function twice(texts: readonly string[]): string[] {
  return texts.flatMap((text) => [text, text]);
}

test("a server that sends a copy for each filter: every message is delivered once at QoS 0", () => {
  assertEquals(feed(["1", "1"]), ["1"]);
  assertEquals(feed(twice(["1", "2", "3", "2", "1"])), ["1", "2", "3", "2", "1"]);
  const three = { ...TWO, filters: 3 };
  assertEquals(feed(["1", "1", "1", "2", "2", "2"], { context: three }), ["1", "2"]);
});

for (const qos of [1, 2] as const) {
  test(`while nothing is known, QoS ${qos} is delivered rather than lost: one message comes with its copies, and no other`, () => {
    assertEquals(feed(["1", "1"], { qos }), ["1", "1"]);
    assertEquals(feed(twice(["1", "2", "3", "2", "1"]), { qos }), ["1", "1", "2", "3", "2", "1"]);
    const three = { ...TWO, filters: 3 };
    assertEquals(feed(["1", "1", "1", "2", "2", "2", "3", "3", "3"], { qos, context: three }), [
      ...["1", "1", "1", "2", "3"],
    ]);
  });

  test(`a server that sends one loses nothing at QoS ${qos}, however equal and close its messages are`, () => {
    assertEquals(feed(["x", "x"], { qos }), ["x", "x"]);
    assertEquals(feed(["x", "x", "1", "2", "2", "x"], { qos }), ["x", "x", "1", "2", "2", "x"]);
    assertEquals(feed(["x", "x", "x", "1", "2"], { qos }), ["x", "x", "x", "1", "2"]);
  });
}

test("what one QoS has told counts for the others", () => {
  const detector = new CopyDetector("detect", false);
  assertEquals(feed(["1", "1"], { detector }), ["1"]);
  assertEquals(feed(["2", "2", "3", "3"], { detector, qos: 1 }), ["2", "3"]);
});

test("the same server is what it was in doubt, until it tells otherwise; another one is not known", () => {
  const known = (isOneServer: boolean, texts: readonly string[]) => {
    const detector = new CopyDetector("detect", isOneServer);
    feed(texts, { detector });
    detector.handleConnected();
    return detector;
  };
  const copies = twice(["1", "2"]);
  assertEquals(feed(twice(["x", "y"]), { detector: known(true, copies), qos: 1 }), ["x", "y"]);
  assertEquals(feed(twice(["x", "y"]), { detector: known(false, copies), qos: 1 }), ["x", "x", "y"]);
  assertEquals(feed(["x", "x"], { detector: known(true, ["1", "2"]) }), ["x", "x"]);
  assertEquals(feed(["x", "x"], { detector: known(false, ["1", "2"]) }), ["x"]);
  // Told otherwise, and a connection on which nothing was found out in between.
  const detector = known(true, copies);
  assertEquals(feed(["3", "4", "y", "y"], { detector, qos: 1 }), ["3", "4", "y", "y"]);
  detector.handleConnected();
  detector.handleConnected();
  assertEquals(feed(["z", "z"], { detector }), ["z", "z"]);
});

test("once it is known to, messages with equal contents are told apart, however many there are", () => {
  assertEquals(feed(twice(["1", "2", "x", "x", "x", "x"])), ["1", "2", "x", "x", "x", "x"]);
});

test("a server that sends one: every message is delivered", () => {
  assertEquals(feed(["1", "2", "3"]), ["1", "2", "3"]);
});

test("once it is known to, messages with equal contents are delivered, however close", () => {
  assertEquals(feed(["1", "2", "x", "x", "x"]), ["1", "2", "x", "x", "x"]);
  // One message alone says it, after a while.
  assertEquals(feed([["x", 0], ["x", 1000], ["x", 1000], ["x", 1000]]), ["x", "x", "x", "x"]);
});

test("contents that come more often than copies explain are all delivered, and say nothing of the server", () => {
  assertEquals(feed(["x", "x", "x", "x"]), ["x", "x", "x", "x"]);
  assertEquals(feed(["x", "x", "x", "x", "x", ...twice(["1", "2", "3"])]).slice(5), ["1", "2", "3"]);
  assertEquals(feed(["x", "x", "x", "1", "2", "y", "y"]).slice(3), ["1", "2", "y", "y"]);
});

test("time that passed while reading was held says nothing", () => {
  const detector = new CopyDetector("detect", false);
  assertEquals(detector.isCopy(text("a", "1"), TWO, 0), false);
  detector.handleHeld(60_000);
  assertEquals(detector.isCopy(text("a", "1"), TWO, 60_000), true);
});

test("copies at several QoS may come in another order, which says nothing", () => {
  const mixed = { ...TWO, isOrdered: false };
  assertEquals(feed(["1", "2", "1", "2"], { context: mixed }), ["1", "2"]);
  // With one QoS the order is fixed, and the second message proves that there was no copy of the first [MQTT-4.6.0-6].
  assertEquals(feed(["1", "2", "1", "2"]), ["1", "2", "1", "2"]);
});

test("while a filter is being changed, a copy that is missing says nothing", () => {
  const detector = new CopyDetector("detect", false);
  const changing = { ...TWO, isCertain: false, isOrdered: false };
  assertEquals(detector.isCopy(text("a", "1"), changing, 0), false);
  assertEquals(detector.isCopy(text("a", "2"), TWO, 1000), false);
  assertEquals(detector.isCopy(text("a", "2"), TWO, 1000), true);
});

test("a copy that the server has dropped does not make it another server", () => {
  assertEquals(feed(["1", "1", "2", "2", "3", "4", "4", "5", "5"]), ["1", "2", "3", "4", "5"]);
  // Several in a row do.
  assertEquals(feed([...twice(["1", "2"]), "3", "4", "5", "6", "7", "x", "x"]).slice(-3), ["7", "x", "x"]);
});

test("each connection is judged anew", () => {
  const detector = new CopyDetector("detect", false);
  for (const payload of ["1", "2"]) detector.isCopy(text("a", payload), TWO, 0);
  assertEquals(detector.isCopy(text("a", "2"), TWO, 0), false);
  detector.handleConnected();
  detector.isCopy(text("a", "3"), TWO, 0);
  assertEquals(detector.isCopy(text("a", "3"), TWO, 0), true);
});

test("a server whose kind is said is not judged", () => {
  assertEquals(feed(["x", "x"], { overlaps: "single" }), ["x", "x"]);
  assertEquals(feed(["1", "2", "3", "x", "x", "x", "x"], { overlaps: "copies" }), ["1", "2", "3", "x", "x"]);
});

test("what is remembered is bounded, and what is forgotten is no copy any more", () => {
  const detector = new CopyDetector("copies", false);
  for (let i = 0; i < 100; i++) detector.isCopy(text("a", `${i}`), { ...TWO, isOrdered: false }, 0);
  assertEquals(detector.isCopy(text("a", "0"), { ...TWO, isOrdered: false }, 0), false);
  assertEquals(detector.isCopy(text("a", "99"), { ...TWO, isOrdered: false }, 0), true);
});

for (const copies of [1, 2] as const) {
  test(`streams over overlapping filters get each message once from a server that sends ${copies}`, async () => {
    const { mqtt, server } = await openStage();
    const streams = [
      await subscribe(mqtt, server, "a/#", { qos: 1 }),
      await subscribe(mqtt, server, "a/+", { qos: 1 }),
    ];
    const readings = [...streams, await mqtt.subscribe("a/+")].map((stream) => read(stream));
    const other = read(await subscribe(mqtt, server, "b"));
    // Messages with equal contents are told apart too, once the kind of server is known.
    const texts = ["1", "2", "3", "x", "x", "x", "4", "4"];
    for (const payload of texts) {
      await server.send(...Array.from({ length: copies }, () => text("a/b", payload)), text("b", payload));
    }
    for (const reading of [...readings, other]) assertEquals(reading.texts, texts);
    assertEquals(mqtt.diagnostics().streams.copies, (copies - 1) * texts.length);
    await mqtt.disconnect();
  });
}

test("copies are acknowledged, counted, and not waited for", async () => {
  const { mqtt, server } = await openStage({ ackMode: "manual", overlaps: "copies" });
  const first = await subscribe(mqtt, server, "a/#", { qos: 1 });
  await subscribe(mqtt, server, "a/b", { qos: 1 });
  await server.send(text("a/b", "1", { qos: 1, packetId: 1 }), text("a/b", "1", { qos: 1, packetId: 2 }));
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.copies, first.queued], [["puback 2"], 1, 1]);
  await mqtt.disconnectNow();
});

test("in doubt, a message at QoS 1 goes to every stream again, and is acknowledged for itself", async () => {
  const { mqtt, server } = await openStage({ ackMode: "manual" });
  const readings = [
    read(await subscribe(mqtt, server, "a/#", { qos: 1 })),
    read(await subscribe(mqtt, server, "a/b", { qos: 1 })),
  ];
  await server.send(text("a/b", "1", { qos: 1, packetId: 1 }), text("a/b", "1", { qos: 1, packetId: 2 }));
  assertEquals(readings.map(({ texts }) => texts), [["1", "1"], ["1", "1"]]);
  assertEquals([server.takeWords(), mqtt.diagnostics().streams.copies], [["puback 1", "puback 2"], 0]);
  await mqtt.disconnectNow();
});

test("a reconnect to the one server there is does not forget what it is; with several, it may be another", async () => {
  for (const [address, texts] of [["a", ["1", "2", "3"]], ["a b", ["1", "2", "3", "3"]]] as const) {
    const stage = new Stage();
    const connecting = stage.connect({ cleanSession: false }, address.split(" ").map((host) => `mqtt://${host}.test`));
    const server = await stage.accept();
    const mqtt = connecting.value!;
    const reading = read(await subscribe(mqtt, server, "a/#", { qos: 1 }));
    await subscribe(mqtt, server, "a/b", { qos: 1 });
    for (const payload of ["1", "2"]) await server.send(text("a/b", payload), text("a/b", payload));
    await server.cut();
    // The other server is tried at once.
    const next = await (address === "a" ? stage.reconnect(true) : stage.accept(true));
    await next.send(text("a/b", "3", { qos: 1, packetId: 1 }), text("a/b", "3", { qos: 1, packetId: 2 }));
    assertEquals(reading.texts, [...texts]);
    await mqtt.disconnectNow();
  }
});

test("what was taken for a copy and is none is delivered after all", async () => {
  const { mqtt, server } = await openStage();
  const first = read(await subscribe(mqtt, server, "a/#"));
  const second = read(await subscribe(mqtt, server, "a/b"));
  for (let i = 0; i < 5; i++) await server.send(text("a/b", "x"));
  assertEquals([first.texts.length, second.texts.length, mqtt.diagnostics().streams.copies], [5, 5, 0]);
  await mqtt.disconnect();
});

test("a retained message goes to the streams that have not had it, once", async () => {
  const { mqtt, server } = await openStage();
  const kept = (payload = "kept") => text("a/b", payload, { retain: true });
  const first = read(await subscribe(mqtt, server, "a/#"));
  await server.send(kept());
  const second = read(await subscribe(mqtt, server, "a/b"));
  await server.send(kept());
  assertEquals([first.texts, second.texts], [["kept"], ["kept"]]);
  // Two that were subscribed together: the server sends one for each filter.
  const third = await subscribe(mqtt, server, "a/+");
  const fourth = await subscribe(mqtt, server, "+/b");
  await server.send(kept(), text("x", "between"), kept());
  const [thirdRead, fourthRead] = [read(third), read(fourth)];
  await settle();
  assertEquals([first.texts, second.texts, thirdRead.texts, fourthRead.texts], [["kept"], ["kept"], ["kept"], [
    "kept",
  ]]);
  await mqtt.disconnect();
});

test("a server that wrongly flags its messages as retained loses none", async () => {
  const { mqtt, server } = await openStage();
  const readings = [read(await subscribe(mqtt, server, "a/#")), read(await subscribe(mqtt, server, "a/b"))];
  for (let i = 0; i < 6; i++) await server.send(text("a/b", `${i}`, { retain: true }));
  // Two may be what the server had kept for the two filters.
  assertEquals(readings.map(({ texts }) => texts), [["0", "2", "3", "4", "5"], ["0", "2", "3", "4", "5"]]);
  const alone = read(await subscribe(mqtt, server, "b"));
  for (let i = 0; i < 3; i++) await server.send(text("b", `${i}`, { retain: true }));
  assertEquals(alone.texts, ["0", "1", "2"]);
  await mqtt.disconnect();
});

test("a session that was lost brings what the server had kept again", async () => {
  const { stage, mqtt, server } = await openStage();
  const readings = [read(await subscribe(mqtt, server, "a/#")), read(await subscribe(mqtt, server, "a/b"))];
  await server.send(text("a/b", "old", { retain: true }), text("a/b", "old", { retain: true }));
  await server.cut();
  const next = await stage.reconnect();
  await next.send(text("a/b", "new", { retain: true }), text("a/b", "new", { retain: true }));
  assertEquals(readings.map(({ texts }) => texts), [["old", "new"], ["old", "new"]]);
  await mqtt.disconnectNow();
});
