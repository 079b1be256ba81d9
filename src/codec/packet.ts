// The fourteen control packets of MQTT 3.1.1 as one discriminated union. Every field is always present, so that each
// packet type has one object shape on both engines.

/** A quality of service level: 0 at most once, 1 at least once, 2 exactly once. MQTT 3.1.1 section 4.3. */
export type QoS = 0 | 1 | 2;

/** A Packet Identifier, 1 to 65535. MQTT 3.1.1 section 2.3.1. */
export type PacketId = number;

/** The Connect Return code of a CONNACK: 0 accepted, 1 to 5 refused. MQTT 3.1.1 section 3.2.2.3. */
export type ConnectReturnCode = 0 | 1 | 2 | 3 | 4 | 5;

/** One return code of a SUBACK: the granted QoS, or 0x80 for a refused Topic Filter. MQTT 3.1.1 section 3.9.3. */
export type SubackReturnCode = QoS | 0x80;

/** The message a server publishes when the connection ends without DISCONNECT. MQTT 3.1.1 section 3.1.2.5. */
export interface Will {
  /** The Topic Name it is published to. */
  readonly topicName: string;
  /** Its payload, at most 65,535 bytes. */
  readonly payload: Uint8Array;
  /** The QoS it is published at. */
  readonly qos: QoS;
  /** Whether the server keeps it as a retained message. */
  readonly retain: boolean;
}

/** CONNECT: the first packet a client sends. MQTT 3.1.1 section 3.1. */
export interface Connect {
  /** The tag of this packet type. */
  readonly type: "connect";
  /** The Client Identifier; empty only with `cleanSession` true [MQTT-3.1.3-7]. */
  readonly clientId: string;
  /** Whether the server discards earlier session state. */
  readonly cleanSession: boolean;
  /** Keep Alive in seconds, 0 to 65535; 0 turns it off. */
  readonly keepAlive: number;
  /** The Will Message, if any. */
  readonly will: Will | undefined;
  /** The User Name, if any. */
  readonly username: string | undefined;
  /** The Password, if any; needs a User Name [MQTT-3.1.2-22]. */
  readonly password: Uint8Array | undefined;
}

/** CONNACK: the server's answer to CONNECT. MQTT 3.1.1 section 3.2. */
export interface Connack {
  /** The tag of this packet type. */
  readonly type: "connack";
  /** Whether the server resumed a session it had stored; only with `returnCode` 0 [MQTT-3.2.2-4]. */
  readonly sessionPresent: boolean;
  /** 0 if the connection is accepted. */
  readonly returnCode: ConnectReturnCode;
}

/** PUBLISH: an Application Message, in either direction. MQTT 3.1.1 section 3.3. */
export interface Publish {
  /** The tag of this packet type. */
  readonly type: "publish";
  /** The Topic Name: no wildcards, at least one character. */
  readonly topicName: string;
  /** The Application Message; of an incoming packet a view into the chunk that was received. */
  readonly payload: Uint8Array;
  /** The QoS of this delivery. */
  readonly qos: QoS;
  /** RETAIN: to a server, keep the message; from a server, the message is an old one. */
  readonly retain: boolean;
  /** DUP: this may be a repeated delivery; never set at QoS 0 [MQTT-3.3.1-2]. */
  readonly dup: boolean;
  /** The Packet Identifier; 0 at QoS 0, which carries none [MQTT-2.3.1-5]. */
  readonly packetId: PacketId;
}

/** PUBACK: acknowledges a QoS 1 PUBLISH. MQTT 3.1.1 section 3.4. */
export interface Puback {
  /** The tag of this packet type. */
  readonly type: "puback";
  /** The Packet Identifier of the PUBLISH. */
  readonly packetId: PacketId;
}

/** PUBREC: the second packet of a QoS 2 exchange. MQTT 3.1.1 section 3.5. */
export interface Pubrec {
  /** The tag of this packet type. */
  readonly type: "pubrec";
  /** The Packet Identifier of the PUBLISH. */
  readonly packetId: PacketId;
}

/** PUBREL: the third packet of a QoS 2 exchange. MQTT 3.1.1 section 3.6. */
export interface Pubrel {
  /** The tag of this packet type. */
  readonly type: "pubrel";
  /** The Packet Identifier of the PUBLISH. */
  readonly packetId: PacketId;
}

/** PUBCOMP: the last packet of a QoS 2 exchange. MQTT 3.1.1 section 3.7. */
export interface Pubcomp {
  /** The tag of this packet type. */
  readonly type: "pubcomp";
  /** The Packet Identifier of the PUBLISH. */
  readonly packetId: PacketId;
}

/** A Topic Filter with the highest QoS the client wants its messages at. */
export interface Subscription {
  /** The Topic Filter, wildcards allowed. */
  readonly topicFilter: string;
  /** The requested QoS. */
  readonly qos: QoS;
}

/** SUBSCRIBE: asks for one or more subscriptions. MQTT 3.1.1 section 3.8. */
export interface Subscribe {
  /** The tag of this packet type. */
  readonly type: "subscribe";
  /** The Packet Identifier. */
  readonly packetId: PacketId;
  /** At least one subscription [MQTT-3.8.3-3]. */
  readonly subscriptions: readonly Subscription[];
}

/** SUBACK: answers SUBSCRIBE. MQTT 3.1.1 section 3.9. */
export interface Suback {
  /** The tag of this packet type. */
  readonly type: "suback";
  /** The Packet Identifier of the SUBSCRIBE. */
  readonly packetId: PacketId;
  /** One code for each subscription, in their order [MQTT-3.8.4-5]. */
  readonly returnCodes: readonly SubackReturnCode[];
}

/** UNSUBSCRIBE: ends subscriptions. MQTT 3.1.1 section 3.10. */
export interface Unsubscribe {
  /** The tag of this packet type. */
  readonly type: "unsubscribe";
  /** The Packet Identifier. */
  readonly packetId: PacketId;
  /** At least one Topic Filter [MQTT-3.10.3-2]. */
  readonly topicFilters: readonly string[];
}

/** UNSUBACK: answers UNSUBSCRIBE. MQTT 3.1.1 section 3.11. */
export interface Unsuback {
  /** The tag of this packet type. */
  readonly type: "unsuback";
  /** The Packet Identifier of the UNSUBSCRIBE. */
  readonly packetId: PacketId;
}

/** PINGREQ: asks the server for a sign of life. MQTT 3.1.1 section 3.12. */
export interface Pingreq {
  /** The tag of this packet type. */
  readonly type: "pingreq";
}

/** PINGRESP: answers PINGREQ. MQTT 3.1.1 section 3.13. */
export interface Pingresp {
  /** The tag of this packet type. */
  readonly type: "pingresp";
}

/** DISCONNECT: the last packet a client sends; the Will Message is discarded. MQTT 3.1.1 section 3.14. */
export interface Disconnect {
  /** The tag of this packet type. */
  readonly type: "disconnect";
}

/** Any control packet of MQTT 3.1.1, told apart by `type`. */
export type Packet =
  | Connect
  | Connack
  | Publish
  | Puback
  | Pubrec
  | Pubrel
  | Pubcomp
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect;

/** The tag of a control packet. */
export type PacketType = Packet["type"];
