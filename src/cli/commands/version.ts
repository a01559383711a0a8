import type { CommandBody } from '../command.js';
import { packageVersion } from '../version.js';

const run: CommandBody<{}, []> = async function () {
  const version = packageVersion();
  const platform = `${process.platform}/${process.arch}`;
  if (this.output.json) return this.output.value({ version, node: process.version, platform });
  await this.output.lines([`stowage ${version}`, `node ${process.version} ${platform}`]);
};

export default run;
