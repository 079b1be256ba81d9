// The reliability suite of the Rust crates whose design this is, test by test and under its names. Where Petrel promises something
// else, the name goes on after a colon and says what.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { resolveOptions } from "../../src/client/mod.ts";
import type { QoS } from "../../src/codec/mod.ts";
import { ConnectionLostError, DisconnectTimeoutError, type MqttOptions } from "../../src/loop/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, Scene, type ServerSide, START_MILLIS, watch, words } from "./scene.ts";

/** Topic Names and the like, in the order a server got them. */
function topics(server: ServerSide): string[] {
  return server.take().map((packet) => packet.type === "publish" ? packet.topicName : packet.type);
}

/** A connected scene in which `count` publishes are asked for, each awaited by a caller of its own. */
async function publishing(count: number, options: MqttOptions, qos: QoS = 1) {
  const connected = await connectedScene(options);
  const calls = Array.from(
    { length: count },
    (_, i) => watch(connected.scene.client.publish(`${i + 1}`, "x", { qos })),
  );
  await settle();
  return { ...connected, calls };
}

/** Moves time on, and answers pings. @returns When they came. */
async function pingTimes(scene: Scene, server: ServerSide, seconds: number, each: () => Promise<void>) {
  const times: number[] = [];
  for (let second = 1; second <= seconds; second++) {
    await scene.clock.advance(1000);
    for (const packet of server.take()) {
      if (packet.type !== "pingreq") continue;
      times.push((scene.clock.now() - START_MILLIS) / 1000);
      await server.send({ type: "pingresp" });
    }
    await each();
  }
  return times;
}

test("connection_should_timeout_on_time", async () => {
  const scene = new Scene({ connectTimeoutMillis: 3000 });
  const poll = (async () => {
    for (;;) await scene.eventLoop.poll();
  })();
  const outcome = watch(poll);
  await scene.accept();
  await scene.clock.advance(2999);
  assertEquals(outcome.state, "pending");
  await scene.clock.advance(1);
  assertInstanceOf(outcome.error, ConnectionLostError);
  assertEquals(outcome.error.reason, "connect-timeout");
  scene.eventLoop.close();
});

test("test_zero_keep_alive_values", () => {
  assertEquals(resolveOptions({ clientId: "tern", broker: "mqtt://broker.test", keepAlive: 0 }).keepAlive, 0);
});

test("test_valid_keep_alive_values", () => {
  for (const keepAlive of [1, 5, 60, 65_535]) {
    assertEquals(resolveOptions({ clientId: "tern", broker: "mqtt://broker.test", keepAlive }).keepAlive, keepAlive);
  }
});

test("idle_connection_triggers_pings_on_time", async () => {
  const { scene, server } = await connectedScene({ keepAlive: 1 });
  assertEquals(await pingTimes(scene, server, 3, () => Promise.resolve()), [1, 2, 3]);
  scene.eventLoop.close();
});

test("regular_outgoing_packets_delay_keepalive_ping", async () => {
  const { scene, server } = await connectedScene({ keepAlive: 5 });
  let packetId = 0;
  // The server acknowledges: without any sign of life from it, Petrel asks for one, however much is sent.
  const times = await pingTimes(scene, server, 20, async () => {
    if (scene.clock.now() >= START_MILLIS + 10_000) return;
    scene.client.tryPublish("a", "x", { qos: 1 });
    await server.send({ type: "puback", packetId: ++packetId });
  });
  assertEquals(times, [14, 19]);
  scene.eventLoop.close();
});

test("some_incoming_and_no_outgoing_should_trigger_pings_on_time", async () => {
  const { scene, server } = await connectedScene({ keepAlive: 5 });
  assertEquals(await pingTimes(scene, server, 15, () => server.send(message("a"))), [5, 10, 15]);
  scene.eventLoop.close();
});

test("automatic_protocol_responses_delay_keepalive_ping", async () => {
  const { scene, server } = await connectedScene({ keepAlive: 5 });
  let packetId = 0;
  assertEquals(await pingTimes(scene, server, 15, () => server.send(message("a", 1, ++packetId))), []);
  scene.eventLoop.close();
});

/** An application that publishes what it receives from inside the loop that polls. @returns How many it has forwarded. */
function forward(scene: Scene, publish: (topicName: string) => Promise<unknown> | void) {
  const state = { received: 0, forwarded: 0 };
  const end = watch((async () => {
    for await (const event of scene.eventLoop) {
      if (event.type !== "incoming" || event.packet.type !== "publish") continue;
      state.received++;
      await publish("forwarded");
      state.forwarded++;
    }
  })());
  return { state, end };
}

test("same_task_bounded_forwarding_self_blocks_after_buffered_burst", async () => {
  const scene = new Scene({ capacity: 10, inflight: 1 });
  const { state, end } = forward(scene, (topicName) => scene.client.publish(topicName, "x", { qos: 1 }));
  const server = await scene.acceptConnect();
  await server.send(...Array.from({ length: 50 }, () => message("a")));
  // One in the window, ten in the channel, and the next call waits for the loop that waits for the call.
  assertEquals([state.received, state.forwarded, end.state], [12, 11, "pending"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(state.forwarded, 11);
  scene.eventLoop.close();
});

test("default_capacity_qos1_burst_is_acked_before_same_task_forwarding_blocks", async () => {
  const scene = new Scene();
  const { state } = forward(scene, (topicName) => scene.client.publish(topicName, "x", { qos: 1 }));
  const server = await scene.acceptConnect();
  await server.send(...Array.from({ length: 300 }, (_, i) => message("a", 1, i + 1)));
  // The forwarding is stuck, but the server has its acknowledgements.
  assert(state.received < 300, `${state.received}`);
  assertEquals(server.takeWords().filter((word) => word.startsWith("puback")).length, 300);
  scene.eventLoop.close();
});

test("try_publish_keeps_same_task_forwarding_pollable_under_buffered_burst", async () => {
  const scene = new Scene({ capacity: 10, inflight: 1 });
  let refused = 0;
  const { state } = forward(scene, (topicName) => {
    try {
      scene.client.tryPublish(topicName, "x", { qos: 1 });
    } catch {
      refused++;
    }
  });
  const server = await scene.acceptConnect();
  await server.send(...Array.from({ length: 50 }, () => message("a")));
  assertEquals([state.received, refused > 0], [50, true]);
  scene.eventLoop.close();
});

test("detects_halfopen_connections_in_the_second_ping_request: at one and a half Keep Alive, not at two", async () => {
  const { scene, run } = await connectedScene({ keepAlive: 5 });
  await scene.clock.advance(7499);
  assertEquals(words(run.events).includes("disconnected"), false);
  await scene.clock.advance(1);
  assertEquals(words(run.events).includes("disconnected"), true);
  scene.eventLoop.close();
});

test("requests_are_blocked_after_max_inflight_queue_size", async () => {
  const { scene, server } = await publishing(10, { inflight: 5 });
  assertEquals(topics(server), ["1", "2", "3", "4", "5"]);
  await scene.clock.advance(30_000);
  assertEquals(topics(server), []);
  scene.eventLoop.close();
});

test("requests_are_recovered_after_inflight_queue_size_falls_below_max", async () => {
  const { scene, server } = await publishing(6, { inflight: 3 });
  assertEquals(topics(server), ["1", "2", "3"]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(topics(server), ["4"]);
  await server.send({ type: "puback", packetId: 2 });
  assertEquals(topics(server), ["5"]);
  scene.eventLoop.close();
});

test("bounded_publish_backpressure_is_preserved_while_inflight_is_full", async () => {
  const { scene, server, calls } = await publishing(5, { inflight: 1, capacity: 1 });
  const admitted = (): number => calls.filter(({ state }) => state === "fulfilled").length;
  assertEquals([admitted(), topics(server)], [2, ["1"]]);
  for (let packetId = 1; packetId <= 3; packetId++) {
    await server.send({ type: "puback", packetId });
    assertEquals([admitted(), topics(server)], [2 + packetId, [`${packetId + 1}`]]);
  }
  scene.eventLoop.close();
});

test("control_request_bypasses_blocked_publish_without_ack_progress", async () => {
  const { scene, server } = await publishing(3, { inflight: 1 });
  await scene.client.subscribe("a");
  await settle();
  assertEquals(topics(server), ["1", "subscribe"]);
  scene.eventLoop.close();
});

test("tracked_unsubscribe_bypasses_blocked_publish_without_ack_progress", async () => {
  const { scene, server } = await publishing(3, { inflight: 1 });
  const notice = await scene.client.unsubscribeTracked("a");
  await settle();
  assertEquals(topics(server), ["1", "unsubscribe"]);
  await server.send({ type: "unsuback", packetId: notice.packetId! });
  await notice.waitCompletion();
  assertEquals(topics(server), []);
  scene.eventLoop.close();
});

test("blocked_publish_advances_packet_id_after_out_of_order_acks", async () => {
  const { scene, server } = await publishing(6, { inflight: 3 });
  assertEquals(server.takeWords(), ["publish 1", "publish 2", "publish 3"]);
  await server.send({ type: "puback", packetId: 3 });
  assertEquals(server.takeWords(), ["publish 4"]);
  await server.send({ type: "puback", packetId: 4 }, { type: "puback", packetId: 2 });
  assertEquals(server.takeWords(), ["publish 5", "publish 6"]);
  scene.eventLoop.close();
});

test("blocked_publish_does_not_trigger_collision_timeout_while_keepalive_progresses", async () => {
  const { scene, run, server } = await publishing(3, { inflight: 1, keepAlive: 5 });
  assertEquals(topics(server), ["1"]);
  const times = await pingTimes(scene, server, 60, () => Promise.resolve());
  assertEquals([times.length, words(run.events).includes("disconnected")], [12, false]);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals(topics(server), ["2"]);
  scene.eventLoop.close();
});

test("next_poll_after_connect_failure_reconnects", async () => {
  const scene = new Scene();
  scene.network.refuse(new Error("nobody listens"));
  await assertRejects(() => scene.eventLoop.poll(), ConnectionLostError);
  const poll = watch(scene.eventLoop.poll());
  await scene.passDelay();
  await settle();
  assertEquals(poll.value?.type, "outgoing");
  scene.eventLoop.close();
});

test("reconnection_resumes_from_the_previous_state", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false });
  for (const name of ["1", "2"]) await scene.client.publish(name, "x", { qos: 1 });
  await settle();
  assertEquals(server.takeWords(), ["publish 1", "publish 2"]);
  await server.send({ type: "puback", packetId: 1 }, { type: "puback", packetId: 2 });
  await server.cut();
  await scene.passDelay();
  const next = await scene.acceptConnect({ sessionPresent: true });
  for (const name of ["3", "4"]) await scene.client.publish(name, "x", { qos: 1 });
  await settle();
  assertEquals(next.takeWords(), ["publish 3", "publish 4"]);
  scene.eventLoop.close();
});

test("reconnection_resends_unacked_packets_from_the_previous_connection_first", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false });
  for (const name of ["1", "2", "3"]) await scene.client.publish(name, "x", { qos: 1 });
  await settle();
  await server.cut();
  for (const name of ["4", "5"]) await scene.client.publish(name, "x", { qos: 1 });
  await scene.passDelay();
  assertEquals(topics(await scene.acceptConnect({ sessionPresent: true })), ["1", "2", "3", "4", "5"]);
  scene.eventLoop.close();
});

test("reconnection_with_out_of_order_pubacks_resends_oldest_unacked_publish_first", async () => {
  const { scene, server } = await connectedScene({ cleanSession: false });
  for (const name of ["1", "2", "3", "4"]) await scene.client.publish(name, "x", { qos: 1 });
  await settle();
  await server.send({ type: "puback", packetId: 3 }, { type: "puback", packetId: 1 });
  await server.cut();
  await scene.passDelay();
  assertEquals(topics(await scene.acceptConnect({ sessionPresent: true })), ["2", "4"]);
  scene.eventLoop.close();
});

test("graceful_disconnect_completes_qos2_handshakes_before_disconnect", async () => {
  const { scene, run, server } = await connectedScene();
  await scene.client.publish("a", "x", { qos: 2 });
  await scene.client.disconnect();
  await settle();
  await server.send({ type: "pubrec", packetId: 1 });
  assertEquals(server.takeWords(), ["publish 1", "pubrel 1"]);
  await server.send({ type: "pubcomp", packetId: 1 });
  assertEquals([server.takeWords(), run.end.state], [["disconnect"], "fulfilled"]);
});

test("graceful_disconnect_does_not_wait_for_unsent_flow_controlled_publish: it does", async () => {
  const { scene, run, server } = await publishing(3, { inflight: 1 });
  await scene.client.disconnect();
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([topics(server), run.end.state], [["1", "2"], "pending"]);
  scene.eventLoop.close();
});

test("graceful_disconnect_with_timeout_does_not_wait_for_unsent_flow_controlled_publish: it does", async () => {
  const { scene, run, server } = await publishing(2, { inflight: 1 });
  await scene.client.disconnectWithTimeout(10_000);
  await server.send({ type: "puback", packetId: 1 });
  assertEquals([topics(server), run.end.state], [["1", "2"], "pending"]);
  await server.send({ type: "puback", packetId: 2 });
  assertEquals([topics(server), run.end.state], [["disconnect"], "fulfilled"]);
});

test("ordered_disconnect_waits_for_flow_controlled_publish_before_disconnect", async () => {
  const { scene, run, server } = await publishing(4, { inflight: 1 });
  await scene.client.disconnect();
  for (let packetId = 1; packetId <= 4; packetId++) await server.send({ type: "puback", packetId });
  assertEquals([topics(server), run.end.state], [["1", "2", "3", "4", "disconnect"], "fulfilled"]);
});

test("graceful_disconnect_timeout_does_not_send_disconnect", async () => {
  const { scene, run, server } = await publishing(1, {}, 2);
  await scene.client.disconnectWithTimeout(100);
  await scene.clock.advance(100);
  assertInstanceOf(run.end.error, DisconnectTimeoutError);
  assertEquals([topics(server), server.isOver], [["1"], true]);
});

test("disconnect_now_sends_disconnect_without_waiting_for_qos2_completion", async () => {
  const { scene, run, server } = await publishing(1, {}, 2);
  await scene.client.disconnectNow();
  await settle();
  assertEquals([topics(server), run.end.state], [["1", "disconnect"], "fulfilled"]);
});

test("disconnect_now_wakes_idle_eventloop", async () => {
  const { scene, run, server } = await connectedScene();
  assertEquals(run.end.state, "pending");
  await scene.client.disconnectNow();
  await settle();
  assertEquals([topics(server), run.end.state], [["disconnect"], "fulfilled"]);
});

test("reconnection_clean_session_drops_pending_packets_after_reconnect: what was never written is kept", async () => {
  const { scene, server } = await publishing(3, { inflight: 1 });
  assertEquals(topics(server), ["1"]);
  await server.cut();
  await scene.passDelay();
  const next = await scene.acceptConnect();
  // The first may have been delivered: the policy for lost sessions sends it again, as a new message.
  const [first] = next.take();
  assert(first?.type === "publish");
  assertEquals([first.topicName, first.dup], ["1", false]);
  await next.send({ type: "puback", packetId: 1 });
  await next.send({ type: "puback", packetId: 2 });
  assertEquals(topics(next), ["2", "3"]);
  scene.eventLoop.close();
});

test("state_is_being_cleaned_properly_and_pending_request_calculated_properly", async () => {
  const { scene, server } = await publishing(5, { inflight: 2, cleanSession: false });
  assertEquals(topics(server), ["1", "2"]);
  scene.eventLoop.clean();
  await settle();
  const { session, requests } = scene.eventLoop.diagnostics();
  assertEquals([session.outgoingExchanges, session.inflight, requests.publishes], [2, 2, 3]);
  const next = await scene.acceptConnect({ sessionPresent: true });
  assertEquals(topics(next), ["1", "2"]);
  scene.eventLoop.close();
});
