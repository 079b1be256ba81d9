// Publishes that have been begun: how many, how many have ended, and how the first that failed did.
import type { PublishNotice } from "../loop/mod.ts";

/** Watches over publishes until each has ended. */
export class PendingPublishes {
  /** How many were begun. */
  begun = 0;
  /** How many have ended well. */
  completed = 0;
  /** How many have failed. */
  failed = 0;
  /** How the first of them failed. */
  firstFailure: Error | undefined;
  #handleIdle: (() => void) | undefined;

  /**
   * Watches over a publish.
   *
   * @param notice Its notice.
   * @param handleCompleted Called when it has ended well.
   */
  add(notice: PublishNotice, handleCompleted?: () => void): void {
    this.begun++;
    const complete = (): void => {
      this.completed++;
      handleCompleted?.();
      this.#tellIdle();
    };
    const fail = (error: Error): void => {
      this.failed++;
      this.firstFailure ??= error;
      this.#tellIdle();
    };
    notice.wait().then(complete, fail);
  }

  /** Waits until all that were begun have ended. */
  async idle(): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => this.#handleIdle = resolve);
  }

  get #isIdle(): boolean {
    return this.completed + this.failed === this.begun;
  }

  #tellIdle(): void {
    if (this.#isIdle) this.#handleIdle?.();
  }
}
