// The transport contract in a real browser.

import { assertEquals } from "@std/assert";
import { chromiumMissing, openPage } from "../support/chromium.ts";
import { runtime, test } from "../support/test.ts";
import { listenWebSocket } from "./loopback_websocket.ts";
import { bundleRemote, startRemoteControl } from "./remote_control.ts";
import type { RuleResult } from "./remote_program.ts";

const notDialled = (): never => {
  throw new Error("not dialled from here");
};

// Which runtime drives the browser makes no difference to it.
if (runtime === "bun") {
  test("in Chromium, WebSocket keeps the transport contract", async () => {
    const page = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/script"></script>';
    await using control = await startRemoteControl(() => listenWebSocket(notDialled), {
      page: { type: "text/html", text: page },
      script: { type: "text/javascript", text: await bundleRemote("tests/transport/remote_page.ts") },
    });
    await using browser = await openPage(`${control.url}/page`);
    const results = await browser.page.evaluate(() => {
      return (globalThis as unknown as { runContract: () => Promise<RuleResult[]> }).runContract();
    });
    assertEquals(results.filter(({ failure }) => failure !== undefined), []);
    assertEquals(results.length > 20, true, `only ${results.length} rules were run`);
  }, { skip: chromiumMissing(), timeoutMillis: 180_000 });
}
