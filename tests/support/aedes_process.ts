// The program of `startAedesProcess`: an aedes broker that tells its port on standard output and ends on SIGTERM.

import process from "node:process";
import { startAedes } from "./aedes.ts";

const server = await startAedes();
process.stdout.write(`port ${server.port}\n`);
process.on("SIGTERM", () => void server.close().then(() => process.exit(0)));
