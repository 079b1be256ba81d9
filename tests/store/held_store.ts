// A session store whose commits wait until the test lets them go on, or fail.

import { MemorySessionStore, type SessionDelta, type SessionRecord, type SessionStore } from "../../src/store/mod.ts";

/** A commit that waits. */
interface HeldCommit {
  readonly delta: SessionDelta;
  readonly end: (error: Error | undefined) => void;
}

/** A store in memory whose commits the test ends one by one. */
export class HeldStore implements SessionStore {
  /** What is written. */
  readonly memory: MemorySessionStore = new MemorySessionStore();
  /** How many commits there were. */
  count = 0;
  #held: HeldCommit[] = [];

  /** How many commits wait; never more than one. */
  get waiting(): number {
    return this.#held.length;
  }

  load(key: string): SessionRecord[] {
    return this.memory.load(key);
  }

  commit(key: string, delta: SessionDelta): Promise<void> {
    this.count++;
    if (this.#held.length > 0) throw new Error("Cannot commit: another commit is under way");
    return new Promise((resolve, reject) => {
      const end = (error: Error | undefined): void => {
        if (error !== undefined) return reject(error);
        this.memory.commit(key, delta);
        resolve();
      };
      this.#held.push({ delta, end });
    });
  }

  clear(key: string): void {
    this.memory.clear(key);
  }

  /** Ends the commit that waits, well or with an error. */
  end(error?: Error): void {
    const held = this.#held.shift();
    if (held === undefined) throw new Error("Cannot end a commit: none waits");
    held.end(error);
  }
}

/** Names of the records a store has for a session, in order. */
export function recordsOf(store: { load(key: string): SessionRecord[] }, key = "tern"): string[] {
  return store.load(key).map(({ id }) => id).sort();
}
