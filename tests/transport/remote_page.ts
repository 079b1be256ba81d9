// The transport contract as a page: `globalThis.runContract` runs it over the WebSocket of the browser.

import { dialNativeWebSocket } from "../../src/transport/websocket_native.ts";
import { type RuleResult, runRemoteContract } from "./remote_program.ts";

const scope = globalThis as unknown as { runContract: () => Promise<RuleResult[]> };

const network = {
  canPause: false,
  hasHalfClose: false,
  // After a reset Chromium goes on handing bytes to its own network process, until that tells the end.
  countsOutflow: false,
};

scope.runContract = () => runRemoteContract("", "websocket", dialNativeWebSocket, network);
