// What every transport owes its owner, as one suite that is run over each adapter.

import { test } from "../support/test.ts";
import { contractCases, type ContractNetwork } from "./contract_cases.ts";
import type { ContractServer } from "./contract_connection.ts";

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
  options: ContractNetwork & { readonly skip?: string | undefined } = {},
): void {
  const { skip } = options;
  for (const { rule, run } of contractCases(options)) {
    test(`${name}: ${rule}`, async () => {
      await using server = await listen();
      await run(server);
    }, { skip });
  }
}
