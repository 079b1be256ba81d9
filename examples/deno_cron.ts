// A job of Deno's cron that reports once an hour. A connection is opened for each report and closed in order behind it, so that nothing
// is kept up in between, and a report that fails is tried again by cron.
//
// deno run -N --unstable-cron examples/deno_cron.ts mqtt://localhost:1883
// deno run -N examples/deno_cron.ts mqtt://localhost:1883 --once
import { connect } from "@petrel/mqtt";

const broker = Deno.args[0] ?? "mqtt://localhost:1883";

/** Publishes one report; resolves once the broker has it. */
async function report(): Promise<void> {
  const { heapUsed } = Deno.memoryUsage();
  // A job should fail soon: cron has a schedule of its own for trying again.
  await using mqtt = await connect(broker, { clientId: "petrel-cron", reconnect: { maxAttempts: 3 } });
  const payload = JSON.stringify({ host: "example", heapUsed });
  await mqtt.publish("reports/memory", payload, { qos: 1, retain: true, timeoutMillis: 10_000 });
  console.log("Reported");
}

if (Deno.args.includes("--once")) {
  await report();
} else {
  Deno.cron("report the memory in use", "0 * * * *", { backoffSchedule: [1000, 10_000, 60_000] }, report);
}
