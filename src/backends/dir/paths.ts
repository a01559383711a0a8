import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { algorithmOf, encodedOf, type Algorithm, type Digest } from '../../oci/digest.js';

/** The file of the database in a root. */
export const DATABASE = 'metadata.db';

/** Where everything is under a root. Digests are proven to have no path in them before they get here. */
export class Paths {
  readonly root: string;
  readonly layout: string;
  readonly index: string;
  readonly blobs: string;
  readonly ingests: string;
  readonly holders: string;
  readonly database: string;
  /** Space that is kept for removals, see reserve.ts. */
  readonly reserve: string;
  /** Where repair puts what it takes away. */
  readonly quarantine: string;

  constructor(root: string) {
    this.root = root;
    this.layout = join(root, 'oci-layout');
    this.index = join(root, 'index.json');
    this.blobs = join(root, 'blobs');
    this.ingests = join(root, 'ingest');
    this.holders = join(root, 'holders');
    this.database = join(root, DATABASE);
    this.reserve = join(root, 'reserve');
    this.quarantine = join(root, 'quarantine');
  }

  blobFolder(algorithm: Algorithm): string {
    return join(this.blobs, algorithm);
  }

  blob(digest: Digest): string {
    return join(this.blobs, algorithmOf(digest), encodedOf(digest));
  }

  /** References are any text, so the folder is named by their hash. */
  ingest(namespace: string, ref: string): string {
    return join(this.ingests, createHash('sha256').update(`${namespace}/${ref}`).digest('hex'));
  }

  holder(id: string): string {
    return join(this.holders, `${id}.db`);
  }
}
