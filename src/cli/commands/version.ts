import type { CommandBody } from '../command.js';
import { packageVersion, versionLines } from '../version.js';

const run: CommandBody<{}, []> = async function () {
  if (!this.output.json) return this.output.lines(versionLines());
  const platform = `${process.platform}/${process.arch}`;
  await this.output.value({ version: packageVersion(), node: process.version, platform });
};

export default run;
