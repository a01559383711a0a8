import { isStowageError } from '../errors.js';
import { copy, type CopyResult } from '../content/copy.js';
import type { ProgressEvent } from '../content/progress.js';
import { isDocument } from '../content/read.js';
import type { Labels } from '../content/store.js';
import type { Store } from '../images/store.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { OpenArchive } from './archive-source.js';
import type { ImportOptions } from './import-options.js';
import type { PlannedImage } from './import-plan-image.js';
import type { ImportPlan } from './import-plan.js';
import type { PlannedReferrer } from './import-referrers.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/** Moves what was planned from the archive into the store. */
export class Moving {
  readonly #view: Store;
  readonly #contents: ArchiveContents;
  readonly #labels: ReadonlyMap<Digest, Labels>;
  readonly #archive: OpenArchive;
  readonly #options: ImportOptions;
  readonly #moved = new Map<Digest, Descriptor>();
  result: CopyResult = { blobs: { written: 0, existed: 0 }, bytes: { written: 0, existed: 0 } };

  constructor(
    view: Store,
    contents: ArchiveContents,
    labels: ReadonlyMap<Digest, Labels>,
    archive: OpenArchive,
    options: ImportOptions,
  ) {
    this.#view = view;
    this.#contents = contents;
    this.#labels = labels;
    this.#archive = archive;
    this.#options = options;
  }

  /** What the store has now. */
  get moved(): readonly Descriptor[] {
    return [...this.#moved.values()];
  }

  /** Everything at once; the first failure is that of the import. */
  async all({ images, referrers, blobs }: ImportPlan): Promise<Pick<ImportPlan, 'images' | 'referrers'>> {
    await this.#move(blobs);
    return { images, referrers };
  }

  /** Image after image, so that one with broken content does not take the others with it. */
  async oneByOne({
    images,
    referrers,
    blobs,
    others,
  }: ImportPlan): Promise<Pick<ImportPlan, 'images' | 'referrers'>> {
    // Several copies, but one total.
    this.#tell({
      kind: 'total',
      totalBytes: blobs.reduce((sum, { size }) => sum + size, 0),
      blobs: blobs.length,
    });
    const moved: { images: PlannedImage[]; referrers: PlannedReferrer[] } = { images: [], referrers: [] };
    for (const image of images) {
      const problem = await this.#attempt(image.descriptors);
      moved.images.push(problem === undefined ? image : { ...image, outcome: 'refused', problem });
    }
    for (const referrer of referrers) {
      const problem = await this.#attempt(referrer.descriptors);
      moved.referrers.push(problem === undefined ? referrer : { ...referrer, state: 'damaged' });
    }
    if (this.#options.allBlobs === true) for (const other of others) await this.#attempt([other]);
    return moved;
  }

  /** Answers what is wrong with the content; what is wrong with the store is thrown. */
  async #attempt(descriptors: readonly Descriptor[]) {
    try {
      await this.#move(descriptors.filter(({ digest }) => !this.#moved.has(digest)));
      return undefined;
    } catch (error) {
      if (!isStowageError(error) || error.detail['side'] !== 'source') throw error;
      return error;
    }
  }

  async #move(descriptors: readonly Descriptor[]): Promise<void> {
    const { signal, keepGoing } = this.#options;
    const { blobs, bytes } = await copy(
      this.#contents.content,
      this.#view.content,
      inWritingOrder(descriptors),
      {
        signal,
        onProgress: (event) => {
          if (event.kind !== 'total' || keepGoing !== true) this.#tell(event);
        },
        open: ({ digest }) => this.#contents.open(digest),
        labelsOf: ({ digest }) => this.#labels.get(digest),
        names: { source: this.#archive.what, target: 'the store' },
      },
    );
    for (const descriptor of descriptors) this.#moved.set(descriptor.digest, descriptor);
    const { result } = this;
    this.result = {
      blobs: {
        written: result.blobs.written + blobs.written,
        existed: result.blobs.existed + blobs.existed,
      },
      bytes: {
        written: result.bytes.written + bytes.written,
        existed: result.bytes.existed + bytes.existed,
      },
    };
  }

  #tell(event: ProgressEvent): void {
    // A stream has told of its blobs as they came by.
    if (this.#archive.kind !== 'stream') this.#options.onProgress?.(event);
  }
}

/** The largest layers first, so that none is left to be waited for alone; documents after all they refer to. */
function inWritingOrder(blobs: readonly Descriptor[]): Descriptor[] {
  const parts = blobs.filter((blob) => !isDocument(blob)).sort((a, b) => b.size - a.size);
  return [...parts, ...blobs.filter(isDocument)];
}
