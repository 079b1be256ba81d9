// The purity gate of `deno task ok` on one module that is pure and on modules that are not. It is a call of Deno, so on Bun
// this file declares nothing.

import { assert, assertStringIncludes } from "@std/assert";
import { repositoryRoot } from "../../tools/source_tree.ts";
import { runtime, test } from "../support/test.ts";

async function check(source: string): Promise<{ success: boolean; output: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/a.ts`, source);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", `${repositoryRoot}tools/pure.json`, `${folder}/a.ts`],
      env: { NO_COLOR: "1" },
    }).output();
    return { success, output: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (runtime === "deno") {
  test("the purity gate lets the language and the text codecs pass", async () => {
    const { success, output } = await check(
      "export const text: string = new TextDecoder('utf-8', { fatal: true }).decode(new TextEncoder().encode('a'));",
    );
    assert(success, output);
  });

  for (const name of ["Deno", "Bun", "setTimeout", "performance", "crypto", "fetch", "WebSocket", "AbortController"]) {
    test(`the purity gate stops ${name}`, async () => {
      const { success, output } = await check(`export const value: unknown = ${name};`);
      assert(!success);
      assertStringIncludes(output, `Cannot find name '${name}'`);
    });
  }
}
