// Debian's Chromium without a window, driven by playwright-core.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { chromium, type Page } from "playwright-core";

/** An open page. */
export interface BrowserPage extends AsyncDisposable {
  /** What drives it. */
  readonly page: Page;
  /** What it has written to its console, and errors that nobody caught. */
  readonly complaints: readonly string[];
}

/** A browser of its own for tests, that asks nothing of the network but what its pages ask. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Tells why a test in a browser cannot run, for `TestOptions.skip`.
 *
 * @throws {Error} If Chromium is missing and PETREL_REQUIRE_ALL is 1.
 */
export function chromiumMissing(): string | undefined {
  if (findChromium() !== undefined) return undefined;
  const reason = "chromium is not installed";
  if (process.env.PETREL_REQUIRE_ALL === "1") throw new Error(`Cannot leave a test out: ${reason}`);
  return reason;
}

/** Opens a page in a browser of its own, whose profile is gone with it. */
export async function openPage(url: string): Promise<BrowserPage> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("Cannot open a page: chromium is not installed");
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  try {
    const page = await browser.newPage({ viewport: { width: 900, height: 640 } });
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(url);
    return { page, complaints, [Symbol.asyncDispose]: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

function findChromium(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  return folders.map((folder) => join(folder, "chromium")).find((path) => existsSync(path));
}
