// Petrel has no WebSocket transport. These tests hold as long as that is so: whoever adds one replaces the first by tests of its frames
// and of the subprotocol it offers.

import { assertEquals, assertThrows } from "@std/assert";
import { AsyncClient } from "../../src/client/mod.ts";
import { encodePacket, type Packet } from "../../src/codec/mod.ts";
import { UnsupportedOptionError } from "../../src/transport/transport.ts";
import { connectedScene, message, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";

test("no packet travels in a WebSocket frame: the address is refused at once [MQTT-6.0.0-1] [MQTT-6.0.0-3]", () => {
  for (const broker of ["ws://127.0.0.1:1", "wss://127.0.0.1:1"]) {
    assertThrows(() => AsyncClient.create({ clientId: "c", broker }), UnsupportedOptionError);
  }
});

test("packets need not end where chunks end, whatever carries them [MQTT-6.0.0-2]", async () => {
  const packets: Packet[] = [message("a/b", 1, 7), { type: "pubrel", packetId: 9 }, message("c"), message("d", 2, 8)];
  const bytes = packets.flatMap((packet) => [...encodePacket(packet)]);
  for (const chunkSizes of [[1], [2, 3], [5, 1, 7], [bytes.length]]) {
    const { scene, run, server } = await connectedScene({}, { chunkSizes });
    server.take();
    run.events.length = 0;
    await server.sendBytes(...bytes);
    const incoming = words(run.events).filter((word) => word.startsWith("incoming"));
    assertEquals(incoming, ["incoming publish", "incoming pubrel", "incoming publish", "incoming publish"]);
    assertEquals(server.takeWords(), ["puback 7", "pubcomp 9", "pubrec 8"]);
    scene.eventLoop.close();
  }
});
