import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/index.js';
import { isStowageError } from '../errors.js';
import { importArchive, type ImportOptions } from './index.js';

/** Archives after the recipes of containerd's own import test, and what its client makes of them. */
interface Row {
  readonly name: string;
  readonly tar: string;
  readonly expect: {
    readonly error?: boolean;
    readonly opts?: readonly string[];
    readonly names?: readonly string[];
  };
}

const folder = resolve(process.env.TABLES_DIR ?? '../shared/tables');
const table = resolve(folder, 'containerd-import-archives.json');
const rows = existsSync(table)
  ? (JSON.parse(readFileSync(table, 'utf8')) as { cases: readonly Row[] }).cases
  : [];

/** Where the two differ on purpose: what is said here, and why. */
const otherwise: Readonly<Record<string, RegExp>> = {
  // Nothing of the image is there: a name for it would be of no use. containerd is told to skip what is missing.
  'OCI-IndexWithoutAnyManifest':
    /no platform is complete, 2 are listed: manifest "sha256:[0-9a-f]{64}" is absent/,
  // A manifest is there and its layers are not: that is damage, whoever is to skip what is missing.
  'OCI-IndexWithMissingManifestDescendants': /is damaged, it lacks "sha256:[0-9a-f]{64}"/,
  // The config knows of no layer, manifest.json of one; Docker refuses that as well.
  'DockerV2.1': /states 0 layers, "manifest\.json" lists 1/,
};

describe.skipIf(rows.length === 0)("archives of containerd's import test (TABLES_DIR)", () => {
  it.each(rows)('$name', async ({ name, tar, expect: wanted }) => {
    const [, base] = /^(?:Add|Filter)RefPrefix (.+)$/.exec(wanted.opts?.at(-1) ?? '') ?? [];
    // The one filters by the base, the other only puts it in front of tags; that is done by names afterwards.
    const filters = wanted.opts?.some((option) => option.startsWith('Filter')) === true;
    const options: ImportOptions = filters ? { baseName: base } : {};
    const outcome = await importArchive(openMemoryStore(), resolve(folder, tar), options).then(
      ({ images }) => images.map((image) => tagged(image.name, base)),
      (error: unknown) => {
        if (!isStowageError(error)) throw error;
        return error;
      },
    );
    if (wanted.error === true || name in otherwise) {
      expect(outcome).toMatchObject({ message: expect.stringMatching(otherwise[name] ?? /./) as string });
      return;
    }
    if (outcome instanceof Error) throw outcome;
    expect(outcome).not.toEqual([]);
    if (wanted.names !== undefined) expect(outcome.sort()).toEqual([...wanted.names].sort());
  });
});

/** A tag of an archive under the base it is to get, or alone, as containerd's client has it without one. */
function tagged(name: string, base: string | undefined): string {
  return name.replace(/^import-\d{4}-\d{2}-\d{2}:/, base === undefined ? '' : `${base}:`);
}
