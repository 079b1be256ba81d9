// A bridge from one broker to another that loses nothing at QoS 1: a message is acknowledged to the first broker only once the second
// has acknowledged it. Whoever is killed meanwhile, a broker or the bridge, the first broker still has the message and sends it again.
// The price is that a message may arrive twice; never that it does not.
//
// deno run -N examples/bridge.ts mqtt://localhost:1883 mqtt://localhost:1884
import process from "node:process";
import { connect } from "@petrel/mqtt";

const [from = "mqtt://localhost:1883", to = "mqtt://localhost:1884"] = process.argv.slice(2);

await using source = await connect(from, {
  clientId: "petrel-bridge",
  // The broker keeps what comes while the bridge is away.
  cleanSession: false,
  // A message is acknowledged when the loop below asks for the next one.
  ackMode: "manual",
});
await using target = await connect(to, { clientId: "petrel-bridge", cleanSession: false });

// With a capacity of 1 the rest stays with the broker, whose window holds it.
const messages = await source.subscribe("bridge/#", { qos: 1, capacity: 1 });
console.log("The bridge is open");

let count = 0;
for await (const message of messages) {
  await target.publish(message.topicName, message.payload, { qos: 1, retain: message.retain });
  console.log(`${++count} ${message.topicName} ${message.text()}`);
  if (message.text() === "close the bridge") break;
}
