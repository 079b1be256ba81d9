// Certificates for tests, made by openssl: an authority, servers good and bad, clients.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import process from "node:process";
import { makeTemporaryFolder, type TemporaryFolder } from "./temporary_folder.ts";

/** A certificate and its private key, as PEM text. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What the tests need. Where nothing else is said, a certificate is signed by `ca`, valid today, for localhost and 127.0.0.1. */
export interface Certificates {
  /** The authority's certificate. */
  readonly ca: string;
  /** The certificate of an authority that has signed nothing here. */
  readonly otherCa: string;
  readonly server: Certificate;
  /** Valid for other.test only. */
  readonly otherHost: Certificate;
  /** Names localhost as its Common Name, and has no subject alternative name. */
  readonly commonNameOnly: Certificate;
  readonly expired: Certificate;
  readonly notYetValid: Certificate;
  /** Signed by itself. */
  readonly selfSigned: Certificate;
  /** Signed by itself, and that of an authority too: what `openssl req -x509` makes by default. */
  readonly selfSignedAuthority: Certificate;
  readonly client: Certificate;
  /** Signed by nobody that the server knows. */
  readonly strangeClient: Certificate;
}

/**
 * Tells why a test with certificates cannot run, for `TestOptions.skip`.
 *
 * @throws {Error} If openssl is missing and PETREL_REQUIRE_ALL is 1.
 */
export function opensslMissing(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, "openssl")))) return undefined;
  const reason = "openssl is not installed";
  if (process.env.PETREL_REQUIRE_ALL === "1") throw new Error(`Cannot leave a test out: ${reason}`);
  return reason;
}

const YESTERDAY = "20250101000000Z";
const FAR_FUTURE = "20990101000000Z";
const SERVER_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";
const LEAF = "basicConstraints=critical,CA:FALSE";

const CA_CONFIG = [
  "[ca]",
  "default_ca=authority",
  "[authority]",
  "database=index.txt",
  "serial=serial",
  "new_certs_dir=issued",
  "default_md=sha256",
  "policy=policy",
  "unique_subject=no",
  "[policy]",
  "commonName=supplied",
];

let made: Promise<Certificates> | undefined;

/** Makes the certificates, once in a process. */
export function makeCertificates(): Promise<Certificates> {
  made ??= makeAll();
  return made;
}

async function makeAll(): Promise<Certificates> {
  await using folder = await makeTemporaryFolder();
  await writeFile(folder.file("ca.cnf"), CA_CONFIG.join("\n"));
  await writeFile(folder.file("index.txt"), "");
  await writeFile(folder.file("serial"), "01");
  await mkdir(folder.file("issued"));
  const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
  const { cert: ca } = await signSelf(folder, "ca", "Petrel test authority", authority);
  const { cert: otherCa } = await signSelf(folder, "other-ca", "Another authority", authority);
  const issue = (name: string, commonName: string, extensions: readonly string[], from = YESTERDAY, to = FAR_FUTURE) =>
    signByCa(folder, name, commonName, extensions, from, to);
  return {
    ca,
    otherCa,
    server: await issue("server", "server", [LEAF, SERVER_NAMES]),
    otherHost: await issue("other-host", "localhost", [LEAF, "subjectAltName=DNS:other.test"]),
    commonNameOnly: await issue("common-name-only", "localhost", [LEAF]),
    expired: await issue("expired", "server", [LEAF, SERVER_NAMES], "20200101000000Z", "20210101000000Z"),
    notYetValid: await issue("not-yet-valid", "server", [LEAF, SERVER_NAMES], "20980101000000Z"),
    selfSigned: await signSelf(folder, "self-signed", "localhost", [LEAF, SERVER_NAMES]),
    selfSignedAuthority: await signSelf(folder, "self-signed-authority", "localhost", [authority[0]!, SERVER_NAMES]),
    client: await issue("client", "client", [LEAF]),
    strangeClient: await signSelf(folder, "strange-client", "client", [LEAF]),
  };
}

async function signSelf(
  folder: TemporaryFolder,
  name: string,
  commonName: string,
  extensions: readonly string[],
): Promise<Certificate> {
  const added = extensions.flatMap((extension) => ["-addext", extension]);
  const subject = ["-subj", `/CN=${commonName}`, "-days", "1"];
  await openssl(folder, ["req", "-x509", ...newKey(name), ...subject, ...added, "-out", `${name}.pem`]);
  return await read(folder, name);
}

async function signByCa(
  folder: TemporaryFolder,
  name: string,
  commonName: string,
  extensions: readonly string[],
  from: string,
  to: string,
): Promise<Certificate> {
  await writeFile(folder.file(`${name}.ext`), extensions.join("\n"));
  await openssl(folder, ["req", "-new", ...newKey(name), "-subj", `/CN=${commonName}`, "-out", `${name}.csr`]);
  const authority = ["ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"];
  const validity = ["-startdate", from, "-enddate", to];
  const files = ["-extfile", `${name}.ext`, "-in", `${name}.csr`, "-out", `${name}.pem`];
  await openssl(folder, [...authority, ...validity, ...files]);
  return await read(folder, name);
}

function newKey(name: string): readonly string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", `${name}.key`];
}

async function read(folder: TemporaryFolder, name: string): Promise<Certificate> {
  const [cert, key] = await Promise.all(["pem", "key"].map((end) => readFile(folder.file(`${name}.${end}`), "utf8")));
  return { cert: cert!, key: key! };
}

function openssl(folder: TemporaryFolder, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile("openssl", [...args], { cwd: folder.file("") }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`Cannot make a certificate: openssl ${args[0]} failed:\n${stderr}`));
    });
  });
}
