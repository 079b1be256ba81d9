// The blocking pair against real servers, each in a process of its own.

import { assert, assertEquals } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { startAedesProcess } from "../support/aedes.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { findFreePort, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { test } from "../support/test.ts";
import { finish, PROGRAM_TIMEOUT_MILLIS, runChecks, startProgram } from "./run_program.ts";

/** Fraction of one processor that an idle client may cost; spinning would be 1. */
const IDLE_SHARE = 0.03;

const servers = [
  { name: "mosquitto", start: () => startMosquitto(), skip: mosquittoMissing() },
  { name: "aedes", start: () => startAedesProcess(), skip: undefined },
];

const timeoutMillis = PROGRAM_TIMEOUT_MILLIS;

for (const { name, start, skip } of servers) {
  test(`the example for scripts without await runs against ${name}`, async () => {
    await using server = await start();
    const lines = await finish(startProgram("examples/sync_publish_subscribe.ts", addressOf(server)));
    assertEquals(lines.at(-1), "Done after 10 messages");
  }, { skip, timeoutMillis });

  test(`the blocking pair keeps its word against ${name}`, async () => {
    await using server = await start();
    await runChecks("broker.ts", addressOf(server));
  }, { skip, timeoutMillis });
}

test("a cut connection comes back by itself, and no message is lost", async () => {
  await using server = await startMosquitto();
  await using proxy = await FaultProxy.start(server.port);
  const child = startProgram("tests/sync/programs/reconnect.ts", addressOf(proxy));
  const cutting = async (): Promise<void> => {
    for (const [index, cut] of (["fin", "reset", "fin"] as const).entries()) {
      await child.line(new RegExp(`^cut ${index + 1}$`));
      proxy.cut(cut);
    }
  };
  const [lines] = await Promise.all([finish(child), cutting()]);
  assertEquals(JSON.parse(lines.at(-1)!), { losses: 3, doubles: 0, sessions: [false, true], received: [300, 300] });
}, { skip: mosquittoMissing(), timeoutMillis });

test("the blocking pair speaks TLS", async () => {
  const { ca, server } = await makeCertificates();
  await using folder = await makeTemporaryFolder();
  const files = { "ca.pem": ca, "server.pem": server.cert, "server.key": server.key };
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const port = await findFreePort();
  const listener = [`listener ${port} 127.0.0.1`, `certfile ${folder.file("server.pem")}`];
  // Started by root, mosquitto else becomes a user that may not read here.
  const config = ["user root", ...listener, `keyfile ${folder.file("server.key")}`];
  await using _running = await startMosquitto({ config });
  await runChecks("tls.ts", `mqtts://localhost:${port}`, folder.file("ca.pem"));
}, { skip: mosquittoMissing() ?? opensslMissing(), timeoutMillis });

test("an idle iterator that blocks uses no processor", async () => {
  await using server = await startAedesProcess();
  const [line] = await finish(startProgram("tests/sync/programs/idle.ts", addressOf(server)));
  const { event, millis, seconds } = JSON.parse(line!);
  assertEquals(event, null);
  assert(millis < seconds * 1000 * IDLE_SHARE, `${millis} ms of processor time in ${seconds} s`);
}, { timeoutMillis });

test("a script that just ends leaves no process behind", async () => {
  await using server = await startAedesProcess();
  assertEquals(await finish(startProgram("tests/sync/programs/ends.ts", addressOf(server))), ["ends"]);
}, { timeoutMillis });

function addressOf({ port }: { readonly port: number }): string {
  return `mqtt://127.0.0.1:${port}`;
}
