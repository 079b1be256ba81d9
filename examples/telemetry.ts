// What a client does, as OpenTelemetry sees it: Deno exports what is written to the console as log records, and its meters as metrics,
// to whatever OTEL_EXPORTER_OTLP_ENDPOINT names. Neither the watchers here nor what they are told has payloads or passwords in it.
//
// OTEL_DENO=true OTEL_SERVICE_NAME=petrel deno run -N examples/telemetry.ts mqtt://localhost:1883
import { connect, type LogRecord, type PacketSummary } from "@petrel/mqtt";

const broker = Deno.args[0] ?? "mqtt://localhost:1883";

/** What is used of a meter; `@opentelemetry/api` has the whole of it. */
interface Meter {
  createCounter(name: string): { add(value: number, attributes: Record<string, string | number>): void };
}

const { meterProvider } = Deno.telemetry as unknown as { meterProvider: { getMeter(name: string): Meter } };
const meter = meterProvider.getMeter("@petrel/mqtt");
const packets = meter.createCounter("mqtt.packets");
const bytes = meter.createCounter("mqtt.bytes");

function countPacket({ direction, type, bytes: size }: PacketSummary): void {
  packets.add(1, { direction, type });
  bytes.add(size, { direction });
}

/** One line of JSON for each record: the level of the console is the severity of the log record. */
function log({ level, event, message, attributes }: LogRecord): void {
  console[level](JSON.stringify({ event, message, ...attributes }));
}

await using mqtt = await connect(broker, { clientId: "petrel-telemetry", onPacket: countPacket, onLog: log });
const echoes = await mqtt.subscribe("telemetry/echo", { qos: 1 });
await mqtt.publish("telemetry/echo", "not for the log", { qos: 1 });
for await (const message of echoes) {
  console.info(JSON.stringify({ event: "message", topicName: message.topicName, bytes: message.payload.length }));
  break;
}
