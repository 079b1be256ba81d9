// What the load peer does with one connection, in five ways. Two of them know nothing of MQTT: against them the bare loops run.

import { Outbox } from "./outbox.ts";
import type { BunSocket } from "./outbox.ts";
import { PacketScanner } from "./packet_scanner.ts";
import { type PeerPlan, WINDOW } from "./plan.ts";
import { CONNACK, DONE_TOPIC, FIRST_BYTE, PINGRESP, rawPublish, rawPublishes, rawSuback } from "./raw_packets.ts";

/** Most bytes of one write of a flood. */
const WRITE_BYTES = 128 * 1024;
const ACK_BYTES = 4;
const DONE_BYTE = Uint8Array.of(1);

/** What the load peer does with a connection. */
export interface PeerConnection {
  /** Bytes arrived. */
  handleData(chunk: Uint8Array): void;
  /** The kernel takes bytes again. */
  handleDrain(): void;
}

/** Makes what the plan asks for of a connection. */
export function openPeerConnection(socket: BunSocket, plan: PeerPlan): PeerConnection {
  const outbox = new Outbox(socket);
  switch (plan.mode) {
    case "sink":
      return new Sink(outbox, plan);
    case "flood":
      return new Flood(outbox, plan);
    case "echo":
      return new Echo(outbox);
    case "bytes-sink":
      return new ByteSink(outbox, plan);
    case "bytes-flood":
      return new ByteFlood(outbox, plan);
  }
}

/** Acknowledgements gathered for one write. */
class Acks {
  readonly #outbox: Outbox;
  #bytes: Uint8Array = new Uint8Array(64 * 1024);
  #length = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  add(firstByte: number, packetId: number): void {
    if (this.#length + ACK_BYTES > this.#bytes.length) this.flush();
    const at = this.#length;
    this.#bytes[at] = firstByte;
    this.#bytes[at + 1] = 2;
    this.#bytes[at + 2] = packetId >>> 8;
    this.#bytes[at + 3] = packetId & 0xff;
    this.#length = at + ACK_BYTES;
  }

  flush(): void {
    if (this.#length === 0) return;
    this.#outbox.write(this.#bytes.subarray(0, this.#length));
    // The rest of it may wait in the outbox, which keeps no copy.
    if (this.#outbox.isFull) this.#bytes = new Uint8Array(this.#bytes.length);
    this.#length = 0;
  }
}

/** Takes messages, acknowledges each read with one write, and says when a phase is done. */
class Sink implements PeerConnection {
  readonly #outbox: Outbox;
  readonly #acks: Acks;
  readonly #phases: readonly number[];
  readonly #scanner: PacketScanner = new PacketScanner((firstByte, packetId) =>
    this.#handlePacket(firstByte, packetId)
  );
  #phase = 0;
  #completed = 0;

  constructor(outbox: Outbox, plan: PeerPlan) {
    this.#outbox = outbox;
    this.#acks = new Acks(outbox);
    this.#phases = plan.phases;
  }

  handleData(chunk: Uint8Array): void {
    this.#scanner.scan(chunk);
    this.#acks.flush();
    if (this.#completed !== this.#phases[this.#phase]) return;
    this.#completed = 0;
    this.#phase++;
    this.#outbox.write(rawPublish(DONE_TOPIC, 0, 0, 0));
  }

  handleDrain(): void {
    this.#outbox.drain();
  }

  #handlePacket(firstByte: number, packetId: number): void {
    if (firstByte === FIRST_BYTE.publish) {
      this.#completed++;
    } else if (firstByte === (FIRST_BYTE.publish | 2)) {
      this.#completed++;
      this.#acks.add(FIRST_BYTE.puback, packetId);
    } else if (firstByte === (FIRST_BYTE.publish | 4)) {
      this.#acks.add(FIRST_BYTE.pubrec, packetId);
    } else if (firstByte === FIRST_BYTE.pubrel) {
      this.#completed++;
      this.#acks.add(FIRST_BYTE.pubcomp, packetId);
    } else {
      answerOther(this.#outbox, firstByte);
    }
  }
}

/** Sends messages encoded beforehand: a phase for each SUBSCRIBE, above QoS 0 no more than a window at a time. */
class Flood implements PeerConnection {
  readonly #outbox: Outbox;
  readonly #acks: Acks;
  readonly #plan: PeerPlan;
  readonly #scanner: PacketScanner = new PacketScanner((firstByte, packetId) =>
    this.#handlePacket(firstByte, packetId)
  );
  /** Messages one after another, with Packet Identifiers from 1 on. It is sent round and round. */
  readonly #ring: Uint8Array;
  readonly #ringCount: number;
  readonly #packetBytes: number;
  #nextInRing = 0;
  #phase = 0;
  #unsent = 0;
  #underway = 0;
  #nextAck = 1;

  constructor(outbox: Outbox, plan: PeerPlan) {
    this.#outbox = outbox;
    this.#acks = new Acks(outbox);
    this.#plan = plan;
    this.#packetBytes = rawPublishes(1, plan.payloadBytes, plan.qos).length;
    // Twice the window: no identifier is used again while it is in use.
    this.#ringCount = plan.qos > 0 ? 2 * WINDOW : Math.ceil(WRITE_BYTES / this.#packetBytes);
    this.#ring = rawPublishes(this.#ringCount, plan.payloadBytes, plan.qos);
  }

  handleData(chunk: Uint8Array): void {
    this.#scanner.scan(chunk);
    this.#acks.flush();
    this.#send();
  }

  handleDrain(): void {
    this.#outbox.drain();
    this.#send();
  }

  #handlePacket(firstByte: number, packetId: number): void {
    if (firstByte === FIRST_BYTE.puback || firstByte === FIRST_BYTE.pubcomp) {
      this.#handleCompleted(packetId);
    } else if (firstByte === FIRST_BYTE.pubrec) {
      this.#acks.add(FIRST_BYTE.pubrel, packetId);
    } else if (firstByte === FIRST_BYTE.subscribe) {
      this.#outbox.write(rawSuback(packetId, this.#plan.qos));
      this.#unsent = this.#plan.phases[this.#phase++] ?? 0;
    } else {
      answerOther(this.#outbox, firstByte);
    }
  }

  #handleCompleted(packetId: number): void {
    // A client that loses acknowledgements must not look fast.
    if (packetId !== this.#nextAck) {
      throw new Error(`Cannot go on: ${packetId} completed, and ${this.#nextAck} was due`);
    }
    this.#nextAck = packetId % this.#ringCount + 1;
    this.#underway--;
  }

  #send(): void {
    while (!this.#outbox.isFull) {
      const perWrite = Math.max(1, Math.floor(WRITE_BYTES / this.#packetBytes));
      let count = Math.min(this.#unsent, this.#ringCount - this.#nextInRing, perWrite);
      if (this.#plan.qos > 0) count = Math.min(count, WINDOW - this.#underway);
      if (count === 0) return;
      const start = this.#nextInRing * this.#packetBytes;
      this.#outbox.write(this.#ring.subarray(start, start + count * this.#packetBytes));
      this.#nextInRing = (this.#nextInRing + count) % this.#ringCount;
      this.#unsent -= count;
      this.#underway += count;
    }
  }
}

/** Answers CONNECT, and sends back everything after it as it came. */
class Echo implements PeerConnection {
  readonly #outbox: Outbox;
  readonly #scanner: PacketScanner = new PacketScanner(() => this.#open());
  #isOpen = false;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  handleData(chunk: Uint8Array): void {
    if (this.#isOpen) this.#outbox.write(chunk);
    else this.#scanner.scan(chunk);
  }

  handleDrain(): void {
    this.#outbox.drain();
  }

  #open(): void {
    this.#isOpen = true;
    this.#outbox.write(CONNACK);
  }
}

/** Counts bytes, and answers with one when those of a phase have come. */
class ByteSink implements PeerConnection {
  readonly #outbox: Outbox;
  readonly #phases: readonly number[];
  #phase = 0;
  #bytes = 0;

  constructor(outbox: Outbox, plan: PeerPlan) {
    this.#outbox = outbox;
    this.#phases = phaseBytes(plan);
  }

  handleData(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes !== this.#phases[this.#phase]) return;
    this.#bytes = 0;
    this.#phase++;
    this.#outbox.write(DONE_BYTE);
  }

  handleDrain(): void {
    this.#outbox.drain();
  }
}

/** Sends the bytes of a phase whenever something arrives. */
class ByteFlood implements PeerConnection {
  readonly #outbox: Outbox;
  readonly #phases: readonly number[];
  readonly #block: Uint8Array = new Uint8Array(WRITE_BYTES);
  #phase = 0;
  #unsent = 0;

  constructor(outbox: Outbox, plan: PeerPlan) {
    this.#outbox = outbox;
    this.#phases = phaseBytes(plan);
  }

  handleData(_chunk: Uint8Array): void {
    this.#unsent = this.#phases[this.#phase++] ?? 0;
    this.#send();
  }

  handleDrain(): void {
    this.#outbox.drain();
    this.#send();
  }

  #send(): void {
    while (this.#unsent > 0 && !this.#outbox.isFull) {
      const length = Math.min(this.#unsent, this.#block.length);
      this.#outbox.write(this.#block.subarray(0, length));
      this.#unsent -= length;
    }
  }
}

function phaseBytes({ phases, payloadBytes, qos }: PeerPlan): number[] {
  const packetBytes = rawPublishes(1, payloadBytes, qos).length;
  return phases.map((messages) => messages * packetBytes);
}

/** Answers what every client sends besides its messages. */
function answerOther(outbox: Outbox, firstByte: number): void {
  if (firstByte === FIRST_BYTE.connect) outbox.write(CONNACK);
  else if (firstByte === FIRST_BYTE.pingreq) outbox.write(PINGRESP);
}
