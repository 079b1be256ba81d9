// What a figure depends on besides the code: told with every page of results.

import { execFileSync } from "node:child_process";
import os from "node:os";
import process from "node:process";
import mqttPackage from "mqtt/package.json" with { type: "json" };
import denoJson from "../../deno.json" with { type: "json" };
import { mosquittoMissing, startMosquitto } from "../../tests/support/mosquitto.ts";
import { repositoryRoot } from "../../tools/source_tree.ts";

/** A page's table of circumstances, by title. */
export type Environment = Readonly<Record<string, string>>;

/** Looks at this machine. */
export async function describeEnvironment(): Promise<Environment> {
  const cpus = os.cpus();
  const gib = Math.round(os.totalmem() / 2 ** 30);
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus[0]?.model.trim() ?? "unknown processor"}, ${cpus.length} cores, ${gib} GiB`,
    system: `${os.type()} ${os.release().split("-")[0]}, ${os.arch()}`,
    Petrel: denoJson.version,
    "MQTT.js": mqttPackage.version,
    Deno: process.versions.deno ?? versionOf("deno").split(" ")[1] ?? "",
    Bun: versionOf(`${repositoryRoot}node_modules/bun/bin/bun.exe`),
    mosquitto: await mosquittoVersion(),
  };
}

function versionOf(command: string): string {
  return execFileSync(command, ["--version"], { encoding: "utf8" }).trim();
}

async function mosquittoVersion(): Promise<string> {
  if (mosquittoMissing() !== undefined) return "not installed";
  await using server = await startMosquitto();
  return /mosquitto version (\S+)/.exec(server.log())?.[1] ?? "unknown";
}
