// Publishing from inside a handler is always safe: an echo with a window of 1 and room for one request and one message, under a flood,
// for minutes.

import { assert, assertEquals } from "@std/assert";
import type { QoS } from "../../src/codec/mod.ts";
import type { AckMode } from "../../src/session/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { FloodServer } from "./flood_server.ts";
import { openStage, read, subscribe } from "./stage.ts";

const STEP_MILLIS = 20;
const MINUTES = 3;
const WINDOW = 20;
const BURST = 10;

const cases: readonly [flood: QoS, echo: QoS, ackMode: AckMode][] = [
  [0, 1, "automatic"],
  [0, 2, "automatic"],
  [1, 1, "automatic"],
  [2, 2, "automatic"],
  [1, 2, "automatic"],
  [1, 1, "manual"],
  [2, 2, "manual"],
];

for (const [flood, echo, ackMode] of cases) {
  const name = `a flood at QoS ${flood} is echoed at QoS ${echo} for ${MINUTES} minutes, acknowledged ${ackMode}`;
  test(name, async () => {
    const options = { capacity: 1, inflight: 1, inflightQos2: 1, keepAlive: 10, ackMode } as const;
    const { stage, mqtt, server } = await openStage(options);
    const stream = await subscribe(mqtt, server, "in", { qos: flood, capacity: 1 });
    const flooder = new FloodServer(server, { topicName: "in", qos: flood, window: WINDOW, burst: BURST });
    const reading = read(stream, (message) => mqtt.publish("out", message.text(), { qos: echo }));
    let most = 0;
    for (let step = 0; step < MINUTES * 60_000 / STEP_MILLIS; step++) {
      flooder.step();
      await stage.clock.advance(STEP_MILLIS);
      const { streams } = mqtt.diagnostics();
      most = Math.max(most, stream.queued + streams.waiting);
    }
    // An echo takes one step to be answered at QoS 1, and two at QoS 2: it never stands still.
    const expected = MINUTES * 60_000 / STEP_MILLIS / echo;
    assert(Math.abs(flooder.received.length - expected) <= 2, `${flooder.received.length} of ${expected}`);
    assertEquals([reading.end.state, server.isOver, mqtt.diagnostics().counters.failures], ["pending", false, 0]);
    const echoed = flooder.received.map(Number);
    if (flood === 0) {
      assert(echoed.every((number, i) => i === 0 || number > echoed[i - 1]!));
      // What a turn decodes, what is read ahead, and the one message the stream has room for.
      assert(most <= 1 + 4096 + 4096, `${most}`);
      assertEquals(
        flooder.sent,
        reading.texts.length + stream.queued + stream.dropped + mqtt.diagnostics().streams.waiting,
      );
    } else {
      assertEquals(echoed, [...echoed.keys()]);
      assert(most <= 2 * WINDOW, `${most}`);
      assertEquals([flooder.mostUnacknowledged, stream.dropped], [WINDOW, 0]);
    }
    await settle();
    await mqtt.disconnectNow();
  }, { timeoutMillis: 120_000 });
}
