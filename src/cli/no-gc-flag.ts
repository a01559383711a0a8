import { switchFlag } from './command.js';

/** Of commands that remove what may have kept content. */
export const noGcFlag = switchFlag('Leave the content for a later collection');
