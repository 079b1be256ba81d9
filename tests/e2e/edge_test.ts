// The examples for Cloudflare's edge in real workerd, against a real server, by each way they can go.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { readFile, writeFile } from "node:fs/promises";
import { bundle } from "../../tools/bundle.ts";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { type Certificate, type Certificates, makeCertificates } from "../support/certificates.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { findFreePort, type Mosquitto, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { makeTemporaryFolder, type TemporaryFolder } from "../support/temporary_folder.ts";
import { runtime, test } from "../support/test.ts";
import { startWorker, type Worker, workerdMissing } from "../support/workerd.ts";

/** Which runtime starts the workers makes no difference to them; under Deno, miniflare leaves something open. */
const isHost = runtime === "bun";
const skip = isHost ? mosquittoMissing() ?? workerdMissing() : undefined;

interface Servers {
  readonly mosquitto: Mosquitto;
  readonly webSocketPort: number;
  readonly tlsPort: number;
}

/** Starts mosquitto with all its listeners. */
async function startServers(folder: TemporaryFolder, name: keyof Certificates = "server"): Promise<Servers> {
  const [webSocketPort, tlsPort] = [await findFreePort(), await findFreePort()];
  const { cert, key } = (await makeCertificates())[name] as Certificate;
  await writeFile(folder.file("server.pem"), cert);
  await writeFile(folder.file("server.key"), key);
  const secure = [`listener ${tlsPort} 127.0.0.1`, `certfile ${folder.file("server.pem")}`];
  const mosquitto = await startMosquitto({
    config: [
      // Started by root, it else becomes a user that may not read here.
      "user root",
      `listener ${webSocketPort} 127.0.0.1`,
      "protocol websockets",
      ...secure,
      `keyfile ${folder.file("server.key")}`,
    ],
  });
  return { mosquitto, webSocketPort, tlsPort };
}

async function startExample(name: string, broker: string, isPlain = false): Promise<Worker> {
  return await startModule(`examples/${name}/worker.ts`, name, broker, isPlain);
}

async function startModule(path: string, name: string, broker: string, isPlain: boolean): Promise<Worker> {
  const [file] = await bundle(path, { isMinified: true });
  return await startWorker({
    script: file!.text,
    bindings: { BROKER: broker },
    durableObjects: name === "edge_durable_object" ? { GATEWAY: "MqttGateway" } : {},
    compatibilityDate: "2026-07-01",
    compatibilityFlags: isPlain ? [] : ["nodejs_compat"],
  });
}

const ways: Readonly<Record<string, (servers: Servers) => string>> = {
  "WebSocket": ({ webSocketPort }) => `ws://127.0.0.1:${webSocketPort}/mqtt`,
  "TCP": ({ mosquitto }) => `mqtt://127.0.0.1:${mosquitto.port}`,
  "TLS": ({ tlsPort }) => `mqtts://127.0.0.1:${tlsPort}`,
};

for (const [name, brokerOf] of isHost ? Object.entries(ways) : []) {
  test(`a worker subscribes, publishes at QoS 1 and answers with what it received, by ${name}`, async () => {
    await using folder = await makeTemporaryFolder();
    const servers = await startServers(folder);
    await using mosquitto = servers.mosquitto;
    await using worker = await startExample("edge_worker", brokerOf(servers));
    for (const text of ["fair winds", "and following seas"]) {
      const response = await worker.fetch(`/?text=${encodeURIComponent(text)}`);
      assertEquals([response.status, await response.json()], [200, { received: text, qos: 1 }]);
    }
    // In order, both times.
    while (mosquitto.log().match(/Client edge-\w+ disconnected\./g)?.length !== 2) await delay(10);
  }, { skip });
}

if (isHost) {
  test("the worker of README.md answers with the message that came back", async () => {
    await using folder = await makeTemporaryFolder();
    const readme = await readFile(`${repositoryRoot}README.md`, "utf8");
    const [, program] = /```ts worker\n([^]*?)```/.exec(readme)!;
    await writeFile(folder.file("worker.ts"), program!);
    const servers = await startServers(folder);
    await using _mosquitto = servers.mosquitto;
    await using worker = await startModule(folder.file("worker.ts"), "readme", ways["WebSocket"]!(servers), true);
    const response = await worker.fetch("/");
    assertEquals([response.status, await response.text()], [200, "fair winds"]);
  }, { skip });

  test("a worker tells a server that is not there, and one that is no WebSocket server", async () => {
    await using mosquitto = await startMosquitto();
    for (const port of [mosquitto.port, await findFreePort()]) {
      await using worker = await startExample("edge_worker", `ws://127.0.0.1:${port}/mqtt`, true);
      const response = await worker.fetch("/");
      assertEquals(response.status, 502);
      assertMatch(await response.text(), /^Cannot connect to ws:\/\/127\.0\.0\.1:\d+.*: Network connection lost\.\n$/);
    }
  }, { skip });

  for (const certificate of ["otherHost", "expired", "selfSigned"] as const) {
    test(`a worker sends nothing to a server whose certificate is of kind ${certificate}`, async () => {
      await using folder = await makeTemporaryFolder();
      const servers = await startServers(folder, certificate);
      await using mosquitto = servers.mosquitto;
      await using worker = await startExample("edge_worker", ways["TLS"]!(servers));
      const response = await worker.fetch("/");
      assertEquals(response.status, 502);
      assertMatch(
        await response.text(),
        /^Cannot connect to mqtts:.*: Cannot open a secure connection to 127\.0\.0\.1:\d+: /,
      );
      assertEquals(mosquitto.log().includes("New client connected"), false);
    }, { skip });
  }

  test("a worker without the compatibility flag is told at once that it has no TCP", async () => {
    await using worker = await startExample("edge_worker", "mqtt://127.0.0.1:1", true);
    const response = await worker.fetch("/");
    assertEquals(response.status, 500);
    assertStringIncludes(await response.text(), "nodejs_compat");
  }, { skip });

  test("a Durable Object keeps one connection for all requests, and gets it back after a cut", async () => {
    await using folder = await makeTemporaryFolder();
    const servers = await startServers(folder);
    await using mosquitto = servers.mosquitto;
    await using proxy = await FaultProxy.start(servers.webSocketPort);
    await using worker = await startExample("edge_durable_object", `ws://127.0.0.1:${proxy.port}/mqtt`, true);
    await using sailor = await PolledClient.connect(mosquitto.port, { clientId: "sailor" });
    await sailor.subscribe("boats/#", 1);
    const lastOf = async (topicName: string): Promise<string> => {
      for (;;) {
        const response = await worker.fetch(`/last?topic=${encodeURIComponent(topicName)}`);
        const text = await response.text();
        if (response.status === 200) return text.trim();
        await delay(10);
      }
    };
    assertEquals((await worker.fetch("/last?topic=boats/petrel")).status, 404);
    await sailor.publish("boats/petrel", "fair winds");
    assertEquals(await lastOf("boats/petrel"), "fair winds");
    assertEquals(await (await worker.fetch("/publish?topic=boats/answer")).text(), "acknowledged\n");
    await sailor.received(2);
    assertEquals(proxy.accepted, 1);
    proxy.cut("reset");
    // The session is kept: nothing is lost, whether it is published before the reconnect or after it.
    await sailor.publish("boats/storm", "we have been cut off");
    assertEquals(await lastOf("boats/storm"), "we have been cut off");
    assertEquals(await (await worker.fetch("/publish?topic=boats/second")).text(), "acknowledged\n");
    await sailor.received(4);
    assertEquals(sailor.messages.map((message) => message.topicName).at(-1), "boats/second");
    assertEquals(textOf(sailor.messages[0]!), "fair winds");
    assertEquals(proxy.accepted, 2);
  }, { skip });
}
