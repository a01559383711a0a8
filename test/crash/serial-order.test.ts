import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { findDisorder, type Operation } from './serial-order.js';

const operation = (
  start: number,
  end: number,
  found: Operation['found'],
  left: Operation['left'],
  uncertain = false,
): Operation => ({ label: `${start}-${end}`, start, end, found, left, uncertain });

describe('an order of operations on one name', () => {
  it('is found where they came one after the other', () => {
    const operations = [operation(0, 1, null, 'a'), operation(2, 3, 'a', 'b'), operation(4, 5, 'b', null)];
    assert.equal(findDisorder(operations, null), undefined);
  });

  it('is found where they overlapped and the last to end was not the last to happen', () => {
    const operations = [
      operation(0, 10, 'any', 'a'),
      operation(1, 2, 'a', 'b'),
      operation(11, 12, 'b', 'same'),
    ];
    assert.equal(findDisorder(operations, null), undefined);
  });

  it('does not exist where something was written and then not there', () => {
    const read = operation(2, 3, null, 'same');
    assert.equal(findDisorder([operation(0, 1, 'any', 'a'), read], null), read);
  });

  it('does not exist where an older write comes back', () => {
    const read = operation(4, 5, 'a', 'same');
    assert.equal(findDisorder([operation(0, 1, 'any', 'a'), operation(2, 3, 'any', 'b'), read], null), read);
  });

  it('does not exist where two took away the same thing', () => {
    const operations = [
      operation(0, 1, null, 'a'),
      operation(2, 5, 'some', null),
      operation(3, 6, 'some', null),
    ];
    assert.notEqual(findDisorder(operations, null), undefined);
  });

  it('may have what nobody knows the end of, or do without', () => {
    const killed = operation(2, 3, 'any', 'b', true);
    assert.equal(
      findDisorder([operation(0, 1, null, 'a'), killed, operation(4, 5, 'b', 'same')], null),
      undefined,
    );
    assert.equal(
      findDisorder([operation(0, 1, null, 'a'), killed, operation(4, 5, 'a', 'same')], null),
      undefined,
    );
    const read = operation(4, 5, null, 'same');
    assert.equal(findDisorder([operation(0, 1, null, 'a'), killed, read], null), read);
  });
});
