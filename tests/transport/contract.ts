// What every transport owes its owner, as one suite that is run over each adapter.

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { test } from "../support/test.ts";
import { connect, type ContractServer } from "./contract_connection.ts";
import { dialCases } from "./contract_dial.ts";
import { destroyCases, endCases } from "./contract_end.ts";
import { exchangeCases, pauseCases } from "./contract_exchange.ts";

/**
 * Declares the suite for one adapter.
 *
 * @param name The adapter's name, in front of each test's.
 * @param listen Starts a server, with the adapter's dial.
 * @param options What the network between the two has, and why the suite cannot run on this machine.
 */
export function transportContract(
  name: string,
  listen: () => Promise<ContractServer>,
  options: { readonly hasReset?: boolean; readonly skip?: string | undefined } = {},
): void {
  const { hasReset = true, skip } = options;
  for (const [rule, body, needs] of [...exchangeCases, ...pauseCases, ...endCases, ...destroyCases]) {
    if (needs === "reset" && !hasReset) continue;
    test(`${name}: ${rule}`, async () => {
      await using server = await listen();
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
    }, { skip });
  }
  for (const [rule, body] of dialCases) {
    test(`${name}: ${rule}`, async () => {
      await using server = await listen();
      await body(server);
    }, { skip });
  }
}
