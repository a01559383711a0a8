import { argument, defineCommand, switchFlag } from '../command.js';
import type { VerifyFlags } from './verify.js';

export const verify = defineCommand<VerifyFlags, [string]>({
  help: {
    path: 'verify',
    brief: 'Check an image archive or an unpacked layout, without a store',
    usage: ['[flags] <in>'],
    about: [
      'Reads every byte once and writes nothing: the tar, the layout, the digest and size of every blob, indexes, manifests and configurations by the rules of the OCI image specification, layers decompressed and held against their diff IDs, platforms, referrers and names. Takes OCI layouts and the archives of Docker, also compressed with gzip, zstd or xz.',
      'Prints a line for each platform of each image (ok, broken or absent), then everything that was found, then the verdict. It is "sound" if everything that must be there is there, and right; "incomplete" if only something is absent; "broken" otherwise. A platform that an index lists may be absent as long as another one is there, unless --require all says otherwise.',
      'The exit status is 0 for a sound archive, 1 for one that is not, 2 for what is no image archive at all.',
    ],
    arguments: [['<in>', 'The archive or the folder; - is standard input']],
    examples: [
      ['verify busybox.tar', 'is it what it should be?'],
      ['verify ./layout', 'the same for an image layout in a folder'],
      ['verify --require all busybox.tar', 'every platform has to be there'],
      ['verify --quiet - < busybox.tar.gz', 'one word, from standard input'],
      ["verify --json x.tar | jq -r '.findings[].code'", 'what is wrong, for a program'],
    ],
    json: `{
  verdict: 'sound' | 'incomplete' | 'broken';
  format: 'oci' | 'docker' | 'oci+docker';
  /** The entries of index.json, or of manifest.json where there is no layout. */
  images: {
    name?: string;
    digest: string;
    mediaType: string;
    /** What it is attached to, if it is a referrer. */
    subject?: { digest: string; present: boolean };
    platforms: {
      platform?: string;
      digest: string;
      state: 'sound' | 'broken' | 'absent';
      /** The manifest it attests, if it is an attestation. */
      attests?: string;
    }[];
  }[];
  /** Errors first, then warnings, then notes; at most 1000 of a code. */
  findings: {
    severity: 'error' | 'warning' | 'note';
    code:
      | 'archive-cut-off' | 'archive-damaged' | 'archive-entry' | 'archive-duplicate' | 'archive-limit'
      | 'layout-missing' | 'layout-version'
      | 'blob-digest' | 'blob-size' | 'blob-missing' | 'blob-left-out' | 'blob-unused'
      | 'document-invalid' | 'document-kind' | 'document-unsupported' | 'inline-data'
      | 'layer-count' | 'layer-digest' | 'layer-damaged' | 'layer-compression' | 'layer-unchecked'
      | 'platform-mismatch' | 'platform-absent' | 'image-absent' | 'subject-absent'
      | 'name-grammar' | 'name-conflict' | 'annotation-value' | 'docker-manifest';
    /** A file of the archive, and the place in it. */
    where: string;
    message: string;
    hint?: string;
    /** The blob it is about. */
    digest?: string;
  }[];
  errors: number;
  warnings: number;
  notes: number;
  /** What was hashed. */
  blobs: { count: number; bytes: number };
}`,
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [argument('in')] },
    flags: {
      require: {
        kind: 'enum',
        values: ['present', 'all'],
        optional: true,
        placeholder: 'WHAT',
        brief: 'Which platforms have to be there: present (at least one) or all (default present)',
      },
      quiet: switchFlag('Print the verdict only'),
    },
    aliases: { q: 'quiet' },
  },
  loader: () => import('./verify.js'),
});
