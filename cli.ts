/**
 * The command line: `pub` publishes, `sub` prints what arrives, `bench` measures. It is one process without a shell and without
 * dependencies, and runs on Deno, on Bun, and on Node from 24.2 on.
 *
 * ```sh
 * deno run -N jsr:@petrel/mqtt/cli --help
 * ```
 *
 * `-N` is the only permission it needs; `-E` lets it read its variables of the environment, `-R` files that options name. Importing the
 * module does nothing.
 *
 * @module
 */
import { runProcess } from "./src/cli/mod.ts";

if ((import.meta as { readonly main?: boolean }).main) await runProcess();
