// What a simulation ends with when a property does not hold.

/** The properties, by what is broken. */
export type Property =
  | "identifiers"
  | "window"
  | "replay order"
  | "new work passed old work"
  | "DUP"
  | "PUBREL order"
  | "first and last packet"
  | "answers"
  | "acknowledged but not delivered"
  | "exactly once"
  | "at least once"
  | "ends of requests"
  | "subscriptions"
  | "drain"
  | "keep-alive gap"
  | "needless ping"
  | "healthy link given up"
  | "dead peer kept"
  | "deadline"
  | "settles"
  | "crash";

/** A property does not hold. */
export class Violation extends Error {
  /** The name of the class. */
  override readonly name: string = "Violation";
  /** Which one. */
  readonly property: Property;

  /**
   * @param property Which one.
   * @param detail What was seen.
   */
  constructor(property: Property, detail: string) {
    super(`Cannot hold "${property}": ${detail}`);
    this.property = property;
  }
}

/** Ends the simulation unless the property holds. */
export function hold(property: Property, isHeld: boolean, detail: () => string): asserts isHeld {
  if (!isHeld) throw new Violation(property, detail());
}
