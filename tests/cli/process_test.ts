// The command line as a user starts it: whole processes, pipes, signals and permissions, against a real server.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Aedes, AuthenticateError, Client } from "aedes";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { type AedesServer, startAedes, startAedesProcess } from "../support/aedes.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { findFreePort, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { runtime, test } from "../support/test.ts";
import { CliProcess, type CliProcessOptions, runCli } from "./cli_process.ts";

/** The address of a server as an option. */
function at({ port }: { readonly port: number }): string[] {
  return ["--broker", `mqtt://127.0.0.1:${port}`];
}

/** Waits for the next event of a broker. */
function next(broker: Aedes, event: "subscribe" | "publish" | "ping" | "clientDisconnect"): Promise<unknown> {
  return new Promise((resolve) => broker.once(event as "ping", resolve as () => void));
}

/** Starts `sub`, and waits until the server has its subscription. */
async function subscribe(
  server: AedesServer,
  args: readonly string[],
  options?: Partial<CliProcessOptions>,
): Promise<CliProcess> {
  const subscribed = next(server.broker, "subscribe");
  const cli = new CliProcess(["sub", ...at(server), ...args], { port: server.port, ...options });
  await Promise.race([subscribed, cli.exit]);
  return cli;
}

async function publish(
  server: AedesServer,
  topic: string,
  payload: string | Uint8Array,
  qos: 0 | 1 | 2 = 0,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const packet = { cmd: "publish", topic, payload: payload as Buffer, qos, retain: false, dup: false } as const;
    server.broker.publish(packet, (error) => error ? reject(error) : resolve());
  });
}

test("importing the entry point does nothing and exports nothing", async () => {
  assertEquals(Object.keys(await import("../../cli.ts")), []);
});

test("pub and sub need no permission but the server's address, and say nothing", async () => {
  await using server = await startAedes();
  const sub = await subscribe(server, ["a/#", "--count", "2", "-q", "1", "--format", "%t %p"]);
  const pubs = [
    await runCli(["pub", ...at(server), "a/b", "fair winds", "-q", "1"], server),
    await runCli(["pub", ...at(server), "a/c"], server, "from a pipe"),
  ];
  assertEquals(pubs.map(({ code, output, errors }) => [code, output.toString(), errors]), [[0, "", ""], [0, "", ""]]);
  const { code, output, errors } = await sub.exit;
  assertEquals([code, output.toString(), errors], [0, "a/b fair winds\na/c from a pipe\n", ""]);
});

test("the environment says where the server is, as far as it may be read", async () => {
  await using server = await startAedes();
  const env = { PETREL_BROKER: `mqtt://127.0.0.1:${server.port}` };
  const allowed = await runCli(["pub", "a", "b"], { port: server.port, env, permissions: ["-E"] });
  assertEquals([allowed.code, allowed.errors], [0, ""]);
  if (runtime !== "deno") return;
  // Not granted is not set; and nobody is asked, so the process does not wait either.
  const denied = await runCli(["pub", "a", "b"], { port: server.port, env });
  assertEquals(denied.code, 1);
  assertStringIncludes(denied.errors, "Cannot connect to mqtt://localhost:1883: ");
});

test("a password comes from a file, which Deno must be allowed to read", async () => {
  await using server = await startAedes();
  await using folder = await makeTemporaryFolder();
  const seen: string[] = [];
  server.broker.authenticate = (_client, username, password, done) => {
    seen.push(`${username} ${password}`);
    done(null, true);
  };
  const file = folder.file("password");
  await writeFile(file, "s3 cret\n");
  const args = ["pub", ...at(server), "-u", "ann", "--password-file", file, "a", "b"];
  const allowed = await runCli(args, { port: server.port, permissions: [`-R=${file}`] });
  assertEquals([allowed.code, allowed.errors, seen], [0, "", ["ann s3 cret"]]);
  if (runtime !== "deno") return;
  const denied = await runCli(args, server);
  assertEquals([denied.code, seen.length], [2, 1]);
  assertMatch(denied.errors, /^petrel: Cannot use --password-file: Requires read access to /);
});

test("a server that refuses is exit code 3, one that is not there 1, one that is mute 4", async () => {
  await using server = await startAedes();
  server.broker.authenticate = (_client, _username, _password, done) => {
    done(Object.assign(new Error("no"), { returnCode: 4 }) as AuthenticateError, false);
  };
  const args = ["-u", "ann", "--password", "hunter2", "--verbose", "a", "b"];
  const refused = await runCli(["pub", ...at(server), ...args], server);
  assertEquals(refused.code, 3);
  assertStringIncludes(refused.errors, "return code 4, bad user name or password\n");
  assertStringIncludes(refused.errors, "Warning: --password stands in the list of processes");
  assert(!refused.errors.includes("hunter2"), refused.errors);

  server.broker.authenticate = () => {};
  const mute = await runCli(["pub", ...at(server), "--connect-timeout", "0.3", "a", "b"], server);
  assertEquals(mute.code, 4, mute.errors);

  const port = await findFreePort();
  const missing = await runCli(["sub", ...at({ port }), "a"], { port });
  assertEquals(missing.code, 1);
  assertMatch(missing.errors, /^petrel: Cannot connect to mqtt:\/\/127\.0\.0\.1:\d+: /);
});

test("Ctrl-C ends sub in order with exit code 130, SIGTERM with 143: the Will is not published", async () => {
  await using server = await startAedes();
  const topics: string[] = [];
  server.broker.on("publish", ({ topic }) => void topics.push(topic));
  for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const sub = await subscribe(server, ["a", "--will-topic", "will"]);
    const gone = next(server.broker, "clientDisconnect");
    sub.kill(signal);
    const { code, errors } = await sub.exit;
    assertEquals([code, errors], [expected, ""]);
    await gone;
  }
  assertEquals(topics.filter((topic) => topic === "will"), []);
});

test("Ctrl-C waits for what was begun, a second one does not", async () => {
  await using server = await startAedes();
  const published = new Promise<void>((resolve) => {
    server.broker.authorizePublish = () => resolve();
  });
  const pub = new CliProcess(["pub", ...at(server), "-q", "1", "a", "b"], server);
  await Promise.race([published, pub.exit]);
  pub.kill("SIGINT");
  await pub.untilSaid(/Finishing what was begun/);
  pub.kill("SIGINT");
  assertEquals((await pub.exit).code, 130);
});

test("Ctrl-C ends pub --lines while its standard input is open", async () => {
  await using server = await startAedes();
  const published = new Promise<void>((resolve) => {
    server.broker.authorizePublish = (_client, _packet, done) => {
      done(null);
      resolve();
    };
  });
  const pub = new CliProcess(["pub", ...at(server), "--lines", "-q", "1", "a"], server);
  pub.type("one\n");
  await Promise.race([published, pub.exit]);
  pub.kill("SIGINT");
  const { code, errors } = await pub.exit;
  assertEquals([code, errors], [130, ""]);
});

test("a reader that has seen enough ends sub with success and without a word", async () => {
  await using server = await startAedes();
  const sub = await subscribe(server, ["a", "-q", "1"]);
  await publish(server, "a", "one", 1);
  await sub.until(4);
  sub.closeOutput();
  let isOver = false;
  const exit = sub.exit.finally(() => isOver = true);
  // It is told that its pipe is closed when it writes to it.
  while (!isOver) {
    await publish(server, "a", "more", 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { code, errors } = await exit;
  assertEquals([code, errors], [0, ""]);
});

test("sub whose output nobody takes holds still, keeps its connection alive, and loses nothing", async () => {
  await using server = await startAedes();
  const count = 300;
  const payload = "x".repeat(1000);
  const sub = await subscribe(server, ["a", "-q", "1", "--keep-alive", "1", "-C", String(count)], { isUnread: true });
  const publishing = (async () => {
    for (let i = 0; i < count; i++) await publish(server, "a", `${i} ${payload}`, 1);
  })();
  // A server gives a client up after one and a half seconds of silence.
  for (let pings = 0; pings < 3; pings++) await Promise.race([next(server.broker, "ping"), sub.exit]);
  sub.read();
  await publishing;
  const { code, output, errors } = await sub.exit;
  assertEquals([code, errors], [0, ""]);
  assertEquals(output.toString().split("\n").slice(0, -1), Array.from({ length: count }, (_, i) => `${i} ${payload}`));
});

test("a payload of megabytes goes from a file through the server to a pipe, byte by byte", async () => {
  await using server = await startAedesProcess();
  await using folder = await makeTemporaryFolder();
  const payload = randomBytes(3_000_000);
  await writeFile(folder.file("payload"), payload);
  const { port } = server;
  const args = ["pub", ...at(server), "-q", "1", "--retain", "--file", folder.file("payload"), "large"];
  const fromFile = await runCli(args, { port, permissions: [`-R=${folder.file("payload")}`] });
  assertEquals([fromFile.code, fromFile.errors], [0, ""]);
  const raw = await runCli(["sub", ...at(server), "--count", "1", "--format", "raw", "large"], { port });
  assertEquals([raw.code, raw.errors], [0, ""]);
  assert(raw.output.equals(payload));

  const fromPipe = await runCli(["pub", ...at(server), "-q", "2", "--retain", "large"], { port }, payload.subarray(1));
  assertEquals([fromPipe.code, fromPipe.errors], [0, ""]);
  const json = await runCli(["sub", ...at(server), "--count", "1", "--json", "large"], { port });
  const message = JSON.parse(json.output.toString());
  assertEquals([message.topicName, message.retain, message.payloadEncoding], ["large", true, "base64"]);
  assert(Buffer.from(message.payload, "base64").equals(payload.subarray(1)));
});

test("many lines go through a pipe, the server and another pipe, in order and none lost", async () => {
  await using server = await startAedesProcess();
  const { port } = server;
  const count = 5000;
  const lines = Array.from({ length: count }, (_, i) => `line ${i} ${"·".repeat(i % 50)}`).join("\n") + "\n";
  const sub = new CliProcess(["sub", ...at(server), "-q", "1", "-C", String(count), "--verbose", "lines"], { port });
  await sub.untilSaid(/SUBACK/);
  const pub = await runCli(["pub", ...at(server), "-q", "1", "--lines", "lines"], { port }, lines);
  assertEquals([pub.code, pub.errors], [0, ""]);
  const { code, output } = await sub.exit;
  assertEquals([code, output.toString() === lines], [0, true]);
});

test("bench stops by itself, and shows no progress in a pipe", async () => {
  await using server = await startAedesProcess();
  const { port } = server;
  const text = await runCli(["bench", ...at(server), "-q", "1", "--messages", "500", "--clients", "2", "sub"], {
    port,
  });
  assertEquals([text.code, text.errors], [0, ""]);
  assertStringIncludes(text.output.toString(), "1 publisher, 2 subscribers, QoS 1, 64 bytes\n");
  const json = await runCli(["bench", ...at(server), "pingpong", "--duration", "0.5", "--json"], { port });
  assertEquals([json.code, json.errors], [0, ""]);
  const { published, received, delivered } = JSON.parse(json.output.toString());
  assert(published.count > 0);
  assertEquals([received.count, delivered.count], [published.count, published.count]);
});

test("a filter that the server refuses is exit code 1, an option that is unknown 2", async () => {
  await using server = await startAedes();
  server.broker.authorizeSubscribe = (_client: Client | null, _subscription, done) => done(null, null);
  const refused = await runCli(["sub", ...at(server), "secret"], server);
  assertEquals([refused.code, refused.errors.split("\n")[0]], [1, "petrel: The server refuses secret"]);
  const unknown = await runCli(["sub", ...at(server), "a", "--nope"], server);
  assertEquals([unknown.code, unknown.errors.split("\n")[0]], [
    2,
    "petrel: Cannot use --nope: there is no such option",
  ]);
});

test("TLS with a client certificate needs no permission but to read its files", async () => {
  const made = await makeCertificates();
  await using folder = await makeTemporaryFolder();
  const files = {
    ca: made.ca,
    server: made.server.cert,
    serverKey: made.server.key,
    cert: made.client.cert,
    key: made.client.key,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(folder.file(name), content);
  const port = await findFreePort();
  await using _server = await startMosquitto({
    config: [
      // Started by root, mosquitto else becomes a user that may not read here.
      ...["user root", `listener ${port} 127.0.0.1`, "require_certificate true"],
      ...[`cafile ${folder.file("ca")}`, `certfile ${folder.file("server")}`, `keyfile ${folder.file("serverKey")}`],
    ],
  });
  const read = (...names: readonly string[]): string => `-R=${names.map(folder.file).join(",")}`;
  const broker = ["-b", `mqtts://127.0.0.1:${port}`, "--ca", folder.file("ca")];
  const own = ["--cert", folder.file("cert"), "--key", folder.file("key")];
  const permissions = [read("ca", "cert", "key")];
  const pub = await runCli(["pub", ...broker, ...own, "-q", "1", "--retain", "a", "safe"], { port, permissions });
  assertEquals([pub.code, pub.errors], [0, ""]);
  const sub = await runCli(["sub", ...broker, ...own, "-C", "1", "a"], { port, permissions });
  assertEquals([sub.code, sub.output.toString(), sub.errors], [0, "safe\n", ""]);
  const without = await runCli(["pub", ...broker, "-q", "1", "a", "b"], { port, permissions: [read("ca")] });
  assertEquals(without.code, 1);
  assertMatch(without.errors, /certificate/);
  const untrusted = await runCli(["pub", "-b", `mqtts://127.0.0.1:${port}`, "a", "b"], { port });
  assertEquals(untrusted.code, 1);
  assertMatch(untrusted.errors, /nobody who is trusted has signed/);
}, { skip: mosquittoMissing() ?? opensslMissing() });
