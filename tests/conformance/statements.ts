// The conformance table: every normative statement of MQTT 3.1.1, whom it binds, and which tests prove it. tests/conformance_test.ts keeps
// it complete and true.

import { behaviourStatements } from "./behaviour_statements.ts";
import { connectStatements } from "./connect_statements.ts";
import { formatStatements } from "./format_statements.ts";
import { packetStatements } from "./packet_statements.ts";
import type { Statement } from "./statement.ts";

/** All statements, in the order of the specification. */
export const statements: readonly Statement[] = [
  ...formatStatements,
  ...connectStatements,
  ...packetStatements,
  ...behaviourStatements,
];

/** How many statements each section has; they are numbered from 1 without gaps. From appendix B of the specification. */
export const statementCounts: Readonly<Record<string, number>> = {
  "1.5.3": 3,
  "2.2.2": 2,
  "2.3.1": 7,
  "3.1.0": 2,
  "3.1.2": 24,
  "3.1.3": 11,
  "3.1.4": 5,
  "3.2.0": 1,
  "3.2.2": 6,
  "3.3.1": 12,
  "3.3.2": 3,
  "3.3.4": 1,
  "3.3.5": 2,
  "3.6.1": 1,
  "3.8.1": 1,
  "3.8.3": 4,
  "3.8.4": 6,
  "3.9.3": 2,
  "3.10.1": 1,
  "3.10.3": 2,
  "3.10.4": 6,
  "3.12.4": 1,
  "3.14.1": 1,
  "3.14.4": 3,
  "4.1.0": 2,
  "4.3.1": 1,
  "4.3.2": 2,
  "4.3.3": 2,
  "4.4.0": 1,
  "4.5.0": 2,
  "4.6.0": 6,
  "4.7.1": 3,
  "4.7.2": 1,
  "4.7.3": 4,
  "4.8.0": 2,
  "6.0.0": 4,
  "7.0.0": 2,
  "7.1.1": 1,
  "7.1.2": 1,
};
