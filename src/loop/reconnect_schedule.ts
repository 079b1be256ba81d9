// When to try which server. Pure: times are arguments, chance is a function it is given.
//
// Theory of operation. Each address has its own back-off. The next attempt goes to the first address, in the order given, whose
// delay is over; if none is, to the one whose delay ends first. So a lost server is left for the next one at once, and the first
// address is returned to as soon as it may be tried again. A connection that lasted clears its address's back-off; one that was lost
// right after CONNACK counts as a failure, or two clients with one Client Identifier would take turns at full speed.
import type { ConnectionError } from "./error.ts";
import type { BrokerAddress, ReconnectOptions } from "./options.ts";

/** An address and when it may be dialled. */
export interface ScheduledAttempt {
  /** Where to dial. */
  readonly address: BrokerAddress;
  /** From when on. */
  readonly at: number;
}

interface AddressState {
  address: BrokerAddress;
  isTried: boolean;
  failures: number;
  retryAt: number;
}

/** The schedule of attempts to connect. */
export class ReconnectSchedule {
  #options: ReconnectOptions | false;
  #states: AddressState[] = [];
  readonly #random: () => number;
  #current: AddressState | undefined;
  #attempts = 0;
  #hasConnected = false;
  #connectedAt: number | undefined;

  /**
   * @param options The policy; `false` tries once.
   * @param random Random numbers from 0 to below 1.
   */
  constructor(options: ReconnectOptions | false, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** Attempts since the last accepted connection, the present one included. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Takes another policy and other addresses. An address that stays keeps its back-off. */
  configure(options: ReconnectOptions | false, addresses: readonly BrokerAddress[]): void {
    this.#options = options;
    this.#states = addresses.map((address) => {
      const known = this.#states.find((state) => state.address.label === address.label);
      // The same object goes on, so that an attempt that is under way still counts for its address.
      return known === undefined
        ? { address, isTried: false, failures: 0, retryAt: 0 }
        : Object.assign(known, { address });
    });
  }

  /** The next attempt. */
  next(now: number): ScheduledAttempt {
    const state = this.#nextState(now);
    return { address: state.address, at: state.retryAt };
  }

  /** An attempt at the next address begins. */
  handleAttempt(now: number): void {
    this.#current = this.#nextState(now);
    this.#current.isTried = true;
    this.#attempts++;
    this.#connectedAt = undefined;
  }

  /** The server accepted. */
  handleConnected(now: number): void {
    this.#hasConnected = true;
    this.#attempts = 0;
    this.#connectedAt = now;
  }

  /**
   * The attempt failed, or the connection was lost.
   *
   * @returns Whether there is another attempt; `false` if the policy gives up.
   */
  handleFailure(error: ConnectionError, now: number): boolean {
    const options = this.#options;
    if (options === false) return false;
    const wasStable = this.#connectedAt !== undefined && now - this.#connectedAt >= options.resetAfterMillis;
    const state = this.#current;
    if (state !== undefined) {
      state.failures = wasStable ? 0 : state.failures + 1;
      state.retryAt = now + this.#delayMillis(state.failures, options);
    }
    if (this.#connectedAt !== undefined) return true;
    if (this.#attempts >= options.maxAttempts) return false;
    const untriedBrokers = this.#states.filter(({ isTried }) => !isTried).length;
    return !options.giveUpOn(error, { attempts: this.#attempts, hasConnected: this.#hasConnected, untriedBrokers });
  }

  /** Every address may be tried at once. */
  reset(): void {
    for (const state of this.#states) {
      state.failures = 0;
      state.retryAt = 0;
    }
  }

  #nextState(now: number): AddressState {
    let earliest = this.#states[0]!;
    for (const state of this.#states) {
      if (state.retryAt <= now) return state;
      if (state.retryAt < earliest.retryAt) earliest = state;
    }
    return earliest;
  }

  /** Exponential back-off; with full jitter the delay is anywhere below the bound, which spreads a crowd of clients best. */
  #delayMillis(failures: number, options: ReconnectOptions): number {
    // Without a first delay the bound is 0, however far it has grown: 0 times Infinity would be no number.
    if (failures === 0 || options.minDelayMillis === 0) return 0;
    const bound = Math.min(options.maxDelayMillis, options.minDelayMillis * options.factor ** (failures - 1));
    return options.jitter === "full" ? this.#random() * bound : bound;
  }
}
