// What a figure depends on besides the code: told with every page of results.

import { execFileSync, spawnSync } from "node:child_process";
import os from "node:os";
import { delimiter } from "node:path";
import process from "node:process";
import mqttPackage from "mqtt/package.json" with { type: "json" };
import denoJson from "../../deno.json" with { type: "json" };
import { mosquittoMissing } from "../../tests/support/mosquitto.ts";
import { repositoryRoot } from "../../tools/source_tree.ts";

/** A page's table of circumstances, by title. */
export type Environment = Readonly<Record<string, string>>;

/** Looks at this machine. */
export function describeEnvironment(): Environment {
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
    mosquitto: mosquittoVersion(),
  };
}

function versionOf(command: string): string {
  return execFileSync(command, ["--version"], { encoding: "utf8" }).trim();
}

/** Its help is where mosquitto tells its version; it exits as after an error. */
function mosquittoVersion(): string {
  if (mosquittoMissing() !== undefined) return "not installed";
  const PATH = [process.env.PATH, "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].join(delimiter);
  const { stdout } = spawnSync("mosquitto", ["-h"], { encoding: "utf8", env: { ...process.env, PATH } });
  return /mosquitto version (\S+)/.exec(stdout ?? "")?.[1] ?? "unknown";
}
