// Requests and responses. MQTT 3.1.1 has nothing that ties a response to its request, so the payload says where the response is awaited
// and which request it answers.
//
// deno run -N examples/request_response.ts mqtt://localhost:1883
import process from "node:process";
import { connect, type MqttConnection, RequestTimeoutError, type Subscription } from "@petrel/mqtt";

const broker = process.argv[2] ?? "mqtt://localhost:1883";

interface Task {
  readonly id: number;
  readonly replyTo: string;
  readonly words: string;
}

interface Answer {
  readonly id: number;
  readonly length: number;
}

/** Answers until its connection ends. */
async function respond(mqtt: MqttConnection, tasks: Subscription): Promise<void> {
  for await (const message of tasks) {
    const { id, replyTo, words } = message.json<Task>();
    const answer: Answer = { id, length: words.split(" ").length };
    await mqtt.publish(replyTo, JSON.stringify(answer), { qos: 1 });
  }
}

let lastId = 0;

/** Asks, and waits for the answer with the same number. */
async function countWords(mqtt: MqttConnection, words: string): Promise<number> {
  const task: Task = { id: ++lastId, replyTo: "count-words/petrel", words };
  const response = await mqtt.request("count-words", JSON.stringify(task), {
    responseTopic: task.replyTo,
    qos: 1,
    timeoutMillis: 5000,
    correlate: (message) => message.json<Answer>().id === task.id,
  });
  return response.json<Answer>().length;
}

await using server = await connect(broker);
await using mqtt = await connect(broker);
// The response topic stays subscribed between requests.
await using _responses = await mqtt.subscribe("count-words/petrel", { qos: 1, overflow: "drop-oldest", capacity: 1 });
const responding = respond(server, await server.subscribe("count-words", { qos: 1 }));

const sentences = ["fair winds", "and following seas", "to all who sail the open ocean"];
console.log(await Promise.all(sentences.map((sentence) => countWords(mqtt, sentence))));

try {
  await mqtt.request("nobody/listens", "hello?", { responseTopic: "nobody/answers", timeoutMillis: 100 });
} catch (error) {
  if (!(error instanceof RequestTimeoutError)) throw error;
  console.log(error.message);
}
await server.disconnect();
await responding;
