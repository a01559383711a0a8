/**
 * What always holds of a root, whatever happened to the processes that used it. Looked at from outside: the records as
 * SQLite has them, files as the system has them, `index.json` as another tool reads it.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { loadLibrary } from '../../src/backends/dir/database/library.js';
import { openForReading } from '../../src/backends/dir/database/open.js';
import { checkStore } from '../../src/backends/dir/fsck/check-store.js';
import { openStore } from '../../src/backends/dir/open-store.js';
import { Paths } from '../../src/backends/dir/paths.js';
import { isStowageError } from '../../src/errors.js';
import { parseDigest, type Digest } from '../../src/oci/digest.js';

export interface ImageFacts {
  readonly namespace: string;
  readonly name: string;
  readonly digest: string;
  readonly labels: string;
}

/** What a root holds. */
export interface RootFacts {
  /** Sentences about what should not be. */
  readonly findings: readonly string[];
  /** What the store itself calls left over. */
  readonly leftovers: readonly string[];
  readonly images: readonly ImageFacts[];
  /** Blobs on record. */
  readonly blobs: ReadonlySet<string>;
  readonly content: Records['content'];
  readonly namespaces: Records['namespaces'];
  /** Blobs that are files. */
  readonly files: ReadonlySet<string>;
  /** Blobs that images refer to. */
  readonly reachable: ReadonlySet<string>;
  readonly leases: readonly {
    readonly namespace: string;
    readonly id: string;
    readonly holder: string | null;
    readonly lasting: number;
  }[];
  readonly temporaryFiles: readonly string[];
  readonly ingests: readonly string[];
  readonly holders: readonly string[];
}

interface Records {
  readonly blobs: readonly { readonly digest: string; readonly size: number; readonly state: string }[];
  readonly content: readonly {
    readonly namespace: string;
    readonly digest: string;
    readonly labels: string;
  }[];
  readonly namespaces: readonly { readonly name: string; readonly labels: string }[];
  readonly images: readonly ImageFacts[];
  readonly leases: RootFacts['leases'];
  readonly resources: readonly { readonly namespace: string; readonly lease: string }[];
  readonly temporaryFiles: readonly string[];
}

/** Looks at one root again and again; what did not change is not hashed twice. Nobody else in this process may have the root open. */
export class Examiner {
  readonly #paths: Paths;
  /** By digest: which file was found to be right. */
  readonly #proven = new Map<string, string>();
  readonly #documents = new Map<string, readonly string[]>();

  constructor(root: string) {
    this.#paths = new Paths(root);
  }

  async examine(): Promise<RootFacts> {
    const { leftovers, findings } = await this.#checked();
    const before = await this.#listed();
    if (before === 'torn') findings.push('index.json is torn before the store is opened');
    const warnings: string[] = [];
    const store = await openStore({ root: this.#paths.root, onWarning: (text) => void warnings.push(text) });
    await store.close();
    findings.push(...warnings.map((text) => `opening the store warns: ${text}`));

    const records = await this.#records();
    const folders = await readdir(this.#paths.blobs);
    const files = new Set(
      (
        await Promise.all(
          folders.map(async (name) =>
            (await readdir(join(this.#paths.blobs, name))).map((hex) => `${name}:${hex}`),
          ),
        )
      ).flat(),
    );
    const blobs = new Set(records.blobs.map(({ digest }) => digest));
    findings.push(...(await this.#checkBlobs(records)));
    findings.push(...checkRecords(records, blobs));
    const reachable = new Set<string>();
    for (const { namespace, name, digest } of records.images) {
      const held = new Set(
        records.content.filter((row) => row.namespace === namespace).map((row) => row.digest),
      );
      for (const each of await this.#below(digest, files)) {
        reachable.add(each);
        if (!files.has(each))
          findings.push(`image ${namespace}/${name} (${digest}) lacks the file of ${each}`);
        if (!held.has(each))
          findings.push(`image ${namespace}/${name} (${digest}) lacks ${each} in its namespace`);
      }
    }
    findings.push(...(await this.#checkIndex(records, before)));
    return {
      findings,
      leftovers,
      images: records.images,
      blobs,
      content: records.content,
      namespaces: records.namespaces,
      files,
      reachable,
      leases: records.leases,
      temporaryFiles: records.temporaryFiles,
      ingests: await readdir(this.#paths.ingests),
      holders: await readdir(this.#paths.holders),
    };
  }

  /** What the store says of itself, before anybody opens it to write. It hashes nothing here: that is done below. */
  async #checked(): Promise<{ readonly leftovers: readonly string[]; readonly findings: string[] }> {
    try {
      const report = await checkStore({ root: this.#paths.root, hash: false });
      const told = report.findings.map(
        ({ severity, code, where, message }) =>
          [severity, `fsck says ${code} of ${where}: ${message}`] as const,
      );
      const of = (...severities: string[]) =>
        told.filter(([severity]) => severities.includes(severity)).map(([, text]) => text);
      return { leftovers: of('leftover'), findings: of('damage', 'warning') };
    } catch (error) {
      // Whoever made it was killed before there was a store.
      if (isStowageError(error, 'NOT_FOUND')) return { leftovers: [], findings: [] };
      throw error;
    }
  }

  async #records(): Promise<Records> {
    const connection = await openForReading(await loadLibrary(), this.#paths.database);
    try {
      return await connection.read((queries) => {
        const rows = <T>(sql: string) => queries.all(sql) as unknown as T[];
        return {
          blobs: rows<Records['blobs'][number]>('SELECT digest, size, state FROM blobs'),
          content: rows<Records['content'][number]>('SELECT namespace, digest, labels FROM content'),
          namespaces: rows<Records['namespaces'][number]>('SELECT name, labels FROM namespaces'),
          images: rows<ImageFacts>(
            'SELECT namespace, name, digest, labels FROM images ORDER BY namespace, name',
          ),
          leases: rows<Records['leases'][number]>('SELECT namespace, id, holder, lasting FROM leases'),
          resources: rows<Records['resources'][number]>('SELECT namespace, lease FROM lease_resources'),
          temporaryFiles: rows<{ path: string }>('SELECT path FROM temporary_files').map(({ path }) => path),
        };
      });
    } finally {
      await connection.close();
    }
  }

  /** Every row that is live has a file of that size, and the content is what the digest says. */
  async #checkBlobs({ blobs }: Records): Promise<string[]> {
    const findings: string[] = [];
    for (const { digest, size, state } of blobs) {
      const path = this.#paths.blob(parseDigest(digest));
      const facts = await stat(path, { bigint: true }).catch(() => undefined);
      if (facts === undefined) {
        if (state === 'live') findings.push(`blob ${digest} is on record and has no file`);
        continue;
      }
      if (Number(facts.size) !== size)
        findings.push(`blob ${digest} has ${facts.size} bytes instead of ${size}`);
      if ((facts.mode & 0o777n) !== 0o444n)
        findings.push(`blob ${digest} has the mode ${facts.mode.toString(8)}`);
      const file = `${facts.ino} ${facts.mtimeNs} ${facts.size}`;
      if (this.#proven.get(digest) === file) continue;
      const hash = createHash('sha256');
      await pipeline(createReadStream(path), hash);
      if (`sha256:${hash.digest('hex')}` === digest) this.#proven.set(digest, file);
      else findings.push(`blob ${digest} has other content`);
    }
    return findings;
  }

  /** A blob and all it refers to, those that are not there included. */
  async #below(digest: string, files: ReadonlySet<string>): Promise<Set<string>> {
    const found = new Set<string>();
    const open = [digest];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      if (files.has(next)) open.push(...(await this.#children(parseDigest(next))));
    }
    return found;
  }

  async #children(digest: Digest): Promise<readonly string[]> {
    const known = this.#documents.get(digest);
    if (known !== undefined) return known;
    const text = await readFile(this.#paths.blob(digest));
    // Only documents begin so: layers are tars.
    const document =
      text[0] === 0x7b && text.byteLength < 1 << 20 ? (JSON.parse(text.toString()) as Document) : {};
    const { manifests = [], config, layers = [] } = document.schemaVersion === 2 ? document : {};
    const children = [...manifests, ...(config ? [config] : []), ...layers].map((child) => child.digest);
    this.#documents.set(digest, children);
    return children;
  }

  async #listed(): Promise<readonly Listed[] | 'torn' | undefined> {
    const text = await readFile(this.#paths.index, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return (JSON.parse(text) as { manifests: Listed[] }).manifests;
    } catch {
      return 'torn';
    }
  }

  /** The names and targets of the default namespace, and every target of the others. */
  async #checkIndex({ images }: Records, before: readonly Listed[] | 'torn' | undefined): Promise<string[]> {
    const findings: string[] = [];
    for (const { digest } of Array.isArray(before) ? (before as readonly Listed[]) : []) {
      const file = await stat(this.#paths.blob(parseDigest(digest))).catch(() => undefined);
      if (file === undefined) findings.push(`index.json listed ${digest}, which has no file`);
    }
    const now = await this.#listed();
    if (now === undefined || now === 'torn') return [...findings, `index.json is ${now ?? 'gone'}`];
    const named = now
      .filter(({ annotations }) => annotations?.[REF_NAME] !== undefined)
      .map(({ digest, annotations }) => `${annotations?.[REF_NAME]} ${digest}`);
    const wanted = images
      .filter(({ namespace }) => namespace === 'default')
      .map(({ name, digest }) => `${name} ${digest}`);
    if (named.sort().join('\n') !== wanted.sort().join('\n')) {
      findings.push(
        `index.json says ${JSON.stringify(named)} where the records are ${JSON.stringify(wanted)}`,
      );
    }
    const digests = new Set(now.map(({ digest }) => digest));
    for (const { namespace, name, digest } of images) {
      if (!digests.has(digest)) findings.push(`index.json does not list the target of ${namespace}/${name}`);
    }
    return findings;
  }
}

const REF_NAME = 'org.opencontainers.image.ref.name';

interface Listed {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Document {
  readonly schemaVersion?: number;
  readonly manifests?: readonly Listed[];
  readonly config?: Listed;
  readonly layers?: readonly Listed[];
}

/** Records that other records speak of are there. */
function checkRecords({ content, leases, resources }: Records, blobs: ReadonlySet<string>): string[] {
  const known = new Set(leases.map(({ namespace, id }) => `${namespace}/${id}`));
  return [
    ...content
      .filter(({ digest }) => !blobs.has(digest))
      .map(({ namespace, digest }) => `namespace ${namespace} holds ${digest}, which is not on record`),
    ...resources
      .filter(({ namespace, lease }) => !known.has(`${namespace}/${lease}`))
      .map(({ namespace, lease }) => `lease ${namespace}/${lease} has resources and is not there`),
  ];
}
