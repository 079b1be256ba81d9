// What the options, the environment and files say about the connection, seen in the CONNECT and the dial they lead to.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Connect } from "../../src/codec/mod.ts";
import type { DialTarget } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { type FakeIo, type FakeIoOptions, start } from "./fake_io.ts";

interface Attempt {
  readonly io: FakeIo;
  readonly connect: Connect;
  readonly target: DialTarget;
}

/** Publishes with these options. @returns What the server was told. */
async function attempt(args: readonly string[], options: FakeIoOptions = {}): Promise<Attempt> {
  const { io, ended } = await start(["pub", "a", "b", ...args], options);
  const connection = await io.server.accept();
  const connect = await connection.acceptConnect();
  void connection.autoRespond();
  assertEquals(await ended, 0, io.errorOutput.text);
  return { io, connect, target: io.network.targets[0]! };
}

/** Publishes with options that are not understood. @returns What is said about them. */
async function refusal(args: readonly string[], options: FakeIoOptions = {}): Promise<string> {
  const { io, code } = await start(["pub", "a", "b", ...args], options);
  assertEquals(code, 2, io.errorOutput.text);
  assertEquals(io.network.dialCount, 0);
  assertEquals(io.output.text, "");
  assertEquals(io.errorOutput.lines.at(-1), "petrel: Try 'petrel pub --help'");
  return io.errorOutput.lines.at(-2)!;
}

function place(target: DialTarget): string {
  return target.kind === "unix" ? target.path : `${target.kind} ${target.hostname}:${target.port}`;
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

test("without options it is this machine, a clean session, and a Client Identifier that every server accepts", async () => {
  const { io, connect, target } = await attempt([]);
  assertEquals(place(target), "tcp localhost:1883");
  const { clientId, ...rest } = connect;
  assertMatch(clientId, /^petrel[0-9a-z]{10}$/);
  assertEquals(rest, {
    type: "connect",
    cleanSession: true,
    keepAlive: 60,
    will: undefined,
    username: undefined,
    password: undefined,
  });
  assertEquals(io.opened, []);
  assertEquals(io.errorOutput.text, "");
});

test("two calls have different Client Identifiers", async () => {
  const [one, other] = [await attempt([]), await attempt([])];
  assert(one.connect.clientId !== other.connect.clientId);
});

test("each option of the connection reaches the server", async () => {
  const will = ["--will-topic", "w", "--will-payload", "gone", "--will-qos", "1", "--will-retain"];
  const { connect } = await attempt(
    ["-i", "me", "--no-clean-session", "-u", "ann", "--keep-alive", "7", ...will],
    { env: { PETREL_PASSWORD: "secret" } },
  );
  assertEquals(connect, {
    type: "connect",
    clientId: "me",
    cleanSession: false,
    keepAlive: 7,
    will: { topicName: "w", payload: new TextEncoder().encode("gone"), qos: 1, retain: true },
    username: "ann",
    password: new TextEncoder().encode("secret"),
  });
});

test("--broker comes before PETREL_BROKER, PETREL_BROKER before MQTT_URL", async () => {
  const env = { PETREL_BROKER: "mqtt://petrel.test", MQTT_URL: "mqtt://url.test:1884" };
  assertEquals(place((await attempt(["-b", "mqtt://option.test"], { env })).target), "tcp option.test:1883");
  assertEquals(place((await attempt([], { env })).target), "tcp petrel.test:1883");
  assertEquals(place((await attempt([], { env: { MQTT_URL: env.MQTT_URL } })).target), "tcp url.test:1884");
});

test("a second --broker is tried when the first is not there", async () => {
  const { io, ended } = await start(["pub", "a", "b", "-b", "mqtt://one.test", "-b", "mqtt://two.test"], {});
  const connection = await io.server.accept();
  connection.cut();
  const second = await io.server.accept();
  await second.acceptConnect();
  void second.autoRespond();
  assertEquals(await ended, 0);
  assertEquals(io.network.targets.map(place), ["tcp one.test:1883", "tcp two.test:1883"]);
});

test("user name and password come from the address, the environment, or a file", async () => {
  const fromUrl = await attempt([], { env: { MQTT_URL: "mqtt://ann:p%20w@h.test" } });
  assertEquals([fromUrl.connect.username, textOf(fromUrl.connect.password)], ["ann", "p w"]);
  const fromEnv = await attempt([], { env: { PETREL_USERNAME: "bob", PETREL_PASSWORD: "x" } });
  assertEquals([fromEnv.connect.username, textOf(fromEnv.connect.password)], ["bob", "x"]);
  const fromFile = await attempt(["-u", "eve", "--password-file", "pw"], {
    env: { PETREL_PASSWORD: "not this" },
    files: { pw: "s p\n\r\n" },
  });
  assertEquals([fromFile.connect.username, textOf(fromFile.connect.password)], ["eve", "s p\n"]);
  assertEquals(fromFile.io.opened, ["pw"]);
  const bytes = Uint8Array.of(0xff, 0x00);
  const binary = await attempt(["-u", "eve", "--password-file", "pw"], { files: { pw: bytes } });
  assertEquals(binary.connect.password, bytes);
});

test("options in the query of the address count where no other says something else", async () => {
  const broker = ["-b", "mqtt://h.test?client_id=me&clean_session=false&keep_alive=7"];
  const { clientId, cleanSession, keepAlive } = (await attempt(broker)).connect;
  assertEquals([clientId, cleanSession, keepAlive], ["me", false, 7]);
  const over = (await attempt([...broker, "-i", "you", "--clean-session", "-k", "9"])).connect;
  assertEquals([over.clientId, over.cleanSession, over.keepAlive], ["you", true, 9]);
});

test("a variable that is empty is none", async () => {
  const env = { PETREL_BROKER: "", MQTT_URL: "", PETREL_USERNAME: "", PETREL_PASSWORD: "" };
  const { target, connect } = await attempt([], { env });
  assertEquals([place(target), connect.username, connect.password], ["tcp localhost:1883", undefined, undefined]);
});

test("a secret among the arguments is warned of, and not repeated", async () => {
  const seen = "stands in the list of processes, where every user of this machine can see it";
  const option = await attempt(["-u", "ann", "--password", "hunter2"]);
  assertEquals(textOf(option.connect.password), "hunter2");
  assertEquals(option.io.errorOutput.lines, [
    `petrel: Warning: --password ${seen}; use PETREL_PASSWORD or --password-file`,
  ]);
  const url = await attempt(["-b", "mqtt://ann:hunter2@h.test"]);
  assertEquals(url.io.errorOutput.lines, [`petrel: Warning: the password in --broker ${seen}; use PETREL_BROKER`]);
  const quiet = await attempt(["--quiet", "-u", "ann", "--password", "hunter2"]);
  assertEquals(quiet.io.errorOutput.text, "");
});

test("options of TLS reach the dial, and files are read for them", async () => {
  const certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
  const key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
  const tls = ["--ca", "ca1", "--ca", "ca2", "--cert", "c", "--key", "k", "--server-name", "n", "--alpn", "mqtt"];
  const { target, io } = await attempt(["-b", "mqtts://h.test", ...tls, "--insecure"], {
    files: { ca1: certificate, ca2: certificate, c: certificate, k: key },
  });
  assertEquals(target, {
    kind: "tls",
    hostname: "h.test",
    port: 8883,
    noDelay: true,
    tls: {
      ca: [certificate, certificate],
      client: { cert: certificate, key },
      alpnProtocols: ["mqtt"],
      serverName: "n",
      insecure: true,
    },
  });
  assertEquals(io.errorOutput.lines, [
    "petrel: Warning: --insecure accepts any server, also one in the middle that reads all",
  ]);
});

test("headers and proxy reach the dial, and their secrets no output", async () => {
  const { target, io } = await attempt([
    ...["-b", "ws://h.test/mqtt", "--header", "Authorization: Bearer a:b", "--header", "X-Empty:"],
    ...["--proxy", "http://ann:hunter2@proxy.test:3128", "--verbose"],
  ]);
  assert(target.kind === "websocket");
  assertEquals(await target.headers?.({ url: target.url, signal: new AbortController().signal } as never), {
    "Authorization": "Bearer a:b",
    "X-Empty": "",
  });
  assertEquals(target.proxy?.hostname, "proxy.test");
  assertEquals(target.proxy?.password, "hunter2");
  assert(!io.errorOutput.text.includes("hunter2"), io.errorOutput.text);
  assert(!io.errorOutput.text.includes("Bearer"), io.errorOutput.text);
});

const refusals: readonly (readonly [args: readonly string[], message: string, options?: FakeIoOptions])[] = [
  [["-b", "hunter2"], 'Cannot use --broker: it is no URL, such as "mqtt://host:1883"'],
  [
    ["-b", "http://h"],
    "Cannot use --broker: its scheme is none of mqtt:, tcp:, mqtts:, ssl:, tls:, ws:, wss:, unix: (http:)",
  ],
  [["--keep-alive", "65536"], 'Cannot use --keep-alive: "65536" is no whole number from 0 to 65535'],
  [["--no-clean-session"], "Cannot use --no-clean-session: the session has no name without --client-id"],
  [["--no-clean-session", "-i", ""], "Cannot use --no-clean-session: the session has no name without --client-id"],
  [
    ["-b", "mqtt://h?clean_session=false"],
    "Cannot use clean_session=false in --broker: the session has no name without --client-id",
  ],
  [
    ["--no-clean-session", "--clean-session", "-i", "a"],
    "Cannot use --clean-session: --no-clean-session says the opposite",
  ],
  [["--verbose", "--quiet"], "Cannot use --verbose: --quiet says the opposite"],
  [["--will-qos", "1"], "Cannot use --will-qos: it needs --will-topic"],
  [["--will-retain"], "Cannot use --will-retain: it needs --will-topic"],
  [["--will-topic", "a/#"], 'Cannot use --will-topic: it contains "#" [MQTT-4.7.1-1]'],
  [["--ca", "ca"], 'Cannot use --ca: it has no "-----BEGIN CERTIFICATE-----"', { files: { ca: "x" } }],
  [["--ca", "ca"], "Cannot use --ca: ENOENT: no such file or directory, open 'ca'"],
  [["--ca", "ca"], "Cannot use --ca: it has more than 1048576 bytes", { files: { ca: new Uint8Array(1048577) } }],
  [
    ["--insecure"],
    "Cannot use --ca, --cert, --server-name, --alpn or --insecure: no address in --broker speaks TLS (mqtts:, wss:)",
  ],
  [["-b", "mqtts://h", "--cert", "c"], "Cannot use --cert: it needs --key", {
    files: { c: "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" },
  }],
  [["--header", "hunter2"], "Cannot use --header: it is not written 'Name: value'"],
  [["--header", "A: 1", "--header", "A: 2"], 'Cannot use --header: "A" is given twice'],
  [["--header", "A: 1"], "Cannot use --header: no address in --broker speaks WebSocket (ws:, wss:)"],
  [["--header", "Host: x"], 'Cannot use --header: the upgrade request has a "Host" of its own'],
  [
    ["--proxy", "hunter2"],
    'Cannot use --proxy: it is no URL, such as "http://user:password@host:8080" or "socks5://host"',
  ],
  [["--password", "a", "--password-file", "f"], "Cannot use --password: --password-file gives another one"],
];

for (const [args, message, options] of refusals) {
  test(`pub ${args.join(" ")}: ${message}`, async () => {
    const said = await refusal(args, options);
    assertEquals(said, `petrel: ${message}`);
  });
}

test("how to call it right is told also when it is to be quiet", async () => {
  assertEquals(await refusal(["--quiet", "--will-retain"]), "petrel: Cannot use --will-retain: it needs --will-topic");
});

test("a password without a user name is refused", async () => {
  const said = await refusal([], { env: { PETREL_PASSWORD: "hunter2" } });
  assertEquals(said, "petrel: Cannot use the password: it needs a username [MQTT-3.1.2-22]");
});

test("only what is needed is looked for in the environment", async () => {
  const { io } = await attempt(["-b", "mqtt://h", "-u", "ann", "--password-file", "pw"], { files: { pw: "x" } });
  assertEquals(io.lookedFor, []);
});
