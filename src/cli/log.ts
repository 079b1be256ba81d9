// What is told on standard error: warnings, losses, failures, and with --verbose every packet. Never a payload, never a password.
import type { Packet } from "../codec/mod.ts";
import type { Event } from "../loop/mod.ts";
import type { Io } from "./io.ts";
import { escapeControls } from "./printable.ts";

/** How much is told. */
export interface LogOptions {
  /** Whether every packet is told. */
  readonly verbose: boolean;
  /** Whether nothing is told but how the command is called right. */
  readonly quiet: boolean;
}

/** Standard error, with a name before each line. */
export class Log {
  readonly #io: Io;
  readonly #options: LogOptions;

  /**
   * @param io The process.
   * @param options How much is told.
   */
  constructor(io: Io, options: LogOptions) {
    this.#io = io;
    this.#options = options;
  }

  /** Whether so much waits to be written that the teller should wait for `flushed`. */
  get isFull(): boolean {
    return this.#io.errorOutput.isFull;
  }

  /** Waits until everything is written, or nobody reads it. */
  async flushed(): Promise<void> {
    await this.#io.errorOutput.flushed().catch(() => {});
  }

  /** Tells something that a person may want to know, such as why the command has failed. */
  note(message: string): void {
    if (!this.#options.quiet) this.#write(message);
  }

  /** Warns of something that works, and should not be done. */
  warn(message: string): void {
    this.note(`Warning: ${message}`);
  }

  /** Tells how the command is called right, also when it is to be quiet. */
  usage(message: string, command: string | undefined): void {
    this.#write(message);
    this.#write(`Try 'petrel ${command === undefined ? "" : `${command} `}--help'`);
  }

  /** Tells of an event, if every packet is to be told. `name` tells clients of one process apart. */
  event(event: Event, name = ""): void {
    if (!this.#options.verbose || this.#options.quiet) return;
    const line = describeEvent(event);
    if (line === undefined) return;
    const time = this.#io.date().toISOString().slice(11, 23);
    this.#io.errorOutput.write(`${time} ${name === "" ? "" : `${name} `}${line}\n`);
  }

  #write(message: string): void {
    this.#io.errorOutput.write(`petrel: ${escapeControls(message)}\n`);
  }
}

function describeEvent(event: Event): string | undefined {
  switch (event.type) {
    case "outgoing":
      return `→ ${event.packetType.toUpperCase()}${event.packetId === 0 ? "" : ` ${event.packetId}`}`;
    case "connected":
      return `← CONNACK accepted, session present: ${event.sessionPresent ? "yes" : "no"}`;
    case "incoming":
      return `← ${describePacket(event.packet)}`;
    case "disconnected":
      return undefined;
  }
}

function describePacket(packet: Packet): string {
  const packetId = "packetId" in packet && packet.packetId !== 0 ? ` ${packet.packetId}` : "";
  const head = `${packet.type.toUpperCase()}${packetId}`;
  switch (packet.type) {
    case "publish": {
      const { topicName, qos, retain, dup, payload } = packet;
      const flags = `${retain ? ", retained" : ""}${dup ? ", dup" : ""}`;
      return `${head} ${escapeControls(topicName)}, QoS ${qos}${flags}, ${payload.length} bytes`;
    }
    case "suback":
      return `${head} ${packet.returnCodes.map((code) => code === 0x80 ? "refused" : `QoS ${code}`).join(", ")}`;
    default:
      return head;
  }
}
