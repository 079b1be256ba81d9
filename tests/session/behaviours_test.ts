// What is known to be worth proving about a client's session, and where it is proved. The behaviours are those rumqttc's suites
// name: its reliability tests by their names, its unit tests by what they check. A behaviour of another layer has the reason here.

import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { test } from "../support/test.ts";

/** A behaviour with the file and the name of its test, or with the reason why a session has none. */
type Row = readonly [behaviour: string, file: string, name: string] | readonly [behaviour: string, reason: string];

const OWNER_WAITS = "a session never waits: the event loop and its request channel do";
const OWNER_DIALS = "dialling, its time limit and its repetition are the event loop's";
const STORED = "what outlives the process is the session store's";
const DECODED = "malformed bytes are the codec's";

const reliability: readonly Row[] = [
  ["connection_should_timeout_on_time", OWNER_DIALS],
  ["zero keep alive value", "keep_alive", "Keep Alive 0 turns all of it off"],
  ["valid keep alive values", "keep_alive", "the shortest and the longest Keep Alive are kept"],
  ["idle_connection_triggers_pings_on_time", "keep_alive", "an idle connection is pinged once a period"],
  ["regular_outgoing_packets_delay_keepalive_ping", "keep_alive", "packets that are sent put the ping off"],
  [
    "some_incoming_and_no_outgoing_should_trigger_pings_on_time",
    "keep_alive",
    "what is received alone does not put the ping off",
  ],
  ["automatic_protocol_responses_delay_keepalive_ping", "keep_alive", "answers to the server put the ping off"],
  ["same_task_bounded_forwarding_self_blocks_after_buffered_burst", OWNER_WAITS],
  [
    "default_capacity_qos1_burst_is_acked_before_same_task_forwarding_blocks",
    "qos_in",
    "all answers of one read are at hand before the first of its events is taken",
  ],
  ["try_publish_keeps_same_task_forwarding_pollable_under_buffered_burst", OWNER_WAITS],
  [
    "detects_halfopen_connections_in_the_second_ping_request",
    "keep_alive",
    "a dead peer is given up one and a half periods after its last byte, in silence",
  ],
  ["requests_are_blocked_after_max_inflight_queue_size", "window", "the window stops publishes at QoS 1 and 2"],
  ["requests_are_recovered_after_inflight_queue_size_falls_below_max", "window", "and PUBACK opens it"],
  ["bounded_publish_backpressure_is_preserved_while_inflight_is_full", OWNER_WAITS],
  [
    "control_request_bypasses_blocked_publish_without_ack_progress",
    "admission",
    "a control request passes a publish that the window holds back",
  ],
  [
    "tracked_unsubscribe_bypasses_blocked_publish_without_ack_progress",
    "window",
    "subscribing and unsubscribing pass a full window",
  ],
  [
    "blocked_publish_advances_packet_id_after_out_of_order_acks",
    "window",
    "acknowledgements out of order free no identifier that is in use",
  ],
  [
    "blocked_publish_does_not_trigger_collision_timeout_while_keepalive_progresses",
    "keep_alive",
    "a full window and a drain are kept alive",
  ],
  ["next_poll_after_connect_failure_reconnects", "resume", "a connection lost before CONNACK changes nothing"],
  ["reconnection_resumes_from_the_previous_state", "resume", "Packet Identifiers go on counting over a reconnect"],
  [
    "reconnection_resends_unacked_packets_from_the_previous_connection_first",
    "resume",
    "replay comes before new work, and until it is handed out no new work is admitted",
  ],
  [
    "reconnection_with_out_of_order_pubacks_resends_oldest_unacked_publish_first",
    "resume",
    "out-of-order PUBACK leave the oldest unacknowledged publish first",
  ],
  [
    "graceful_disconnect_completes_qos2_handshakes_before_disconnect",
    "disconnect",
    "a drain finishes what was admitted",
  ],
  [
    "graceful_disconnect_does_not_wait_for_unsent_flow_controlled_publish",
    "here it waits: see ordered_disconnect_waits_for_flow_controlled_publish_before_disconnect",
  ],
  [
    "graceful_disconnect_with_timeout_does_not_wait_for_unsent_flow_controlled_publish",
    "here it waits until the timeout",
  ],
  [
    "ordered_disconnect_waits_for_flow_controlled_publish_before_disconnect",
    "disconnect",
    "a drain finishes requests that were never handed out",
  ],
  ["graceful_disconnect_timeout_does_not_send_disconnect", "the time limit of a drain is the event loop's"],
  [
    "disconnect_now_sends_disconnect_without_waiting_for_qos2_completion",
    "disconnect",
    "disconnectNow() leaves whatever is unfinished",
  ],
  ["disconnect_now_wakes_idle_eventloop", OWNER_WAITS],
  [
    "reconnection_clean_session_drops_pending_packets_after_reconnect",
    "resume",
    "requests that were never handed out survive a lost session, Clean Session",
  ],
  [
    "state_is_being_cleaned_properly_and_pending_request_calculated_properly",
    "resume",
    "a replay has PUBLISH as first sent, with DUP and its identifier; PUBREL as PUBREC came; then the rest",
  ],
];

const eventLoop: readonly Row[] = [
  ["what is stored has DUP, what is first sent has not", STORED],
  ["a stream of events yields, ends, survives cancellation and goes on after errors", OWNER_WAITS],
  ["control after a publish the quota blocks", "admission", "a control request passes a publish that the window holds"],
  ["QoS 0 must not pass", "admission", "a publish never passes another, whatever its QoS"],
  ["PUBREL while the window is full", "window", "PUBREL leaves while the window is full"],
  ["the identifier of an unsubscribe conflicts with none", "window", "one space of identifiers serves PUBLISH"],
  ["a sendable publish is not overtaken", "admission", "a control request never passes a publish that can go"],
  ["an immediate disconnect waits for a buffered event; a flood lets reads in", OWNER_WAITS],
  ["control is admitted after the backlog before it", "admission", "of two that can go, the older goes first"],
  ["stale acks are dropped", "qos_in", "answers belong to their connection"],
  ["stale manual acks are dropped", "manual_ack", "when its connection is gone, an acknowledgement is false"],
  ["QoS 1 has DUP after a partial flush", "resume", "DUP is set on what was handed out, whether or not it reached"],
  ["CONNACK is reconciled with Clean Session", "transitions", "Session Present 1 answers Clean Session 1 only from a"],
  ["CONNACK is reconciled with the pending work", "resume", "resent as new with DUP 0, or failed and told"],
  ["QoS 2 receive ids are kept", "qos_in", "a QoS 2 message is delivered once across reconnects with the session"],
  ["QoS 2 receive ids are cleared", "qos_in", "when the server lost the session, its identifiers begin anew"],
  [
    "another client id resets the session",
    "resume",
    "another Client Identifier is another session: the old one counts",
  ],
  ["pending work is kept for the same client id", "resume", "the same Client Identifier keeps the session"],
  ["a bad client id, a broker that does not fit its transport", "options are validated by the client"],
  ["the first packet is not CONNACK", "transitions", "legalOnceConnected"],
  ["CONNECT first, once", "transitions", "CONNECT is the first packet and leaves once for each connection"],
  ["wrong QoS bits, flags, UTF-8, NUL drop the socket", DECODED],
  ["the throttle is for what follows in a replay only", "resume", "pendingThrottleMillis parts replayed packets, and"],
  ["pending first, in order", "resume", "the replay is the same through any number of losses at any place in it"],
  ["plain and tracked requests in order", "qos_out", "publishes leave in the order in which they were admitted"],
  ["the notice of QoS 0 when a write fails", "what became of a write is known to the event loop"],
];

const state: readonly Row[] = [
  ["sizes of what is tracked", "resume", "what remains of a replay can be seen"],
  ["notices keep the order of events", "qos_out", "the end of a request is told with the packet that ended it"],
  ["control acks above the window", "window", "subscriptions do not count for the window"],
  ["unsolicited SUBACK, UNSUBACK, PUBACK, PUBCOMP", "unexpected_ack", "is told, counted and otherwise ignored"],
  ["unsolicited PUBREC", "unexpected_ack", "an unknown PUBREC is counted and answered with PUBREL"],
  ["unknown PUBREL is answered with PUBCOMP", "qos_in", "an unknown PUBREL is answered with PUBCOMP"],
  ["a SUBACK of the wrong length", "subscribe", "return codes for 2 subscriptions breaks the protocol"],
  ["subscribe and unsubscribe are replayed", "subscribe", "SUBSCRIBE and UNSUBSCRIBE without answer are repeated"],
  [
    "a collision is recovered",
    "there are none: an identifier in use is never chosen, and a test of the window says so",
  ],
  ["the allocator makes progress", "window", "an identifier rests as long as possible before it is used again"],
  ["exhaustion of identifiers", "window", "all 65535 identifiers can be in use at once, each once"],
  ["an identifier another flow uses is passed over", "window", "a subscription in use takes an identifier from the"],
  ["after the last identifier comes the first", "window", "after 65535 comes 1, or the next that is free"],
  ["an identifier can be used again after SUBACK", "subscribe", "an identifier can be used again after its SUBACK"],
  ["QoS 2 holds its identifier until PUBCOMP", "window", "a QoS 2 publish keeps its place until PUBCOMP"],
  ["the window is kept and released", "window", "the window stops publishes at QoS 1 and 2, and PUBACK opens it"],
  ["incoming with acks", "qos_in", "QoS 1 is delivered and answered with PUBACK"],
  ["incoming without acks", "manual_ack", "nothing is answered until the application acknowledges"],
  ["a manual ack must match", "manual_ack", "a message that was never delivered cannot be acknowledged"],
  ["a duplicate manual ack", "manual_ack", "a second acknowledgement is harmless and still true"],
  ["QoS 2 is delivered once", "qos_in", "until PUBREL a repeated QoS 2 message is answered and not delivered"],
  ["QoS 2 is new after PUBCOMP", "qos_in", "after PUBCOMP the same identifier is a new message, also with DUP"],
  ["a repetition before the manual PUBREC", "manual_ack", "waits for the application is not delivered twice on one"],
  ["RETAIN is carried", "qos_out", "a packet carries topic, payload and RETAIN as they were given"],
  ["PUBREL before PUBREC", "manual_ack", "a server that releases a message early takes the acknowledgement away"],
  ["persisted sessions are restored, or refused", STORED],
  ["PINGRESP is missing", "keep_alive", "a peer that is given up is reported with the time of its silence"],
  ["PINGRESP comes", "keep_alive", "the round trip of the last answered ping can be seen"],
  ["CONNACK twice, and what only a client sends", "transitions", "legalNowhere"],
];

const sources = new Map<string, string>();

/** The source of a test file. */
function sourceOf(file: string): string {
  if (!sources.has(file)) sources.set(file, readFileSync(new URL(`./${file}_test.ts`, import.meta.url), "utf8"));
  return sources.get(file)!;
}

test("every behaviour is named once", () => {
  const names = [...reliability, ...eventLoop, ...state].map(([behaviour]) => behaviour);
  assertEquals(names.length, new Set(names).size);
});

for (const [group, rows] of Object.entries({ reliability, eventLoop, state })) {
  test(`every behaviour of the group ${group} has its test, or the reason why not`, () => {
    for (const [behaviour, fileOrReason, name] of rows) {
      if (name === undefined) assert(fileOrReason.includes(" "), `${behaviour}: a reason is a sentence`);
      else assert(sourceOf(fileOrReason).includes(name), `${behaviour}: no test in ${fileOrReason} says "${name}"`);
    }
  });
}
