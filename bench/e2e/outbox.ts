// What leaves a socket of Bun. Bun keeps nothing of a write the kernel does not take: the rest waits here for `drain`.

/** What is used of a socket of Bun. */
export interface BunSocket {
  /** Takes as many bytes as the kernel does; below 0 if the socket is closed. */
  write(bytes: Uint8Array, offset: number, length: number): number;
}

/** The bytes that wait to leave one socket. */
export class Outbox {
  readonly #socket: BunSocket;
  #waiting: Uint8Array[] = [];

  /**
   * @param socket Where they leave.
   */
  constructor(socket: BunSocket) {
    this.#socket = socket;
  }

  /** Whether the kernel takes nothing more for now. */
  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Sends bytes that never change. */
  write(bytes: Uint8Array): void {
    if (this.isFull) this.#waiting.push(bytes);
    else this.#offer(bytes);
  }

  /** Sends what was waiting, as far as the kernel takes it. */
  drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.write(bytes);
  }

  #offer(bytes: Uint8Array): void {
    const taken = this.#socket.write(bytes, 0, bytes.length);
    // A closed socket takes nothing and drains never; nobody waits for the rest.
    if (taken < bytes.length) this.#waiting.push(bytes.subarray(Math.max(0, taken)));
  }
}
