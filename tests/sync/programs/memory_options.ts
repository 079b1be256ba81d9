// Options for a worker whose server is in that worker, in memory: it answers as a server should, and does harm when it is told to.
//
// The Client Identifier says what the server is like: `refuse` is turned away, `silent` hears nothing but CONNACK, `flood` is sent messages
// without an end. A message on `harm/…`, or a
// subscription to it, does that harm.

import type { MqttOptions, Packet } from "@petrel/mqtt";
import { MemoryNetwork, type ScriptedConnection, ScriptedServer } from "@petrel/mqtt/testing";
import process from "node:process";

const network = new MemoryNetwork();
const server = new ScriptedServer(network);

function harm(kind: string, connection: ScriptedConnection): void {
  if (kind === "throw") setTimeout(() => failLater(new RangeError("thrown in the worker")), 0);
  if (kind === "reject") void Promise.reject(new SyntaxError("rejected in the worker"));
  if (kind === "exit") process.exit(7);
  if (kind === "cut") connection.cut();
  // PUBLISH with QoS 3.
  if (kind === "malformed") void connection.sendBytes(Uint8Array.of(0x36, 0x00));
}

function failLater(error: Error): never {
  throw error;
}

let lastPacketId = 0;
const qosOf = new Map<string, 0 | 1 | 2>();

function answersTo(packet: Packet): Packet[] {
  switch (packet.type) {
    case "publish": {
      const { packetId, topicName, qos } = packet;
      const answers: Packet[] = [];
      if (qos === 1) answers.push({ type: "puback", packetId });
      if (qos === 2) answers.push({ type: "pubrec", packetId });
      const granted = qosOf.get(topicName);
      if (granted === undefined) return answers;
      const deliveredQos = Math.min(granted, qos) as 0 | 1 | 2;
      lastPacketId = lastPacketId % 65_535 + 1;
      answers.push({ ...packet, qos: deliveredQos, packetId: deliveredQos === 0 ? 0 : lastPacketId });
      return answers;
    }
    case "pubrec":
      return [{ type: "pubrel", packetId: packet.packetId }];
    case "pubrel":
      return [{ type: "pubcomp", packetId: packet.packetId }];
    case "subscribe":
      for (const { topicFilter, qos } of packet.subscriptions) qosOf.set(topicFilter, qos);
      return [{
        type: "suback",
        packetId: packet.packetId,
        returnCodes: packet.subscriptions.map(({ topicFilter, qos }) => topicFilter === "refused" ? 0x80 : qos),
      }];
    case "unsubscribe":
      for (const topicFilter of packet.topicFilters) qosOf.delete(topicFilter);
      return [{ type: "unsuback", packetId: packet.packetId }];
    case "pingreq":
      return [{ type: "pingresp" }];
    default:
      return [];
  }
}

async function flood(connection: ScriptedConnection): Promise<void> {
  const message: Packet = {
    type: "publish",
    topicName: "flood",
    payload: new Uint8Array(100),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
  };
  for (;;) await connection.send(...new Array(100).fill(message));
}

async function serve(connection: ScriptedConnection): Promise<void> {
  const { clientId } = await connection.expect("connect");
  await connection.send({ type: "connack", sessionPresent: false, returnCode: clientId === "refuse" ? 5 : 0 });
  if (clientId === "refuse") return connection.close();
  if (clientId === "flood") return flood(connection);
  for (let packet = await connection.receive(); packet !== undefined; packet = await connection.receive()) {
    if (packet.type === "disconnect") return connection.close();
    if (packet.type === "publish" && packet.topicName.startsWith("harm/")) harm(packet.topicName.slice(5), connection);
    else if (packet.type === "subscribe" && packet.subscriptions[0]!.topicFilter.startsWith("harm/")) {
      harm(packet.subscriptions[0]!.topicFilter.slice(5), connection);
    } else if (clientId !== "silent") await connection.send(...answersTo(packet));
  }
}

async function acceptAll(): Promise<never> {
  for (;;) void serve(await server.accept());
}
void acceptAll();

/** What the worker is given besides what crosses. */
export const options: MqttOptions = {
  broker: "mqtt://memory",
  transport: network.dial,
  reconnect: { minDelayMillis: 1, jitter: "none" },
};
