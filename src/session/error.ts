// What a session throws when the connection cannot go on. The caller closes the connection and calls `handleClose`.
import type { ConnectReturnCode, PacketType } from "../codec/mod.ts";

/** The server broke a rule of MQTT 3.1.1 that bytes alone do not show; the connection must be closed [MQTT-4.8.0-1]. */
export class ProtocolError extends Error {
  /** The name of the class. */
  override readonly name: string = "ProtocolError";
  /** The statement id of the broken rule, such as `MQTT-4.8.0-1`. */
  readonly rule: string;
  /** The type of the packet that broke it. */
  readonly packetType: PacketType;

  /**
   * Makes the error.
   *
   * @param packetType The type of the packet that broke the rule.
   * @param state What was wrong with it.
   * @param rule The statement id, without brackets.
   */
  constructor(packetType: PacketType, state: string, rule: string) {
    super(`Cannot handle ${packetType.toUpperCase()}: ${state} [${rule}]`);
    this.packetType = packetType;
    this.rule = rule;
  }
}

/** The meaning of each Connect Return code, MQTT 3.1.1 table 3.1. */
const RETURN_CODE_MEANINGS: Readonly<Record<ConnectReturnCode, string>> = {
  0: "accepted",
  1: "unacceptable protocol version",
  2: "identifier rejected",
  3: "server unavailable",
  4: "bad user name or password",
  5: "not authorized",
};

/** The server answered CONNECT with a return code other than 0. MQTT 3.1.1 section 3.2.2.3. */
export class ConnectionRefusedError extends Error {
  /** The name of the class. */
  override readonly name: string = "ConnectionRefusedError";
  /** The Connect Return code, 1 to 5. */
  readonly returnCode: ConnectReturnCode;

  /**
   * Makes the error.
   *
   * @param returnCode The Connect Return code of the CONNACK.
   */
  constructor(returnCode: ConnectReturnCode) {
    super(`Cannot connect: the server refused with return code ${returnCode}, ${RETURN_CODE_MEANINGS[returnCode]}`);
    this.returnCode = returnCode;
  }
}

/** Nothing came from the server for half a Keep Alive period after it was pinged: at most one and a half since its last byte. */
export class KeepAliveTimeoutError extends Error {
  /** The name of the class. */
  override readonly name: string = "KeepAliveTimeoutError";

  /**
   * Makes the error.
   *
   * @param silentMillis For how long nothing was received.
   */
  constructor(silentMillis: number) {
    super(`Cannot keep the connection alive: nothing was received for ${Math.round(silentMillis)} ms [MQTT-3.1.2-24]`);
  }
}
