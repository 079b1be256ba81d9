// What the conformance table says of one normative statement of MQTT 3.1.1.

/** A normative statement. */
export interface Statement {
  /** Its id in the specification. */
  readonly id: `MQTT-${number}.${number}.${number}-${number}`;
  /** Who has to keep it. */
  readonly binds: "client" | "server" | "both";
  /** What it asks, in our words. */
  readonly summary: string;
  /** How far Petrel goes, where that is not plain: less than the statement asks, or more than it asks of a client. */
  readonly note?: string;
  /**
   * The files with the tests, or the tables of cases that tests read, which prove it of Petrel. What binds the client has at least one;
   * what binds the server alone has one where Petrel checks it or depends on it.
   */
  readonly provenBy?: readonly string[];
}
