import { assertEquals, assertStrictEquals } from "@std/assert";
import { MemoryNetwork, settle } from "../../src/testing/mod.ts";
import { type ConnectionError, TlsError } from "../../mod.ts";
import type { Dial } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { AsyncClient } from "../../mod.ts";

const tlsError = new TlsError("expired", "Cannot secure the connection to broker.test:8883: it has expired [expired]");

/** What ends the one attempt of a client. */
async function endOf(transport: Dial): Promise<ConnectionError> {
  const options = { clientId: "secure", broker: "mqtts://broker.test", reconnect: false, transport } as const;
  const { eventLoop } = AsyncClient.create(options);
  try {
    while (await eventLoop.poll() !== undefined);
  } catch (error) {
    return error as ConnectionError;
  }
  throw new Error("The loop ended without an error");
}

test("a TlsError of the dial is the connection's error, as it is", async () => {
  assertStrictEquals(await endOf(() => Promise.reject(tlsError)), tlsError);
  assertEquals([tlsError.name, tlsError.reason], ["TlsError", "expired"]);
});

test("a TlsError that ends an open connection is the connection's error, as it is", async () => {
  const network = new MemoryNetwork();
  const dial: Dial = async (target, handlers, options) => {
    const transport = await network.dial(target, { data: () => {}, close: () => handlers.close(tlsError) }, options);
    void settle().then(() => transport.destroy());
    return transport;
  };
  assertStrictEquals(await endOf(dial), tlsError);
});
