import { StowageError } from '../errors.js';

/**
 * Whether all of `text` matches a shell pattern as Go's `path.Match` has it: `*` and `?` stand for anything but `/`,
 * `[a-z]` and `[^a-z]` for one character, `\` for the character after it. Time is bounded by the product of lengths.
 *
 * @throws {StowageError} INVALID if the pattern is malformed, also where the text would be refused before.
 */
export function matchesPathPattern(pattern: string, text: string): boolean {
  const matchers = compile(pattern);
  const characters = [...text];
  // reached[i]: whether the part of the pattern seen so far matches the first i characters.
  let reached = characters.map(() => false);
  reached.unshift(true);
  for (const matcher of matchers) {
    const next = characters.map(() => false);
    next.unshift(matcher === STAR && reached[0] === true);
    characters.forEach((character, index) => {
      next[index + 1] =
        matcher === STAR
          ? reached[index + 1] === true || (next[index] === true && character !== '/')
          : reached[index] === true && matcher(character);
    });
    reached = next;
  }
  return reached.at(-1) === true;
}

type Matcher = (character: string) => boolean;

const STAR: Matcher = () => false;

function compile(pattern: string): Matcher[] {
  const source = [...pattern];
  const matchers: Matcher[] = [];
  let at = 0;

  const literal = (): string => {
    const character = source[at++];
    const escaped = character === '\\' ? source[at++] : character;
    if (escaped === undefined) throw malformed(pattern);
    return escaped;
  };

  const boundary = (): string => {
    if (source[at] === '-' || source[at] === ']') throw malformed(pattern);
    return literal();
  };

  const characterClass = (): Matcher => {
    const negated = source[at] === '^';
    if (negated) at++;
    const ranges: [low: string, high: string][] = [];
    while (source[at] !== ']' || ranges.length === 0) {
      const low = boundary();
      if (source[at] === '-') {
        at++;
        ranges.push([low, boundary()]);
      } else {
        ranges.push([low, low]);
      }
    }
    at++;
    return (character) =>
      ranges.some(([low, high]) => codeOf(low) <= codeOf(character) && codeOf(character) <= codeOf(high)) !==
      negated;
  };

  while (at < source.length) {
    if (source[at] === '*') {
      at++;
      matchers.push(STAR);
    } else if (source[at] === '?') {
      at++;
      matchers.push((character) => character !== '/');
    } else if (source[at] === '[') {
      at++;
      matchers.push(characterClass());
    } else {
      const wanted = literal();
      matchers.push((character) => character === wanted);
    }
  }
  return matchers;
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function malformed(pattern: string): StowageError {
  return new StowageError('INVALID', `Cannot match pattern ${JSON.stringify(pattern)}: it is malformed`, {
    hint: 'close every "[" and put something after every "\\"',
  });
}
