// A Cloudflare worker: each request connects to the server, subscribes, publishes at QoS 1, and is answered with what came back.
//
// npx wrangler dev --config examples/edge_worker/wrangler.jsonc
//
// Nothing may happen when a worker is loaded, and a connection belongs to the request in which it was opened: so the client is made in
// the handler, and gone at its end. What outlives a request needs a Durable Object, as in examples/edge_durable_object.
import { AsyncClient } from "@petrel/mqtt";

interface Env {
  /** `ws:` and `wss:` work everywhere; `mqtt:` and `mqtts:` with the compatibility flag `nodejs_compat`, as in wrangler.jsonc. */
  readonly BROKER: string;
}

const worker: { fetch(request: Request, env: Env): Promise<Response> } = {
  async fetch(request, env) {
    const text = new URL(request.url).searchParams.get("text") ?? "fair winds";
    const clientId = `edge-${crypto.randomUUID().slice(0, 8)}`;
    const topicName = `petrel/${clientId}`;
    const { client, eventLoop } = AsyncClient.create({ clientId, broker: env.BROKER, reconnect: false });
    await client.subscribe(topicName, 1);
    await client.publish(topicName, text, { qos: 1 });
    try {
      for await (const event of eventLoop) {
        if (event.type !== "incoming" || event.packet.type !== "publish") continue;
        await client.disconnect();
        return Response.json({ received: new TextDecoder().decode(event.packet.payload), qos: event.packet.qos });
      }
      return new Response("The connection ended before the message came\n", { status: 502 });
    } catch (error) {
      return new Response(`${(error as Error).message}\n`, { status: 502 });
    } finally {
      // Sends the DISCONNECT that was asked for.
      while (await eventLoop.poll() !== undefined);
    }
  },
};

// deno-lint-ignore petrel/no-default-export -- that is how a worker is found
export default worker;
