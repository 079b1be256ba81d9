// A Durable Object that keeps one connection to the server, whoever asks: requests publish through it, and read what came last.
//
// npx wrangler dev --config examples/edge_durable_object/wrangler.jsonc
// curl -X POST 'http://localhost:8787/publish?topic=boats/petrel' -d 'fair winds'
// curl 'http://localhost:8787/last?topic=boats/petrel'
import { AsyncClient, type EventLoop } from "@petrel/mqtt";

/** The part of the environment that is used; `@cloudflare/workers-types` has all of it. */
interface Env {
  readonly BROKER: string;
  readonly GATEWAY: { getByName(name: string): { fetch(request: Request): Promise<Response> } };
}

interface ObjectState {
  readonly storage: { setAlarm(time: number): Promise<void> };
}

/** An object that nobody asks anything is put out of memory after a while, and its connection with it. */
const WAKE_MILLIS = 30_000;

/** The object. */
export class MqttGateway {
  readonly #state: ObjectState;
  readonly #broker: string;
  readonly #last: Map<string, string> = new Map();
  #connected: Promise<AsyncClient> | undefined;

  constructor(state: ObjectState, env: Env) {
    this.#state = state;
    this.#broker = env.BROKER;
  }

  /** Answers a request. */
  async fetch(request: Request): Promise<Response> {
    const client = await this.#connect();
    const { pathname, searchParams } = new URL(request.url);
    const topicName = searchParams.get("topic") ?? "";
    if (pathname === "/publish") {
      const notice = await client.publishTracked(topicName, await request.text(), { qos: 1 });
      await notice.waitCompletion();
      return new Response("acknowledged\n");
    }
    const text = this.#last.get(topicName);
    return text === undefined ? new Response("nothing yet\n", { status: 404 }) : new Response(`${text}\n`);
  }

  /** Is called at the time of the alarm, also if the object is no longer in memory. */
  async alarm(): Promise<void> {
    await this.#connect();
  }

  /** Resolves once the subscription is granted. */
  async #connect(): Promise<AsyncClient> {
    await this.#state.storage.setAlarm(Date.now() + WAKE_MILLIS);
    return await (this.#connected ??= this.#open());
  }

  async #open(): Promise<AsyncClient> {
    const { client, eventLoop } = AsyncClient.create({
      clientId: "petrel-gateway",
      broker: this.#broker,
      // The server keeps what comes while the object is not in memory.
      cleanSession: false,
    });
    this.#receive(eventLoop).catch((error) => console.log(error)).finally(() => this.#connected = undefined);
    const notice = await client.subscribeTracked("boats/#", 1);
    await notice.waitCompletion();
    return client;
  }

  /** Runs for as long as the object is in memory; reconnecting is the event loop's work. */
  async #receive(eventLoop: EventLoop): Promise<void> {
    for await (const event of eventLoop) {
      if (event.type !== "incoming" || event.packet.type !== "publish") continue;
      this.#last.set(event.packet.topicName, new TextDecoder().decode(event.packet.payload));
    }
  }
}

const worker: { fetch(request: Request, env: Env): Promise<Response> } = {
  fetch: (request, env) => env.GATEWAY.getByName("gateway").fetch(request),
};

// deno-lint-ignore petrel/no-default-export -- that is how a worker is found
export default worker;
