// Where a linted file stands in the repository: the rules of a folder follow from it.

const root = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/**
 * Path of a linted file from the root of the repository, with forward slashes.
 *
 * @param fileName The name Deno gives the rule: absolute when it lints a folder, as written when a test runs the plugin.
 */
export function repositoryPath(fileName: string): string {
  const path = fileName.replaceAll("\\", "/");
  return path.startsWith(root) ? path.slice(root.length) : path;
}
