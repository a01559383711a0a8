import { StowageError } from '../../../errors.js';
import type { CommandBody } from '../../command.js';
import { digestArgument } from '../../digest-argument.js';

const run: CommandBody<{}, string[]> = async function (_flags, ...texts) {
  const digests = texts.map((text) => digestArgument(text));
  await this.withStore('read', async (store) => {
    for (const digest of digests) {
      let first = true;
      for await (const chunk of store.content.read({ digest }, { signal: this.signal })) {
        if (first && this.stdout.isTerminal && isBinary(chunk)) {
          throw new StowageError(
            'INVALID',
            `Cannot write ${digest} to standard output: it is binary, and that is a terminal`,
            {
              hint: 'redirect it to a file, or pipe it on',
              detail: { digest },
            },
          );
        }
        first = false;
        await this.stdout.write(chunk);
      }
    }
  });
};

export default run;

/** Anything a terminal could take for a command. */
function isBinary(chunk: Uint8Array): boolean {
  return chunk.subarray(0, 4096).some((byte) => byte < 9 || (byte > 13 && byte < 32) || byte === 127);
}
