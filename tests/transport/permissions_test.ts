// The least permissions that Deno must be given for each way to a server, and what is said if one is missing. They are a matter of Deno
// alone, so that this file declares nothing elsewhere.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { DialTarget, TlsSettings } from "../../src/transport/transport.ts";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { startAedes } from "../support/aedes.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { runtime, test } from "../support/test.ts";
import { listenLoopback, listenUnix, plainTls } from "./loopback.ts";
import { listenDenoTls } from "./loopback_deno.ts";
import { startProxyPlace } from "./proxy_place.ts";
import { noDial } from "./loopback_websocket.ts";
import { listenWs, listenWss } from "./websocket_dials.ts";

const skip = opensslMissing();
const urlOf = (path: string): string => JSON.stringify(new URL(path, `file://${repositoryRoot}`).href);

/** What a program prints in a process that has these permissions and no others. */
async function runWith(permissions: readonly string[], program: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", "--no-lock", ...permissions, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(program));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

/** What a dial prints. */
function dialWith(target: DialTarget, permissions: readonly string[]): Promise<string> {
  return runWith(
    permissions,
    `
    import { selectDial } from ${urlOf("src/transport/select.ts")};
    const handlers = { data() {}, close() { console.log("closed"); } };
    try {
      const target = ${JSON.stringify(target)};
      const transport = await selectDial(target)(target, handlers, { signal: new AbortController().signal });
      console.log("open");
      transport.destroy();
    } catch (error) {
      console.log(error.message);
    }`,
  );
}

/** The one permission is enough, and its absence is told. */
async function expectNetAlone(target: DialTarget, host: string, action = ""): Promise<void> {
  assertEquals(await dialWith(target, [`--allow-net=${host}`]), "open\nclosed\n");
  const message = `${action}Cannot dial ${host}: Deno was not given --allow-net=${host}\n`;
  assertEquals(await dialWith(target, ["--allow-net=192.0.2.1:1"]), message);
}

if (runtime === "deno") {
  test("permissions: TCP needs the host and the port as they are written", async () => {
    await using server = await listenLoopback(noDial);
    const { port } = server.target;
    await expectNetAlone(server.target, `127.0.0.1:${port}`);
    await expectNetAlone({ ...server.target, hostname: "localhost" }, `localhost:${port}`);
    assertStrictEquals(
      await dialWith({ ...server.target, hostname: "::1" }, [`--allow-net=127.0.0.1:${port}`]),
      `Cannot dial [::1]:${port}: Deno was not given --allow-net=[::1]:${port}\n`,
    );
  });

  const tlsCases:
    readonly (readonly [name: string, settings: (client: TlsSettings["client"]) => Partial<TlsSettings>])[] = [
      ["TLS", () => ({})],
      ["TLS with a client certificate", (client) => ({ client })],
      ["TLS without verification", () => ({ insecure: true })],
    ];

  for (const [name, settings] of tlsCases) {
    test(`permissions: ${name} needs no more than TCP`, async () => {
      const { ca, server: certificate, client } = await makeCertificates();
      const tls = { ...plainTls, ca: [ca], ...settings(client) };
      await using server = listenDenoTls(noDial, certificate, tls);
      await expectNetAlone(server.target, `127.0.0.1:${server.target.port}`);
    }, { skip });
  }

  for (const protocol of ["http", "https", "socks5"] as const) {
    test(`permissions: through a proxy by ${protocol} only the proxy must be allowed`, async () => {
      const { ca, server: certificate } = await makeCertificates();
      await using plain = await listenLoopback(noDial);
      await using secure = listenDenoTls(noDial, certificate, { ...plainTls, ca: [ca] });
      await using place = await startProxyPlace(protocol);
      const host = `127.0.0.1:${place.settings.port}`;
      for (const target of [plain.target, secure.target]) {
        const action = `Cannot go through the proxy ${protocol}://${host}: `;
        await expectNetAlone({ ...target, proxy: place.settings }, host, action);
      }
    }, { skip });
  }

  test("permissions: WebSocket needs no more than TCP", async () => {
    await using plain = await listenWs();
    await using secure = await listenWss();
    for (const { target } of [plain, secure]) {
      if (target.kind !== "websocket") throw new Error("No WebSocket");
      await expectNetAlone(target, `${target.hostname}:${target.port}`);
    }
  }, { skip });

  test("permissions: a unix socket needs three, and a missing one names all three", async () => {
    await using folder = await makeTemporaryFolder();
    const path = folder.file("server.sock");
    await using server = await listenUnix(noDial, path);
    const needed = [`--allow-read=${path}`, `--allow-write=${path}`, `--allow-net=unix:${path}`];
    assertEquals(await dialWith(server.target, needed), "open\nclosed\n");
    const message = `Cannot dial the unix socket ${path}: Deno was not given ${needed.join(" ")}\n`;
    for (const missing of needed) {
      assertStrictEquals(await dialWith(server.target, needed.filter((permission) => permission !== missing)), message);
    }
  });

  test("permissions: a client needs no others than its transport", async () => {
    await using server = await startAedes();
    const host = `127.0.0.1:${server.port}`;
    const program = `
      import { AsyncClient } from ${urlOf("mod.ts")};
      const { client, eventLoop } = AsyncClient.create({ clientId: "least", broker: "mqtt://${host}", reconnect: false });
      await client.publish("least", "of all", { qos: 2 });
      await client.disconnect();
      try {
        for await (const event of eventLoop) if (event.type === "connected") console.log("connected");
        console.log("done");
      } catch (error) {
        console.log(error.message);
      }`;
    assertEquals(await runWith([`--allow-net=${host}`], program), "connected\ndone\n");
    const message = `Cannot dial ${host}: Deno was not given --allow-net=${host}`;
    assertEquals(await runWith([], program), `Cannot connect to mqtt://${host}: ${message}\n`);
  });
}
