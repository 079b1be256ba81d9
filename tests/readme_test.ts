// The programs of README.md, run as a newcomer would run them: each in a process of its own, against a server on this machine.
// What they print is what the README says they print.

import { assertEquals } from "@std/assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { Decoder, encodePacket, type Packet } from "../src/codec/mod.ts";
import { repositoryRoot } from "../tools/source_tree.ts";
import { runtime, test } from "./support/test.ts";

const LIMIT_MILLIS = 60_000;

const readme = readFileSync(`${repositoryRoot}README.md`, "utf8");
const programs = [...readme.matchAll(/```ts\n([^]*?)```\s+It prints `([^`]*)`/g)].map(([, source, output]) => ({
  source: source!,
  output: output!,
}));

/** The least a server must answer for the programs: everything is granted, and messages come back to their sender at QoS 0. */
function respond(packet: Packet): Packet[] {
  switch (packet.type) {
    case "connect":
      return [{ type: "connack", sessionPresent: false, returnCode: 0 }];
    case "subscribe":
      return [{ type: "suback", packetId: packet.packetId, returnCodes: packet.subscriptions.map(({ qos }) => qos) }];
    case "unsubscribe":
      return [{ type: "unsuback", packetId: packet.packetId }];
    case "publish": {
      const echo: Packet = { ...packet, qos: 0, packetId: 0 };
      if (packet.qos === 0) return [echo];
      return [echo, { type: packet.qos === 1 ? "puback" : "pubrec", packetId: packet.packetId }];
    }
    case "pubrel":
      return [{ type: "pubcomp", packetId: packet.packetId }];
    default:
      return [];
  }
}

function serve(socket: Socket): void {
  const decoder = new Decoder();
  socket.on("data", (chunk: Uint8Array) => {
    decoder.push(chunk);
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
      if (packet.type === "disconnect") socket.end();
      for (const answer of respond(packet)) socket.write(encodePacket(answer));
    }
  });
}

async function listen(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** A program that speaks to the server at a port, by the modules of this repository. */
function placed(source: string, port: number): string {
  return source.replaceAll("mqtt://localhost:1883", `mqtt://127.0.0.1:${port}`)
    .replaceAll('"@petrel/mqtt"', JSON.stringify(pathToFileURL(`${repositoryRoot}mod.ts`).href));
}

/**
 * Lets this runtime do something with programs, in a process of its own.
 *
 * @returns What it printed, and what it complained of.
 */
async function run(
  sources: readonly string[],
  command: readonly string[],
): Promise<{ readonly output: string; readonly complaints: string }> {
  const folder = mkdtempSync(join(tmpdir(), "petrel-readme-"));
  try {
    const files = sources.map((source, index) => {
      const file = join(folder, `program_${index}.ts`);
      writeFileSync(file, source);
      return file;
    });
    const args = [...command, ...files];
    const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    const child = spawn(process.execPath, args, { cwd: repositoryRoot, env, stdio: ["ignore", "pipe", "pipe"] });
    const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MILLIS);
    let [output, complaints] = ["", ""];
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => complaints += chunk);
    const [code] = await once(child, "close");
    clearTimeout(limit);
    return { output, complaints: code === 0 ? "" : `ended with code ${code}: ${complaints}` };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("README.md has programs that tell what they print", () => {
  assertEquals(programs.length, readme.split("```ts\n").length - 1);
  assertEquals(programs.length > 0, true);
});

if (runtime === "deno") {
  test("the programs of README.md hold their types", async () => {
    const { complaints } = await run(programs.map(({ source }) => placed(source, 1883)), ["check"]);
    assertEquals(complaints, "");
  });
}

for (const { source, output } of programs) {
  test(`the program of README.md that prints "${output}" does so and ends`, async () => {
    const { server, port } = await listen();
    try {
      const command = runtime === "deno" ? ["run", "--no-check", "-A"] : [];
      assertEquals(await run([placed(source, port)], command), { output: `${output}\n`, complaints: "" });
    } finally {
      server.close();
      await once(server, "close");
    }
  });
}
