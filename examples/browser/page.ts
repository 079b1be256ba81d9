// A page that shows messages as they arrive, and publishes.
//
// bun examples/browser/index.html
//
// A browser has WebSocket alone, so the server must listen for it; mosquitto does with `protocol websockets`.
/// <reference lib="dom" />
import { AsyncClient, type EventLoop, type Publish, type QoS } from "@petrel/mqtt";

const MOST_MESSAGES = 50;

/** An element of the page; there is one of each. */
const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const valueOf = (id: string): string => element<HTMLInputElement>(id).value;

let client: AsyncClient | undefined;

function showStatus(state: "connected" | "waiting" | "closed", text: string): void {
  element("status").dataset.state = state;
  element("status").textContent = text;
}

function showMessage({ topicName, qos, payload }: Publish): void {
  const item = document.createElement("li");
  const [topic, details, text] = ["strong", "small", "p"].map((name) => document.createElement(name));
  topic!.textContent = topicName;
  details!.textContent = `QoS ${qos} · ${new Date().toLocaleTimeString()}`;
  text!.textContent = new TextDecoder().decode(payload);
  item.append(topic!, details!, text!);
  const list = element("messages");
  list.prepend(item);
  list.children[MOST_MESSAGES]?.remove();
}

/** Shows everything that happens, until the client disconnects. */
async function show(eventLoop: EventLoop): Promise<void> {
  for await (const event of eventLoop) {
    if (event.type === "connected") showStatus("connected", "connected");
    if (event.type === "disconnected") showStatus("waiting", `${event.error.message}; trying again`);
    if (event.type === "incoming" && event.packet.type === "publish") showMessage(event.packet);
  }
}

async function connect(): Promise<void> {
  await client?.disconnectNow();
  showStatus("waiting", "connecting");
  const pair = AsyncClient.create({
    clientId: `page-${Math.random().toString(36).slice(2, 10)}`,
    broker: valueOf("broker"),
    // What is published while the connection is down is delivered after the reconnect.
    cleanSession: false,
    reconnect: { maxDelayMillis: 5_000 },
  });
  client = pair.client;
  show(pair.eventLoop).catch((error: Error) => showStatus("closed", error.message));
  await client.subscribe(valueOf("filter"), 2);
}

async function publish(): Promise<void> {
  await client?.publish(valueOf("topic"), valueOf("text"), { qos: Number(valueOf("qos")) as QoS });
  element<HTMLInputElement>("text").value = "";
}

/** Does it when a form is sent, and shows what went wrong. */
function onSubmit(id: string, act: () => Promise<void>): void {
  element(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act().catch((error: Error) => showStatus("closed", error.message));
  });
}

onSubmit("connection", connect);
onSubmit("publication", publish);
