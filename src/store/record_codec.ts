// The records of a session as bytes. This is format version 1; what it says must stay readable.
//
//   session           "PTRL", version, checksum, Client Identifier
//   m/<number>        a message that is not acknowledged: QoS and retain, Topic Name, payload; numbered as published
//   x/<packet id>     the exchange of a Packet Identifier: its state, and its place: the message's number, or that of its PUBREC
//   i/<packet id>     an incoming message at QoS 2 that must not be delivered again
//   s/<topic filter>  a live subscription: its QoS
//   d                 a CONNECT was not answered yet, or something that follows from its answer is not done
//   corrupt/<name>    what could not be read, as it was
//
// All but the first and the last begin with a checksum of their name and their contents.
import type { QoS } from "../codec/mod.ts";
import { crc32 } from "./checksum.ts";

/** The format that is written here. */
export const FORMAT_VERSION = 1;
/** The name of the record that tells whose session it is. */
export const HEADER_ID = "session";
/** The name of the record that is there while the server may have another session than this one, or lack some of it. */
export const DOUBT_ID = "d";
/** What the names of records begin with that were set aside. */
export const SET_ASIDE = "corrupt/";

const MAGIC: readonly number[] = [0x50, 0x54, 0x52, 0x4c];
const CHECKSUM_BYTES = 4;
const HEADER_BYTES: number = MAGIC.length + 1 + CHECKSUM_BYTES;
const RETAIN_FLAG = 4;
const EXCHANGE_BYTES = 9;

/** A message as it is kept. */
export interface StoredMessage {
  /** The Topic Name. */
  readonly topicName: string;
  /** The payload. */
  readonly payload: Uint8Array;
  /** The QoS. */
  readonly qos: QoS;
  /** Whether the server keeps it. */
  readonly retain: boolean;
}

/** What an exchange awaits. */
export type StoredExchangeState = "awaiting-puback" | "awaiting-pubrec" | "awaiting-pubcomp";

/** An exchange as it is kept. */
export interface StoredExchange {
  /** What it awaits. */
  readonly state: StoredExchangeState;
  /** The number of its message; while it awaits PUBCOMP, its place among the PUBREC. */
  readonly place: number;
}

const STATES: readonly StoredExchangeState[] = ["awaiting-puback", "awaiting-pubrec", "awaiting-pubcomp"];

/** Writes and reads records. */
export class RecordCodec {
  readonly #encoder: TextEncoder = new TextEncoder();
  readonly #decoder: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /** The first record. */
  encodeHeader(clientId: string): Uint8Array {
    const name = this.#encoder.encode(clientId);
    const bytes = new Uint8Array(HEADER_BYTES + name.length);
    bytes.set(MAGIC);
    bytes[MAGIC.length] = FORMAT_VERSION;
    viewOf(bytes).setUint32(MAGIC.length + 1, crc32(name));
    bytes.set(name, HEADER_BYTES);
    return bytes;
  }

  /** Reads the first record. @returns Its version, and the Client Identifier if the version is ours; `undefined` if it is corrupt. */
  decodeHeader(bytes: Uint8Array): { readonly version: number; readonly clientId: string } | undefined {
    if (bytes.length < HEADER_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) return undefined;
    const version = bytes[MAGIC.length]!;
    if (version !== FORMAT_VERSION) return { version, clientId: "" };
    const name = bytes.subarray(HEADER_BYTES);
    if (viewOf(bytes).getUint32(MAGIC.length + 1) !== crc32(name)) return undefined;
    const clientId = this.#text(name);
    return clientId === undefined ? undefined : { version, clientId };
  }

  /** A message. */
  encodeMessage(id: string, { topicName, payload, qos, retain }: StoredMessage): Uint8Array {
    const name = this.#encoder.encode(topicName);
    const body = CHECKSUM_BYTES;
    const bytes = new Uint8Array(body + 3 + name.length + payload.length);
    bytes[body] = qos | (retain ? RETAIN_FLAG : 0);
    viewOf(bytes).setUint16(body + 1, name.length);
    bytes.set(name, body + 3);
    bytes.set(payload, body + 3 + name.length);
    return this.#seal(id, bytes);
  }

  /** Reads a message; `undefined` if it is corrupt. */
  decodeMessage(id: string, bytes: Uint8Array): StoredMessage | undefined {
    const body = this.#open(id, bytes);
    if (body === undefined || body.length < 3) return undefined;
    const flags = body[0]!;
    const end = 3 + viewOf(body).getUint16(1);
    const qos = flags & 3;
    const topicName = this.#text(body.subarray(3, end));
    if (end > body.length || (qos !== 1 && qos !== 2) || topicName === undefined) return undefined;
    return { topicName, payload: body.slice(end), qos, retain: (flags & RETAIN_FLAG) !== 0 };
  }

  /** An exchange. */
  encodeExchange(id: string, { state, place }: StoredExchange): Uint8Array {
    const bytes = new Uint8Array(CHECKSUM_BYTES + EXCHANGE_BYTES);
    bytes[CHECKSUM_BYTES] = STATES.indexOf(state);
    viewOf(bytes).setFloat64(CHECKSUM_BYTES + 1, place);
    return this.#seal(id, bytes);
  }

  /** Reads an exchange; `undefined` if it is corrupt. */
  decodeExchange(id: string, bytes: Uint8Array): StoredExchange | undefined {
    const body = this.#open(id, bytes);
    if (body?.length !== EXCHANGE_BYTES) return undefined;
    const state = STATES[body[0]!];
    return state === undefined ? undefined : { state, place: viewOf(body).getFloat64(1) };
  }

  /** A record whose contents are one byte, such as a QoS. */
  encodeByte(id: string, byte: number): Uint8Array {
    const bytes = new Uint8Array(CHECKSUM_BYTES + 1);
    bytes[CHECKSUM_BYTES] = byte;
    return this.#seal(id, bytes);
  }

  /** Reads such a record; `undefined` if it is corrupt. */
  decodeByte(id: string, bytes: Uint8Array): number | undefined {
    const body = this.#open(id, bytes);
    return body?.length === 1 ? body[0] : undefined;
  }

  #seal(id: string, bytes: Uint8Array): Uint8Array {
    viewOf(bytes).setUint32(0, this.#checksum(id, bytes));
    return bytes;
  }

  #open(id: string, bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length < CHECKSUM_BYTES || viewOf(bytes).getUint32(0) !== this.#checksum(id, bytes)) return undefined;
    return bytes.subarray(CHECKSUM_BYTES);
  }

  #checksum(id: string, bytes: Uint8Array): number {
    return crc32(bytes.subarray(CHECKSUM_BYTES), crc32(this.#encoder.encode(id)));
  }

  #text(bytes: Uint8Array): string | undefined {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      return undefined;
    }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
