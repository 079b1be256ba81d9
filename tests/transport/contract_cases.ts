// The rules of the transport contract as a list, for whoever runs them: the suite of this runtime, or a page or a worker that has no
// suite.

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { connect, type ConnectionCase, type ContractNeed, type ContractServer } from "./contract_connection.ts";
import { dialCases } from "./contract_dial.ts";
import { destroyCases, endCases } from "./contract_end.ts";
import { exchangeCases, pauseCases } from "./contract_exchange.ts";

/** What the network between the two ends has; everything, unless it is said. */
export interface ContractNetwork {
  /** A reset that the peer learns of although every byte was read. */
  readonly hasReset?: boolean;
  /** A reset that the peer learns of if bytes were left unread. */
  readonly hasUnreadReset?: boolean;
  /** A pause that holds the peer back. */
  readonly canPause?: boolean;
  /** An end of one side that leaves the other one open. */
  readonly hasHalfClose?: boolean;
  /** An end of the peer that is heard while a write is blocked. */
  readonly hearsEndInWrite?: boolean;
  /** A count of what has left that a reset does not change: a write that waits for it then ends with the connection. */
  readonly countsOutflow?: boolean;
}

/** One rule, over a server of its own. */
export interface ContractCase {
  readonly rule: string;
  run(server: ContractServer): Promise<void>;
}

/** The rules that hold over such a network. */
export function contractCases(network: ContractNetwork = {}): ContractCase[] {
  const { hasReset = true, hasUnreadReset = true, canPause = true } = network;
  const { hasHalfClose = true, hearsEndInWrite = true, countsOutflow = true } = network;
  const has: Readonly<Record<ContractNeed, boolean>> = {
    "reset": hasReset,
    "unread-reset": hasUnreadReset,
    "pause": canPause,
    "half-close": hasHalfClose,
    "end-in-write": hearsEndInWrite,
    "exact-outflow": countsOutflow,
  };
  const overConnection = [...exchangeCases, ...pauseCases, ...endCases, ...destroyCases]
    .filter(([_rule, _body, needs]) => needs === undefined || has[needs])
    .map(([rule, body]) => ({ rule, run: (server: ContractServer) => runOverConnection(server, body) }));
  return [...overConnection, ...dialCases.map(([rule, run]) => ({ rule, run }))];
}

async function runOverConnection(server: ContractServer, body: ConnectionCase[1]): Promise<void> {
  const connection = await connect(server);
  const { owner, call } = connection;
  try {
    await body(connection);
  } finally {
    call((transport) => transport.destroy());
    await owner.closed;
  }
  await delay(5);
  assertEquals(owner.breaches, []);
  assertEquals(owner.closeCount, 1, "close is told once");
}
