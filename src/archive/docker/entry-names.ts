import { StowageError } from '../../errors.js';
import { quote } from '../tar/text.js';
import type { ArchiveFile } from '../layout/archive-file.js';

/** Links that are followed one after the other. Real archives have one or two. */
const LINK_LIMIT = 255;

type Named =
  | { readonly kind: 'file'; readonly file: ArchiveFile }
  /** The places its target may be meant to have, in order of preference. */
  | { readonly kind: 'link'; readonly targets: readonly string[] };

/**
 * What the names of an archive stand for. Links are resolved among these names only, whatever the order in which
 * entries come; a link that leads nowhere, or in a circle, is an error only for whoever looks it up.
 */
export class EntryNames {
  readonly #archive: string;
  readonly #entries = new Map<string, Named>();
  readonly #replaced = new Map<ArchiveFile, ArchiveFile>();

  constructor(archive: string) {
    this.#archive = archive;
  }

  /** Of two entries with one name the later counts, as it would if the archive were unpacked. */
  addFile(name: string, file: ArchiveFile): void {
    const path = cleanPath(name);
    const before = this.#entries.get(path);
    if (before?.kind === 'file') this.#replaced.set(file, before.file);
    this.#entries.set(path, { kind: 'file', file });
  }

  /** The files in whose place `file` has come, the latest first. */
  *replacedBy(file: ArchiveFile): Iterable<ArchiveFile> {
    for (let before = this.#replaced.get(file); before !== undefined; before = this.#replaced.get(before)) {
      yield before;
    }
  }

  /**
   * A symbolic link starts from the folder it is in, a hard link from the top of the archive. There are archives whose
   * symbolic links start from the top as well; that is tried second.
   */
  addLink(name: string, target: string, kind: 'symlink' | 'hard-link'): void {
    const path = cleanPath(name);
    const fromTop = cleanPath(target);
    const folder = path.split('/').slice(0, -1).join('/');
    const besides = target.startsWith('/') ? fromTop : cleanPath(`${folder}/${target}`);
    this.#entries.set(path, { kind: 'link', targets: kind === 'hard-link' ? [fromTop] : [besides, fromTop] });
  }

  /**
   * The file a name leads to, or undefined if the archive has nothing of that name.
   *
   * @throws {StowageError} INVALID for a link whose target is not in the archive, and for links in a circle.
   */
  find(name: string): ArchiveFile | undefined {
    const start = cleanPath(name);
    let path = start;
    for (let links = 0; links <= LINK_LIMIT; links++) {
      const found = this.#entries.get(path);
      if (found === undefined) return undefined;
      if (found.kind === 'file') return found.file;
      const from = path;
      const next = found.targets.find((target) => target !== from && this.#entries.has(target));
      if (next === undefined)
        throw this.#refused(start, `no target for the link ${linkText(path, found.targets)}`);
      path = next;
    }
    throw this.#refused(
      start,
      `the link ${quote(path)} leads in a circle, or through more than ${LINK_LIMIT} links`,
    );
  }

  #refused(entry: string, reason: string): StowageError {
    return new StowageError('INVALID', `Cannot import ${this.#archive}: entry ${quote(entry)}: ${reason}`, {
      detail: { entry },
      hint: 'a link has to point to another file of the same archive; make the archive again',
    });
  }
}

/**
 * A path without `.`, empty parts and a leading slash, and with every `..` taken back as far as there is something to
 * take back. Only ever compared with other such paths.
 */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

function linkText(path: string, [target = '']: readonly string[]): string {
  return `${quote(path)} -> ${quote(target)}`;
}
