// Sessions at real servers: what is kept while a client is away, what is lost with a session, and what ends a connection.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectionLostError, ConnectionRefusedError, type MqttOptions } from "../../mod.ts";
import { startAedes } from "../support/aedes.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { servers } from "./servers.ts";

const persistent: MqttOptions = { clientId: "sleeper", cleanSession: false };

for (const { name, start, skip } of servers) {
  test(`${name}: a persistent session keeps subscriptions, and messages while the client is away`, async () => {
    await using server = await start();
    await using publisher = await PolledClient.connect(server.port, { clientId: "publisher" });
    {
      await using sleeper = await PolledClient.connect(server.port, persistent);
      assertEquals(sleeper.sessions, [false]);
      await sleeper.subscribe("night/1", 1);
      await sleeper.subscribe("night/2", 2);
      await sleeper.disconnect();
    }
    for (let index = 0; index < 50; index++) {
      await publisher.publish("night/1", `one ${index}`, 1);
      await publisher.publish("night/2", `two ${index}`, 2);
    }
    await using sleeper = await PolledClient.connect(server.port, persistent);
    assertEquals(sleeper.sessions, [true]);
    const messages = await sleeper.received(100);
    for (const [qos, word] of [[1, "one"], [2, "two"]] as const) {
      assertEquals(
        messages.filter((message) => message.qos === qos).map(textOf),
        Array.from({ length: 50 }, (_, index) => `${word} ${index}`),
      );
    }
    await sleeper.disconnect();
    // The end of it: a clean session clears what the server kept.
    await using clean = await PolledClient.connect(server.port, { clientId: "sleeper" });
    await clean.disconnect();
    await using after = await PolledClient.connect(server.port, persistent);
    assertEquals([clean.sessions, after.sessions], [[false], [false]]);
  }, { skip });

  test(`${name}: a clean session keeps nothing`, async () => {
    await using server = await start();
    await using publisher = await PolledClient.connect(server.port, { clientId: "publisher" });
    {
      await using first = await PolledClient.connect(server.port, { clientId: "forgetful" });
      await first.subscribe("day", 1);
      await first.disconnect();
    }
    await publisher.publish("day", "missed", 1);
    await using again = await PolledClient.connect(server.port, { clientId: "forgetful" });
    await publisher.publish("day", "no longer subscribed", 1);
    await again.subscribe("end", 1);
    await publisher.publish("end", "end", 1);
    assertEquals((await again.received(1)).map(textOf), ["end"]);
    assertEquals(again.sessions, [false]);
    await again.disconnect();
  }, { skip });

  test(`${name}: what was not acknowledged comes again, what was does not`, async () => {
    await using server = await start();
    const manual: MqttOptions = { ...persistent, ackMode: "manual" };
    await using publisher = await PolledClient.connect(server.port, { clientId: "publisher" });
    {
      await using first = await PolledClient.connect(server.port, manual);
      await first.subscribe("jobs", 1);
      for (const job of ["done", "not done"]) await publisher.publish("jobs", job, 1);
      const [done] = await first.received(2);
      assertEquals(await first.client.ack(done!), true);
      await first.disconnect();
    }
    await using second = await PolledClient.connect(server.port, manual);
    const [again] = await second.received(1);
    assertEquals(textOf(again!), "not done");
    // aedes leaves DUP out.
    if (name === "mosquitto") assertEquals(again!.dup, true);
    assertEquals(second.client.tryAck(again!), true);
    await publisher.publish("jobs", "next", 1);
    assertEquals((await second.received(2)).map(textOf), ["not done", "next"]);
    await second.disconnect();
  }, { skip });

  test(`${name}: many subscriptions are made again at a server that knows nothing of the session`, async () => {
    await using first = await start();
    await using second = await start();
    await using proxy = await FaultProxy.start(first.port);
    await using subscriber = await PolledClient.connect(proxy.port, { clientId: "loyal", capacity: 400 });
    const names = Array.from({ length: 400 }, (_, index) => `many/${index}/${"x".repeat(index % 50)}`);
    const notices = names.map((topicName) => subscriber.client.trySubscribeTracked(topicName, 1));
    for (const notice of notices) await notice.waitCompletion();
    // What was left in between stays left.
    await (await subscriber.client.unsubscribeTracked(names[7]!)).waitCompletion();

    const granted = (): number =>
      subscriber.events.reduce(
        (sum, event) =>
          sum + (event.type === "incoming" && event.packet.type === "suback" ? event.packet.returnCodes.length : 0),
        0,
      );
    proxy.serverPort = second.port;
    proxy.cut("reset");
    await subscriber.until(() => granted() === 400 + 399, "granted all of them again");
    assertEquals(subscriber.sessions, [false, false]);

    await using publisher = await PolledClient.connect(second.port, { clientId: "publisher" });
    for (const topicName of names) await publisher.publish(topicName, topicName, 1);
    const expected = names.filter((_, index) => index !== 7);
    assertEquals((await subscriber.received(399)).map(({ topicName }) => topicName), expected);
    await subscriber.disconnect();
    await publisher.disconnect();
  }, { skip });

  test(`${name}: an idle connection with a Keep Alive of one second stays alive`, async () => {
    await using server = await start();
    await using idle = await PolledClient.connect(server.port, { clientId: "idle", keepAlive: 1 });
    await delay(3_000);
    const pings = idle.events.filter((event) => event.type === "outgoing" && event.packetType === "pingreq").length;
    const answers = (): number =>
      idle.events.filter((event) => event.type === "incoming" && event.packet.type === "pingresp").length;
    // The last one may be on its way.
    await idle.until(() => answers() >= pings, "answered");
    assertEquals([idle.losses, idle.sessions], [[], [false]]);
    assert(pings >= 2 && pings <= 3, `${pings} pings in three seconds`);
    const roundTrip = idle.eventLoop.diagnostics().session.roundTripMillis;
    assert(roundTrip !== undefined && roundTrip >= 0 && roundTrip < 500, `a round trip of ${roundTrip} ms`);
    await idle.disconnect();
  }, { skip });

  test(`${name}: of two clients with one Client Identifier the second stays`, async () => {
    await using server = await start();
    await using first = await PolledClient.connect(server.port, { clientId: "twin", reconnect: false });
    await using second = await PolledClient.connect(server.port, { clientId: "twin" });
    await assertRejects(() => first.finished, ConnectionLostError);
    await second.subscribe("twin", 1);
    await second.publish("twin", "it is me", 1);
    assertEquals((await second.received(1)).map(textOf), ["it is me"]);
    assertEquals(second.losses, []);
    await second.disconnect();
  }, { skip });

  test(`${name}: a client without an identifier of its own is given one`, async () => {
    await using server = await start();
    await using first = await PolledClient.connect(server.port, { clientId: "" });
    await using second = await PolledClient.connect(server.port, { clientId: "" });
    await first.publish("a", "b", 1);
    await second.publish("a", "b", 1);
    assertEquals([first.losses, second.losses], [[], []]);
    await Promise.all([first.disconnect(), second.disconnect()]);
  }, { skip });
}

/** A line of a mosquitto password file. */
function passwordLine(username: string, password: string): string {
  const salt = randomBytes(12);
  const iterations = 101;
  const hash = pbkdf2Sync(password, salt, iterations, 64, "sha512");
  return `${username}:$7$${iterations}$${salt.toString("base64")}$${hash.toString("base64")}\n`;
}

test("mosquitto: a wrong password is a refusal with return code 5, and the right one is accepted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "petrel-passwords-"));
  try {
    const file = join(folder, "passwords");
    await writeFile(file, passwordLine("ann", "p\u00e4ss word"));
    await using server = await startMosquitto({
      config: ["allow_anonymous false", `password_file ${file}`, "user root"],
    });
    await checkPasswords(server.port, 5);
  } finally {
    await rm(folder, { recursive: true });
  }
}, { skip: mosquittoMissing() });

test("aedes: a wrong password is a refusal with return code 4, and the right one is accepted", async () => {
  await using server = await startAedes();
  server.broker.authenticate = (_client, username, password, done) => {
    if (username === "ann" && password?.toString() === "p\u00e4ss word") done(null, true);
    else done(Object.assign(new Error("Bad user name or password"), { returnCode: 4 as const }), null);
  };
  await checkPasswords(server.port, 4);
});

async function checkPasswords(port: number, returnCode: number): Promise<void> {
  for (
    const credentials of [{}, { username: "ann", password: "wrong" }, { username: "bob", password: "p\u00e4ss word" }]
  ) {
    // The default policy gives up when the very first connection is refused so.
    await using refused = new PolledClient(port, { clientId: "refused", ...credentials });
    const error = await assertRejects(() => refused.finished, ConnectionRefusedError);
    assertEquals(error.returnCode, returnCode);
  }
  await using byOptions = await PolledClient.connect(port, {
    clientId: "options",
    username: "ann",
    password: new TextEncoder().encode("p\u00e4ss word"),
  });
  await byOptions.disconnect();
  await using byAddress = new PolledClient(port, {
    clientId: "address",
    broker: `mqtt://ann:p%C3%A4ss%20word@127.0.0.1:${port}`,
  });
  await byAddress.until(() => byAddress.sessions.length === 1, "accepted");
  await byAddress.disconnect();
  await using byProvider = await PolledClient.connect(port, {
    clientId: "provider",
    credentials: () => Promise.resolve({ username: "ann", password: "p\u00e4ss word" }),
  });
  await byProvider.disconnect();
}
