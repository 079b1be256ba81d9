// Which packet of the server is legal when. The table is the whole rule: a packet type without a row does not compile.
import type { PacketType } from "../codec/mod.ts";
import { ProtocolError } from "./error.ts";

/**
 * Where a session stands with its connection: none; CONNECT sent or about to be; CONNACK received; DISCONNECT sent.
 */
export type SessionPhase = "closed" | "connecting" | "connected" | "ended";

/** Why a packet is not legal. */
export interface Violation {
  /** What is wrong. */
  readonly state: string;
  /** The statement id, without brackets. */
  readonly rule: string;
}

const CLIENT_ONLY: Violation = { state: "only a client sends it", rule: "MQTT-4.8.0-1" };
const BEFORE_CONNACK: Violation = { state: "it came before CONNACK", rule: "MQTT-3.2.0-1" };
const SECOND_CONNACK: Violation = { state: "the connection is already accepted", rule: "MQTT-4.8.0-1" };

/** For each packet type: what is wrong with it while CONNACK is awaited, and after it. */
const VIOLATIONS: Readonly<Record<PacketType, readonly [Violation | undefined, Violation | undefined]>> = {
  connect: [CLIENT_ONLY, CLIENT_ONLY],
  connack: [undefined, SECOND_CONNACK],
  publish: [BEFORE_CONNACK, undefined],
  puback: [BEFORE_CONNACK, undefined],
  pubrec: [BEFORE_CONNACK, undefined],
  pubrel: [BEFORE_CONNACK, undefined],
  pubcomp: [BEFORE_CONNACK, undefined],
  subscribe: [CLIENT_ONLY, CLIENT_ONLY],
  suback: [BEFORE_CONNACK, undefined],
  unsubscribe: [CLIENT_ONLY, CLIENT_ONLY],
  unsuback: [BEFORE_CONNACK, undefined],
  pingreq: [CLIENT_ONLY, CLIENT_ONLY],
  pingresp: [BEFORE_CONNACK, undefined],
  disconnect: [CLIENT_ONLY, CLIENT_ONLY],
};

/** What is wrong with a packet of this type now; `undefined` if it is legal. */
export function violationOf(phase: "connecting" | "connected", packetType: PacketType): Violation | undefined {
  // Nearly every packet is one, and a look at the table would take longer than all else that is done with it.
  if (packetType === "publish" && phase === "connected") return undefined;
  return VIOLATIONS[packetType][phase === "connecting" ? 0 : 1];
}

/**
 * Refuses a packet that only a client sends, as a {@linkcode Session} does that is handed one, for decoders that do not decode it.
 *
 * @param packetType The type of the packet.
 * @throws {ProtocolError} Always [MQTT-4.8.0-1].
 */
export function refuseClientPacket(packetType: PacketType): never {
  throw new ProtocolError(packetType, CLIENT_ONLY.state, CLIENT_ONLY.rule);
}
