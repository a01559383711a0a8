/**
 * A model of a folder on a disk that may lose power: what programs see of it, and what is certain to be there
 * afterwards. POSIX promises little: the bytes of a file that was synced, the names in a folder that was synced, and
 * nothing about anything else, neither the order nor the whole of it.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { Random } from '../fuzz/random.js';
import type { Operation } from './trace.js';

interface FileNode {
  readonly id: number;
  readonly kind: 'file';
  durable: Buffer;
  durableMode: number;
  /** What was done since, oldest first. */
  pending: Change[];
  mode: { value: number; end: number };
}

interface Folder {
  readonly id: number;
  readonly kind: 'folder';
  readonly durable: Map<string, Node>;
  readonly current: Map<string, Node>;
}

type Node = FileNode | Folder;

/** One change of the bytes of a file: a write, or a new size. */
type Change = { readonly end: number } & (
  { readonly bytes: Buffer; readonly at: number } | { readonly size: number }
);

/** A name in a folder that means something else now, or nothing. */
interface Renaming {
  readonly end: number;
  readonly folder: Folder;
  readonly name: string;
  readonly node: Node | undefined;
}

/** What a folder holds after a power cut: files by their path in it; folders end with a slash and hold nothing. */
export type Remains = ReadonlyMap<string, { readonly bytes: Buffer; readonly mode: number }>;

/** Decides what of the things that were not synced is there after all. */
export interface Fate {
  readonly name: string;
  /** Which names changed after all; of those of one name, none without the ones before it. */
  readonly names: (renamings: readonly Renaming[]) => ReadonlySet<Renaming>;
  readonly bytes: (file: { readonly durable: Buffer; readonly pending: readonly Change[] }) => Buffer;
}

const EMPTY = Buffer.alloc(0);

export class Disk {
  readonly #path: string;
  readonly #root: Folder = { id: 0, kind: 'folder', durable: new Map(), current: new Map() };
  #nodes = 1;
  #renamings: Renaming[] = [];
  /** The traces of processes count from 0 each. */
  #begun = 0;
  #now = 0;
  /** Of the process that is followed now. */
  #open = new Map<number, { node: Node; offset: number }>();

  private constructor(path: string) {
    this.#path = path;
  }

  /** A folder as it is now; all that is in it counts as synced. */
  static async of(path: string): Promise<Disk> {
    const disk = new Disk(path);
    await disk.#load(path, disk.#root);
    return disk;
  }

  /** Another process starts, with no files open. */
  newProcess(): void {
    this.#open = new Map();
    this.#begun = this.#now + 1;
  }

  /** Whether the call concerned this folder. */
  apply(call: Operation): boolean {
    const operation = { ...call, start: this.#begun + call.start, end: this.#begun + call.end };
    this.#now = operation.end;
    switch (operation.kind) {
      case 'open':
        return this.#opened(operation);
      case 'write':
        return this.#change(operation.fd, (file, open) => {
          const at = operation.at ?? open.offset;
          if (operation.at === undefined) open.offset = at + operation.bytes.length;
          file.pending.push({ end: operation.end, bytes: operation.bytes, at });
        });
      case 'resize':
        return this.#change(operation.fd, (file) => {
          file.pending.push({ end: operation.end, size: operation.size });
        });
      case 'chmod':
        return this.#change(operation.fd, (file) => {
          file.mode = { value: operation.mode, end: operation.end };
        });
      case 'sync':
        return this.#synced(operation.fd, operation.start, operation.dataOnly);
      case 'rename':
      case 'link': {
        const from = this.#find(operation.from);
        const place = this.#place(operation.to);
        if (from === undefined && place === undefined) return false;
        if (from === undefined || place === undefined) throw new Error('a file crossed the edge of the disk');
        this.#name(operation.end, place.folder, place.name, from);
        if (operation.kind === 'rename') this.#unname(operation.end, operation.from);
        return true;
      }
      case 'remove':
        return this.#unname(operation.end, operation.path);
      case 'makeFolder': {
        const place = this.#place(operation.path);
        if (place === undefined) return false;
        const folder: Folder = { id: this.#nodes++, kind: 'folder', durable: new Map(), current: new Map() };
        this.#name(operation.end, place.folder, place.name, folder);
        return true;
      }
    }
  }

  /** What is there if the power goes now. */
  after(fate: Fate): Remains {
    const happened = fate.names(this.#renamings);
    const entries = new Map<Folder, Map<string, Node>>();
    const entriesOf = (folder: Folder) => {
      const known = entries.get(folder);
      if (known !== undefined) return known;
      const copy = new Map(folder.durable);
      entries.set(folder, copy);
      return copy;
    };
    for (const renaming of this.#renamings) {
      if (!happened.has(renaming)) continue;
      const names = entriesOf(renaming.folder);
      if (renaming.node === undefined) names.delete(renaming.name);
      else names.set(renaming.name, renaming.node);
    }
    const remains = new Map<string, { bytes: Buffer; mode: number }>();
    const walk = (folder: Folder, prefix: string) => {
      for (const [name, node] of entriesOf(folder)) {
        if (node.kind === 'folder') {
          remains.set(`${prefix}${name}/`, { bytes: EMPTY, mode: 0o755 });
          walk(node, `${prefix}${name}/`);
        } else {
          const mode = fate.name === 'everything' ? node.mode.value : node.durableMode;
          remains.set(prefix + name, { bytes: fate.bytes(node), mode });
        }
      }
    };
    walk(this.#root, '');
    return remains;
  }

  async #load(path: string, folder: Folder): Promise<void> {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const below = join(path, entry.name);
      let node: Node;
      if (entry.isDirectory()) {
        node = { id: this.#nodes++, kind: 'folder', durable: new Map(), current: new Map() };
        await this.#load(below, node);
      } else {
        node = this.#file(await readFile(below), (await stat(below)).mode & 0o777);
      }
      folder.durable.set(entry.name, node);
      folder.current.set(entry.name, node);
    }
  }

  #file(bytes: Buffer, mode: number): FileNode {
    return {
      id: this.#nodes++,
      kind: 'file',
      durable: bytes,
      durableMode: mode,
      pending: [],
      mode: { value: mode, end: -1 },
    };
  }

  #opened({ fd, path, create, truncate, mode, end }: Extract<Operation, { kind: 'open' }>): boolean {
    this.#open.delete(fd);
    let node = this.#find(path);
    const place = this.#place(path);
    const made = node === undefined && create && place !== undefined;
    if (made) {
      // The mask of the process takes away what only the owner should have.
      node = this.#file(EMPTY, mode & ~0o022);
      this.#name(end, place.folder, place.name, node);
    }
    if (node === undefined) return false;
    this.#open.set(fd, { node, offset: 0 });
    const cut = truncate && node.kind === 'file' && !made;
    if (cut) (node as FileNode).pending.push({ end, size: 0 });
    return made || cut;
  }

  #change(fd: number, change: (file: FileNode, open: { offset: number }) => void): boolean {
    const open = this.#open.get(fd);
    if (open === undefined || open.node.kind !== 'file') return false;
    change(open.node, open);
    return true;
  }

  #synced(fd: number, start: number, dataOnly: boolean): boolean {
    const node = this.#open.get(fd)?.node;
    if (node === undefined) return false;
    if (node.kind === 'file') {
      const covered = node.pending.filter(({ end }) => end < start);
      node.pending = node.pending.filter(({ end }) => end >= start);
      node.durable = applied(node.durable, covered);
      if (!dataOnly && node.mode.end < start) node.durableMode = node.mode.value;
      return true;
    }
    const covers = ({ folder, end }: Renaming) => folder === node && end < start;
    for (const renaming of this.#renamings.filter(covers)) {
      if (renaming.node === undefined) node.durable.delete(renaming.name);
      else node.durable.set(renaming.name, renaming.node);
    }
    this.#renamings = this.#renamings.filter((renaming) => !covers(renaming));
    return true;
  }

  #name(end: number, folder: Folder, name: string, node: Node): void {
    folder.current.set(name, node);
    this.#renamings.push({ end, folder, name, node });
  }

  #unname(end: number, path: string): boolean {
    const place = this.#place(path);
    if (place === undefined) return false;
    if (!place.folder.current.delete(place.name)) throw new Error(`nothing is known of ${path}`);
    this.#renamings.push({ end, folder: place.folder, name: place.name, node: undefined });
    return true;
  }

  #place(path: string): { folder: Folder; name: string } | undefined {
    const folder = this.#find(dirname(path));
    return folder?.kind === 'folder' ? { folder, name: basename(path) } : undefined;
  }

  #find(path: string): Node | undefined {
    const below = relative(this.#path, path);
    if (below.startsWith('..')) return undefined;
    let node: Node | undefined = this.#root;
    for (const name of below.split('/').filter((part) => part !== '')) {
      node = node?.kind === 'folder' ? node.current.get(name) : undefined;
    }
    return node;
  }
}

function applied(bytes: Buffer, changes: readonly Change[]): Buffer {
  let length = bytes.length;
  let highest = length;
  for (const change of changes) {
    length = 'size' in change ? change.size : Math.max(length, change.at + change.bytes.length);
    highest = Math.max(highest, length);
  }
  const result = Buffer.alloc(highest);
  bytes.copy(result);
  let size = bytes.length;
  for (const change of changes) {
    if ('size' in change) {
      if (change.size < size) result.fill(0, change.size, size);
      size = change.size;
    } else {
      change.bytes.copy(result, change.at);
      size = Math.max(size, change.at + change.bytes.length);
    }
  }
  return result.subarray(0, size);
}

const everyName = (renamings: readonly Renaming[]) => new Set(renamings);
const noName = () => new Set<Renaming>();

/** Everything went to the disk just in time. */
export const EVERYTHING: Fate = {
  name: 'everything',
  names: everyName,
  bytes: ({ durable, pending }) => applied(durable, pending),
};

/** The fates that a disk is most likely to have in mind. */
export const FATES: readonly Fate[] = [
  { name: 'only what was synced', names: noName, bytes: ({ durable }) => durable },
  EVERYTHING,
  { name: 'names without bytes', names: everyName, bytes: ({ durable }) => durable },
  { name: 'bytes without names', names: noName, bytes: ({ durable, pending }) => applied(durable, pending) },
  {
    name: 'names, and zeros for bytes',
    names: everyName,
    bytes: ({ durable, pending }) =>
      applied(
        durable,
        pending.map((change) =>
          'size' in change ? change : { ...change, bytes: Buffer.alloc(change.bytes.length) },
        ),
      ),
  },
];

/** The unit in which a disk writes. */
const SECTOR = 512;

/** Any part of the names, each in its own order, and any sectors of the bytes. */
export function anyFate(random: Random): Fate {
  return {
    name: 'any',
    names(renamings) {
      const keys = new Map<Folder, Map<string, Renaming[]>>();
      for (const renaming of renamings) {
        const ofFolder = keys.get(renaming.folder) ?? new Map<string, Renaming[]>();
        keys.set(renaming.folder, ofFolder);
        ofFolder.set(renaming.name, [...(ofFolder.get(renaming.name) ?? []), renaming]);
      }
      const lists = [...keys.values()].flatMap((ofFolder) => [...ofFolder.values()]);
      return new Set(lists.flatMap((list) => list.slice(0, random.int(list.length + 1))));
    },
    bytes({ durable, pending }) {
      const sectors = pending.flatMap((change): Change[] => {
        if ('size' in change) return [change];
        const parts: Change[] = [];
        for (let at = change.at; at < change.at + change.bytes.length;) {
          const next = Math.min((Math.floor(at / SECTOR) + 1) * SECTOR, change.at + change.bytes.length);
          const bytes = change.bytes.subarray(at - change.at, next - change.at);
          parts.push({ end: change.end, at, bytes });
          at = next;
        }
        return parts;
      });
      const share = random.pick([0.1, 0.5, 0.9]);
      return applied(
        durable,
        sectors.filter(() => random.chance(share)),
      );
    },
  };
}

/** Names in the order in which they changed, up to some moment, as a journal keeps them; any sectors of the bytes. */
export function journaledFate(random: Random): Fate {
  const { bytes } = anyFate(random);
  return {
    name: 'journaled',
    names: (renamings) => new Set(renamings.slice(0, random.int(renamings.length + 1))),
    bytes,
  };
}
