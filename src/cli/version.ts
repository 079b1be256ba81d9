// The version, where the command line can tell it without reading a file. The manifests have the same; a test compares them.

/** The version of Petrel. */
export const VERSION = "0.1.0";
