import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { inject } from 'vitest';
import { configDigest, skopeoDigest } from '../digests.js';
import { image } from '../images.js';
import { openSandbox, type Sandbox } from '../sandbox.js';

/** The names that every tool of the matrix is given for its images, and Docker's short form of them. */
export const ONE = 'docker.io/interop/matrix:1';
export const OTHER = 'docker.io/interop/matrix:2';
export const TWO_PLATFORMS = 'docker.io/interop/platforms:1';

/** What all rows share: the images as this run's layouts and on a registry on the loopback interface. */
export interface Inputs {
  /** Lines that define $BUSYBOX, $PLATFORMS (folders of images/*.sh) and $REGISTRY for a script. */
  readonly variables: string;
  /** What is true of the images, by name. */
  readonly digests: Readonly<Record<string, { readonly manifest: string; readonly config: string }>>;
  close(): Promise<void>;
}

/** Makes the images, starts `crane registry serve` where there is a crane, and pushes them to it. */
export async function prepare(): Promise<Inputs> {
  const busybox = await image('busybox');
  const platforms = await image('two-platforms');
  const box = await openSandbox();
  try {
    const of = async (layout: string) => ({
      manifest: await skopeoDigest(box, layout),
      config: await configDigest(box, layout),
    });
    const digests = {
      [ONE]: await of(`oci:${busybox}/layout:latest`),
      [OTHER]: await of(`oci:${busybox}/layout:other`),
      [TWO_PLATFORMS]: await of(`oci:${platforms}/layout:latest`),
    };
    const registry = 'missing' in inject('run').tools.crane ? undefined : await serve(box);
    const variables = `
      BUSYBOX='${busybox}' PLATFORMS='${platforms}' REGISTRY='${registry ?? ''}'`;
    if (registry !== undefined) {
      await box.sh(`${variables}
        push() { skopeo copy --quiet --all --dest-tls-verify=false "oci:$1" "docker://$REGISTRY/$2"; }
        push "$BUSYBOX/layout:latest" interop/matrix:1
        push "$BUSYBOX/layout:other" interop/matrix:2
        push "$PLATFORMS/layout:latest" interop/platforms:1`);
    }
    return { variables, digests, close: () => box.close() };
  } catch (error) {
    await box.close();
    throw error;
  }
}

/** A registry that ends with the sandbox. Answers host and port. */
async function serve(box: Sandbox): Promise<string> {
  const log = box.path('registry.log');
  const child: ChildProcess = box.start('sh', [
    '-c',
    'exec crane registry serve --address 127.0.0.1:0 >registry.log 2>&1',
  ]);
  for (;;) {
    const text = await readFile(log, 'utf8').catch(() => '');
    const port = /serving on port (\d+)/.exec(text)?.[1];
    if (port !== undefined) return `127.0.0.1:${port}`;
    if (child.exitCode !== null) throw new Error(`crane registry serve ended: ${text}`);
    await delay(50);
  }
}
