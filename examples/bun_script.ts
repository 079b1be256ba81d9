// A script for Bun: what is written to its standard input goes to a topic, line by line, and it ends with the input.
//
// printf 'one\ntwo\n' | bun examples/bun_script.ts mqtt://localhost:1883 notes/today
import { connect } from "@petrel/mqtt";

/** What is used of Bun; `@types/bun` declares the rest. */
declare const Bun: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: { stream(): ReadableStream<Uint8Array> };
};

const broker = Bun.argv[2] ?? Bun.env.MQTT_URL ?? "mqtt://localhost:1883";
const topicName = Bun.argv[3] ?? "notes";

await using mqtt = await connect(broker);
const seen = await mqtt.subscribe(topicName, { qos: 1 });

let sent = 0;
let rest = "";
const text = new TextDecoder();
for await (const chunk of Bun.stdin.stream()) {
  const lines = (rest + text.decode(chunk, { stream: true })).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    // Waits for the acknowledgement: the script cannot get ahead of the broker.
    await mqtt.publish(topicName, line, { qos: 1 });
    sent++;
  }
}

for await (const message of seen) {
  console.log(`${message.topicName}: ${message.text()}`);
  if (--sent === 0) break;
}
