// The transport contract as a program for a page or a worker: runs the rules against a server that is read by remote control.

import type { Dial } from "../../src/transport/transport.ts";
import { contractCases, type ContractNetwork } from "./contract_cases.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";

/** What became of a rule. */
export interface RuleResult {
  readonly rule: string;
  /** What the failure says; `undefined` if the rule was kept. */
  readonly failure?: string;
}

/** A rule that has not ended by then has failed. */
const LIMIT_MILLIS = 20_000;

/** Runs every rule that the network allows for. */
export async function runRemoteContract(
  control: string,
  kind: string,
  dial: Dial<never>,
  network: ContractNetwork,
): Promise<RuleResult[]> {
  const results: RuleResult[] = [];
  for (const { rule, run } of contractCases(network)) {
    const server = await listenRemote(control, kind, dial);
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(new Error(`not ended after ${LIMIT_MILLIS} ms`)), LIMIT_MILLIS);
    const failure = await Promise.race([run(server), limit.promise]).then(() => undefined, String);
    clearTimeout(timer);
    results.push(failure === undefined ? { rule } : { rule, failure });
    await server[Symbol.asyncDispose]();
  }
  return results;
}

async function listenRemote(control: string, kind: string, dial: Dial<never>): Promise<ContractServer> {
  const call = async (action: string, id: string | number, body?: Uint8Array): Promise<Response> =>
    await fetch(`${control}/${action}/${id}`, { method: "POST", body: body === undefined ? null : body.slice() });
  const { id, target } = await (await call("listen", kind)).json();
  const tell = async (action: string, ...args: readonly [string | number, Uint8Array?]): Promise<void> =>
    void await (await call(action, ...args)).arrayBuffer();
  const accept = async (): Promise<ContractPeer> => {
    const peer = (await (await call("accept", id)).json()).id;
    return {
      read: async () => {
        const response = await call("read", peer);
        const bytes = new Uint8Array(await response.arrayBuffer());
        return response.status === 204 ? undefined : bytes;
      },
      write: (bytes) => tell("write", peer, bytes),
      end: () => void tell("end", peer),
      reset: () => void tell("reset", peer),
    };
  };
  return {
    dial: dial as Dial,
    target,
    accept,
    refuse: () => tell("refuse", id),
    [Symbol.asyncDispose]: () => tell("close", id),
  };
}
