// What the session costs for each message, without bytes, sockets or promises: `deno bench -A bench/session_bench.ts`,
// `bun bench/session_bench.ts`. The baseline is a QoS 0 message, which the session only hands on.
import type { Packet, Publish, QoS } from "../src/codec/mod.ts";
import { Session } from "../src/session/mod.ts";
import { bench } from "./support/bench.ts";

const MESSAGES = 1000;
const WINDOW = 100;
const PAYLOAD = new Uint8Array(16);

function connectedSession(): Session {
  const session = new Session({
    inflight: WINDOW,
    inflightQos2: WINDOW,
    ackMode: "automatic",
    resubscribe: true,
    onSessionLost: { qos1: "resend", qos2: "fail" },
    pendingThrottleMillis: 0,
  });
  session.handleOpen({
    type: "connect",
    clientId: "bench",
    cleanSession: true,
    keepAlive: 60,
    will: undefined,
    username: undefined,
    password: undefined,
  }, 0);
  session.pollTransmit(0);
  session.handlePacket({ type: "connack", sessionPresent: false, returnCode: 0 }, 0);
  drain(session, () => undefined);
  return session;
}

/** Takes everything that waits; the server's answers come back at once. */
function drain(session: Session, answer: (packet: Packet) => Packet | undefined): void {
  for (let packet = session.pollTransmit(0); packet !== undefined; packet = session.pollTransmit(0)) {
    const reply = answer(packet);
    if (reply !== undefined) session.handlePacket(reply, 0);
  }
  while (session.pollEvent() !== undefined) {
    // The application takes the event.
  }
}

function acknowledge(packet: Packet): Packet | undefined {
  if (packet.type === "publish" && packet.qos === 1) return { type: "puback", packetId: packet.packetId };
  if (packet.type === "publish" && packet.qos === 2) return { type: "pubrec", packetId: packet.packetId };
  if (packet.type === "pubrel") return { type: "pubcomp", packetId: packet.packetId };
  if (packet.type === "pubrec") return { type: "pubrel", packetId: packet.packetId };
  return undefined;
}

for (const qos of [0, 1, 2] as const) {
  const publisher = connectedSession();
  const request = { topicName: "bench/topic", payload: PAYLOAD, qos: qos as QoS, retain: false };
  bench({
    name: `QoS ${qos}`,
    group: `publish ${MESSAGES} messages, window ${WINDOW}`,
    baseline: qos === 0,
    fn: () => {
      for (let i = 0; i < MESSAGES; i++) {
        publisher.publish(request);
        if (i % WINDOW === WINDOW - 1) drain(publisher, acknowledge);
      }
    },
  });

  const receiver = connectedSession();
  let packetId = 0;
  bench({
    name: `QoS ${qos}`,
    group: `receive ${MESSAGES} messages`,
    baseline: qos === 0,
    fn: () => {
      for (let i = 0; i < MESSAGES; i++) {
        packetId = packetId % 65_535 + 1;
        const packet: Publish = {
          type: "publish",
          topicName: "bench/topic",
          payload: PAYLOAD,
          qos,
          retain: false,
          dup: false,
          packetId: qos === 0 ? 0 : packetId,
        };
        receiver.handlePacket(packet, 0);
        if (i % WINDOW === WINDOW - 1) drain(receiver, acknowledge);
      }
    },
  });
}
