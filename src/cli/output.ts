import { inspect } from 'node:util';
import type { Paint } from './color.js';
import { describeFailure } from './exit.js';
import { printable } from './printable.js';
import type { StandardOutput } from './stdio.js';

/** What commands say: results on standard output, everything else on standard error. */
export interface Output {
  /** Whether results are one JSON value and errors one JSON line each. */
  readonly json: boolean;
  /** Results as text. */
  text(text: string): Promise<void>;
  /** Results as text, one line each, whatever is in them. */
  lines(lines: readonly string[]): Promise<void>;
  /** The result as JSON. */
  value(value: unknown): Promise<void>;
  /** One line for a person, beside the result. Not said with --json, whose result holds the same facts. */
  note(message: string): void;
  /** One line about something that may be wrong. */
  warn(message: string): void;
  /** One line for an error, its hint behind it. Answers the exit status that belongs to it. */
  error(thrown: unknown): number;
  /** Called before anything is written to standard error, to clear what is drawn there. */
  beforeMessage: (() => void) | undefined;
}

export interface OutputOptions {
  readonly json: boolean;
  /** Stack traces with errors. */
  readonly debug: boolean;
  readonly stdout: StandardOutput;
  readonly stderr: (text: string) => void;
  readonly paint: Pick<Paint, 'alarm'>;
}

export function createOutput({ json, debug, stdout, stderr, paint }: OutputOptions): Output {
  const say = (line: string) => {
    output.beforeMessage?.();
    stderr(`${line}\n`);
  };
  const output: Output = {
    json,
    beforeMessage: undefined,
    text: (text) => stdout.write(text),
    lines: (lines) => stdout.write(lines.map((line) => `${printable(line)}\n`).join('')),
    value: (value) => stdout.write(`${toJson(value, 2)}\n`),
    note(message) {
      if (!json) say(`stowage: ${printable(message)}`);
    },
    warn(message) {
      say(json ? toJson({ warning: { message } }) : `stowage: warning: ${printable(message)}`);
    },
    error(thrown) {
      const { code, message, hint, detail, exitCode } = describeFailure(thrown);
      if (json) {
        const { usage: _, ...facts } = detail;
        say(toJson({ error: { code, message, ...(hint !== undefined && { hint }), detail: facts } }));
      } else {
        const [before, after] = detail['usage'] === true ? [' (', ')'] : ['; ', ''];
        const advice = hint === undefined ? '' : `${before}${printable(hint)}${after}`;
        say(`${paint.alarm('stowage:')} ${printable(message)}${advice}`);
      }
      if (debug) say(inspect(thrown, { depth: 6 }));
      return exitCode;
    },
  };
  return output;
}

function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, field: unknown) => (typeof field === 'bigint' ? String(field) : field),
    indent,
  );
}
