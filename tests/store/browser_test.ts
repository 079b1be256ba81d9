// The IndexedDB of a real browser: the suite of session stores, and a session that outlives its page.

import { assert, assertEquals } from "@std/assert";
import { bundle } from "../../tools/bundle.ts";
import { sessionStoreCases } from "../../src/testing/mod.ts";
import { chromiumMissing, openPage } from "../support/chromium.ts";
import { findFreePort, mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { servePage } from "../support/page_server.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { runtime, test } from "../support/test.ts";
import type { StorePage } from "./pages/indexed_db.ts";

const PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';

/** Serves the page. */
async function serveStorePage(): Promise<AsyncDisposable & { readonly url: string }> {
  const [script] = await bundle("tests/store/pages/indexed_db.ts");
  return await servePage(PAGE, "/page.js", script!.text);
}

type PageScope = { readonly page: StorePage };

// Which runtime drives the browser makes no difference to it.
if (runtime === "bun") {
  test("the IndexedDB of Chromium passes the suite of session stores", async () => {
    await using served = await serveStorePage();
    await using browser = await openPage(served.url);
    const results = await browser.page.evaluate(() => (globalThis as unknown as PageScope).page.runSuite());
    assertEquals(results, sessionStoreCases.map(({ name }) => `ok: ${name}`));
    assertEquals(browser.complaints, []);
  }, { skip: chromiumMissing(), timeoutMillis: 60_000 });

  test("what a page has published is delivered after it was left and opened again", async () => {
    const webSocketPort = await findFreePort();
    const config = [`listener ${webSocketPort} 127.0.0.1`, "protocol websockets"];
    await using mosquitto = await startMosquitto({ config });
    await using shore = await PolledClient.connect(mosquitto.port, { clientId: "shore" });
    await shore.subscribe("from/page", 2);
    await using served = await serveStorePage();
    await using browser = await openPage(served.url);
    const { page } = browser;
    for (const text of ["one", "two", "three"]) {
      await page.evaluate((text) => (globalThis as unknown as PageScope).page.publish(text), text);
      await page.reload();
    }
    const broker = `ws://127.0.0.1:${webSocketPort}/mqtt`;
    await page.evaluate((broker) => (globalThis as unknown as PageScope).page.deliver(broker), broker);
    assertEquals((await shore.received(3)).map(textOf), ["one", "two", "three"]);
    assert(shore.messages.every(({ qos }) => qos === 2));
    assertEquals(browser.complaints, []);
  }, { skip: mosquittoMissing() ?? chromiumMissing(), timeoutMillis: 60_000 });
}
