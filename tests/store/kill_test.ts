// A process that is killed again and again at random moments, against mosquitto, with its session in a SQLite file: no message whose
// publish has resolved is lost, none at QoS 2 arrives twice, and none that was acknowledged is told again.

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { RepublishWatch } from "../e2e/republish_watch.ts";
import { type Child, startChild } from "../support/child.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { makeTemporaryFolder } from "../support/temporary_folder.ts";
import { runtime, test } from "../support/test.ts";

const KILLS = 15;
const MOST_MILLIS = 250;
/** Between two lives numbers are left out, so that each tells in which it was published. */
const NUMBERS_PER_LIFE = 1_000_000;

function startSensor(...args: readonly string[]): Child {
  const path = `${repositoryRoot}tests/store/programs/sensor.ts`;
  const before = runtime === "deno" ? ["run", "-A", "--no-check", path] : [path];
  return startChild(process.execPath, [...before, ...args], {
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    NODE_NO_WARNINGS: "1",
  });
}

/** What the log of all lives says against the client: what was told again after it was acknowledged. */
function toldAgain(log: readonly string[]): string[] {
  const acknowledged = new Set<string>();
  return log.flatMap((line) => {
    const [what, text] = line.split(" ");
    if (what === "acknowledged") acknowledged.add(text!);
    return what === "told" && acknowledged.has(text!) ? [text!] : [];
  });
}

test("a process that is killed at random loses nothing, and doubles nothing at QoS 2", async () => {
  await using folder = await makeTemporaryFolder();
  await using mosquitto = await startMosquitto();
  const watch = new RepublishWatch();
  await using proxy = await FaultProxy.start(mosquitto.port, { seed: 1, witness: watch });
  await using shore = await PolledClient.connect(mosquitto.port, { clientId: "shore", outgoingEvents: false });
  await (await shore.client.subscribeTracked("up/+", 2)).waitCompletion();
  const args = [`${proxy.port}`, dirname(folder.file("log"))];
  const random = new SeededRandom(Date.now());
  const sent: string[] = [];
  let isKilling = true;
  const send = async (): Promise<void> => {
    while (isKilling) {
      sent.push(`m${sent.length}`);
      await shore.client.publish("down", sent.at(-1)!, { qos: 2 });
      await delay(8);
    }
  };
  // What is sent before anybody has subscribed goes nowhere.
  const first = startSensor(...args, "0", "subscribe");
  assertEquals(await first.exited, "exit 0", first.output());
  const sending = send();
  for (let life = 1; life <= KILLS; life++) {
    const sensor = startSensor(...args, `${life * NUMBERS_PER_LIFE}`);
    await sensor.line(/^ready/);
    await delay(random.integer(0, MOST_MILLIS));
    await sensor.stop("SIGKILL");
  }
  isKilling = false;
  await sending;
  const last = startSensor(...args, "0", "last");
  await last.line(/^ready/);
  await shore.client.publish("down", "end", { qos: 2 });
  assertEquals(await last.exited, "exit 0", last.output());

  const log = (await readFile(folder.file("log"), "utf8")).split("\n");
  await judgeOutgoing(log, shore);
  judgeIncoming(log, sent, watch);
  assertEquals(log.filter((line) => line.startsWith("corrupt")), []);
  const unfinished = (line: string): boolean => !line.includes('"queued":0,"publishes":0,"releases":0');
  const restored = log.filter((line) => line.startsWith("restored") && unfinished(line));
  assert(restored.length > 0, "no process was killed with unfinished messages");
}, { skip: mosquittoMissing(), timeoutMillis: 150_000 });

/** What the processes published. */
async function judgeOutgoing(log: readonly string[], shore: PolledClient): Promise<void> {
  const promised = wordsAfter("promised ", log);
  const holds = (): boolean => promised.every((name) => namesOf(shore).includes(name));
  await shore.until(holds, "received what was promised").catch(() => {});
  const arrived = namesOf(shore);
  assertEquals(promised.filter((name) => !arrived.includes(name)), [], "promised and lost");
  assertEquals(repeatsOf(arrived.filter((name) => name.startsWith("2 "))), [], "arrived twice at QoS 2");
  for (const qos of [1, 2]) {
    const names = [...new Set(arrived)].filter((name) => name.startsWith(`${qos} `));
    const numbers = names.map((name) => Number(name.slice(2)));
    assertEquals(numbers, [...numbers].sort((a, b) => a - b), `order at QoS ${qos}`);
  }
  assert(promised.length > KILLS, `only ${promised.length} were promised`);
}

/** What the processes were sent. */
function judgeIncoming(log: readonly string[], sent: readonly string[], watch: RepublishWatch): void {
  const told = new Set(wordsAfter("told ", log));
  assertEquals(sent.filter((text) => !told.has(text)), [], "sent and never told");
  const again = toldAgain(log).filter((text) => !watch.republished.has(`down ${text}`));
  assertEquals(again, [], "acknowledged and told again");
  assert(told.size > KILLS, `only ${told.size} were told`);
}

function wordsAfter(start: string, log: readonly string[]): string[] {
  return log.flatMap((line) => line.startsWith(start) ? line.slice(start.length) : []);
}

/** The messages that have arrived, as QoS and number. */
function namesOf({ messages }: PolledClient): string[] {
  return messages.map((message) => `${message.topicName.slice(-1)} ${textOf(message)}`);
}

function repeatsOf(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.has(name) || !seen.add(name));
}
