import { expect } from 'vitest';
import { describeTable } from '../../test/tables.js';
import { isRefName } from './refname.js';

describeTable('oci-refname-umoci.json', {
  groups: { TestValidateRefname: ({ refname, valid }) => expect(isRefName(refname)).toBe(valid) },
});
