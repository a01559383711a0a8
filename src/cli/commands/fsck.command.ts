import { defineCommand, switchFlag } from '../command.js';
import type { FsckFlags } from './fsck.js';

export const fsck = defineCommand<FsckFlags, []>({
  help: {
    path: 'fsck',
    brief: 'Check the store itself: every blob, every record, what killed processes left',
    usage: ['[flags]'],
    about: [
      'Hashes every blob of every namespace and compares files with records, both ways, images with what they need, index.json with the names, and looks for what processes left that were killed. Other commands may use the store meanwhile. Without --repair nothing is changed.',
      'Prints a line for everything that was found, then the verdict. "damage" is content or a record that is lost or wrong; a "warning" is something that is not as stowage made it, with nothing lost; a "leftover" is what a kill leaves, and is harmless.',
      '--repair moves what is damaged or foreign to the folder "quarantine" in the root, and deletes nothing but leftovers. Damaged blobs leave the record, so that importing the same image again heals it; names stay. A database that is lost or damaged is made anew from index.json and the blobs. To stop it at any moment is harmless.',
      'The exit status is 5 if there is damage that was not repaired, else 0.',
    ],
    examples: [
      ['fsck', 'is the store what it should be?'],
      ['fsck --repair', 'mend what can be mended, and say what only an import can'],
      ['fsck --no-hash', 'the same without reading the blobs: seconds, whatever their size'],
      [
        'fsck --json | jq -r \'.findings[] | select(.severity == "damage") | .where\'',
        'what is damaged, for a program',
      ],
    ],
    json: `{
  verdict: 'sound' | 'damaged';
  /** Damage first, then warnings, then leftovers; at most 1000 of a code. */
  findings: {
    severity: 'damage' | 'warning' | 'leftover';
    code:
      | 'database-missing' | 'database-damaged' | 'record-invalid'
      | 'blob-digest' | 'blob-size' | 'blob-missing' | 'blob-unreadable' | 'blob-kind' | 'blob-unrecorded'
      | 'image-target' | 'image-incomplete' | 'index-damaged'
      | 'index-foreign' | 'blob-mode' | 'blob-unheld' | 'lease-dangling' | 'foreign-file' | 'not-writable'
      | 'file-unrecorded' | 'blob-dying' | 'ingest-orphan' | 'holder-dead' | 'lease-orphan'
      | 'temporary-file' | 'index-stale' | 'half-written';
    /** A path below the root, or what the record is about. */
    where: string;
    message: string;
    hint?: string;
    digest?: string;
    namespace?: string;
    /** The image it is about, and what that lacks. */
    name?: string;
    missing?: string[];
    repairable: boolean;
    /** What repair did. */
    repaired?: string;
  }[];
  /** How many were found and not repaired; all, also those beyond the 1000. */
  damage: number;
  warnings: number;
  leftovers: number;
  repaired: number;
  /** Files of blobs, their bytes, and how many of those were hashed. */
  blobs: { count: number; bytes: number; hashedBytes: number };
}`,
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [] },
    flags: {
      repair: switchFlag('Mend what is found'),
      noHash: switchFlag('Do not read the content of blobs, only compare sizes and records'),
    },
  },
  loader: () => import('./fsck.js'),
});
