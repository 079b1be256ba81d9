import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import type { MemoryOptions } from "../../src/testing/memory_transport.ts";
import { transportContract } from "./contract.ts";
import type { ContractServer } from "./contract_connection.ts";

function listen(options: MemoryOptions): Promise<ContractServer> {
  const network = new MemoryNetwork(options);
  return Promise.resolve({
    dial: network.dial,
    target: { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true },
    accept: () => network.accept(),
    refuse: () => Promise.resolve(network.refuse(new Error("refused"), Infinity)),
    [Symbol.asyncDispose]: () => Promise.resolve(network.cut()),
  });
}

transportContract("memory", () => listen({}));
transportContract("memory in odd chunks", () => listen({ bufferBytes: 10_007, chunkSizes: [1, 4093, 7, 65_536] }));
