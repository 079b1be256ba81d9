// The example page in a real browser, against a real server that listens for WebSocket.

import { assertEquals } from "@std/assert";
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { bundle } from "../../tools/bundle.ts";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { chromiumMissing, openPage } from "../support/chromium.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { findFreePort, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { servePage } from "../support/page_server.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { runtime, test } from "../support/test.ts";

/** Serves the example, with its script bundled. */
async function serveExample(): Promise<AsyncDisposable & { readonly url: string }> {
  const page = await readFile(`${repositoryRoot}examples/browser/index.html`, "utf8");
  const [script] = await bundle("examples/browser/page.ts", { isMinified: true });
  return await servePage(page, "/page.ts", script!.text);
}

async function publish(page: Page, text: string, qos: "0" | "1" | "2"): Promise<void> {
  await page.getByLabel("QoS").selectOption(qos);
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Publish" }).click();
}

/** Waits until the messages on the page, the oldest first, are these. */
async function shows(page: Page, texts: readonly string[]): Promise<void> {
  const last = page.locator("#messages li p").first();
  await last.filter({ hasText: texts.at(-1)! }).waitFor();
  assertEquals((await page.locator("#messages li p").allTextContents()).reverse(), [...texts]);
}

const isConnected = (page: Page): Promise<void> => page.locator('#status[data-state="connected"]').waitFor();

// Which runtime drives the browser makes no difference to it.
if (runtime === "bun") {
  test("the example page subscribes, publishes at every QoS, receives, and goes on after a cut", async () => {
    const webSocketPort = await findFreePort();
    const listener = [`listener ${webSocketPort} 127.0.0.1`, "protocol websockets"];
    await using mosquitto = await startMosquitto({ config: listener });
    await using proxy = await FaultProxy.start(webSocketPort);
    await using served = await serveExample();
    await using sailor = await PolledClient.connect(mosquitto.port, { clientId: "sailor" });
    await sailor.subscribe("petrel/hello", 2);
    await using browser = await openPage(served.url);
    const { page } = browser;
    await page.getByLabel("Broker").fill(`ws://127.0.0.1:${proxy.port}/mqtt`);
    await page.getByRole("button", { name: "Connect" }).click();
    await isConnected(page);
    const sent: string[] = [];
    for (const qos of ["0", "1", "2"] as const) {
      sent.push(`at QoS ${qos}`);
      await publish(page, sent.at(-1)!, qos);
      await shows(page, sent);
    }
    assertEquals((await sailor.received(3)).map((message) => [textOf(message), message.qos]), [
      ["at QoS 0", 0],
      ["at QoS 1", 1],
      ["at QoS 2", 2],
    ]);
    await proxy.refuse("reset");
    proxy.cut("reset");
    await page.locator('#status[data-state="waiting"]').waitFor();
    // From both sides, while there is no connection.
    await sailor.publish("petrel/news", "from the sea", 2);
    await publish(page, "from the shore", "2");
    await proxy.welcome();
    await isConnected(page);
    await sailor.received(4);
    assertEquals(textOf(sailor.messages[3]!), "from the shore");
    await shows(page, [...sent, "from the sea", "from the shore"]);
    // The browser itself tells of each attempt that was refused.
    assertEquals(browser.complaints.filter((line) => !line.startsWith("WebSocket connection to ")), []);
  }, { skip: mosquittoMissing() ?? chromiumMissing(), timeoutMillis: 60_000 });

  test("a page is told why it cannot connect, as far as the browser says, and what it cannot do", async () => {
    await using served = await serveExample();
    await using browser = await openPage(served.url);
    const { page } = browser;
    const connect = async (broker: string): Promise<void> => {
      await page.getByLabel("Broker").fill(broker);
      await page.getByRole("button", { name: "Connect" }).click();
    };
    const status = page.locator("#status");
    const port = await findFreePort();
    await connect(`ws://127.0.0.1:${port}/mqtt`);
    await status.filter({ hasText: "trying again" }).waitFor();
    assertEquals(
      await status.textContent(),
      `Cannot connect to ws://127.0.0.1:${port}/mqtt: Cannot open a WebSocket to 127.0.0.1:${port}: the server is out of ` +
        'reach, refuses the upgrade, or does not know "mqtt" [MQTT-6.0.0-4]; the runtime does not say which; trying again',
    );
    await connect("mqtt://127.0.0.1");
    await status.filter({ hasText: "tcp" }).waitFor();
    assertEquals(await status.textContent(), "Cannot dial the broker: a browser has no tcp transport");
  }, { skip: chromiumMissing(), timeoutMillis: 60_000 });
}
