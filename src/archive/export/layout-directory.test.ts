import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { checkStore, openStore } from '../../backends/dir/index.js';
import type { TemporaryFiles } from '../../images/store.js';
import { config, layer, manifest } from '../../testing/build-image.js';
import { folderForEach } from '../../../test/support/temporary.js';
import { LayoutDirectory } from './layout-directory.js';

let folder: string;
folderForEach((made) => (folder = made));

const image = manifest(config(), layer('a', 'a'), layer('b', 'b'));
const blobs = [...image.blobs.keys()].map((digest) => ({ ...image.descriptor, digest }));

describe('an export to a folder', () => {
  it('that is aborted while it says which files it will write leaves none of them on record', async () => {
    const root = join(folder, 'root');
    const store = await openStore({ root });
    const stop = new AbortController();
    const reason = new Error('stopped');
    let reservations = 0;
    const temporaryFiles: TemporaryFiles = {
      async reserve(path, options) {
        const reservation = await store.temporaryFiles.reserve(path, options);
        // The first is that of `oci-layout`.
        if (++reservations === 3) stop.abort(reason);
        return reservation;
      },
    };
    const options = { signal: stop.signal };
    const layout = await LayoutDirectory.open(join(folder, 'layout'), temporaryFiles, options);
    const written = layout.write(
      blobs,
      () => assert.fail('nothing is read'),
      options,
      () => {},
    );
    await assert.rejects(written, (error) => error === reason);
    await store.close();
    assert.deepEqual((await checkStore({ root })).findings, []);
  });
});
