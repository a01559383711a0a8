import { isStowageError, StowageError } from '../../errors.js';
import type { Compression } from './detect.js';

const TOOLS: Readonly<Record<Exclude<Compression, 'none'>, string>> = {
  gzip: 'gunzip',
  zstd: 'unzstd',
  xz: 'unxz',
  bzip2: 'bunzip2',
};

/** What is decompressed, for messages. */
export interface Subject {
  /** As it stands in a message: `"x.tar.gz"`. */
  readonly what: string;
  readonly compression: Exclude<Compression, 'none'>;
}

/** The compressed data breaks its format or one of its checksums. */
export function damaged({ what, compression }: Subject, reason: string, cause?: unknown): StowageError {
  return new StowageError(
    'INVALID',
    `Cannot decompress ${what}: its ${compression} data is damaged: ${reason}`,
    {
      detail: { compression },
      hint: 'the file was changed on its way; fetch or copy it again',
      cause,
    },
  );
}

/** The compressed data ends before its format says it is complete. */
export function cutShort({ what, compression }: Subject, cause?: unknown): StowageError {
  return new StowageError('INVALID', `Cannot decompress ${what}: its ${compression} data ends too early`, {
    detail: { compression },
    hint: 'the file is cut short; fetch or copy it again',
    cause,
  });
}

/** Something follows the compressed data that is not compressed data. */
export function trailing({ what, compression }: Subject, cause?: unknown): StowageError {
  return new StowageError(
    'INVALID',
    `Cannot decompress ${what}: something else follows its ${compression} data`,
    {
      detail: { compression },
      hint: 'the file was appended to, or is several files in one',
      cause,
    },
  );
}

/** Valid, as far as is known, but not readable here. */
export function unreadable({ what, compression }: Subject, reason: string, cause?: unknown): StowageError {
  return new StowageError('UNSUPPORTED', `Cannot decompress ${what}: ${reason}`, {
    detail: { compression },
    hint: `decompress it with ${TOOLS[compression]} first`,
    cause,
  });
}

/** It would take more memory, or become larger, than is accepted. */
export function tooMuch(
  { what, compression }: Subject,
  reason: string,
  detail: Readonly<Record<string, unknown>> = {},
): StowageError {
  return new StowageError('LIMIT_EXCEEDED', `Cannot decompress ${what}: ${reason}`, {
    detail: { compression, ...detail },
    hint: `if it is trusted, decompress it with ${TOOLS[compression]} first`,
  });
}

/** A decoder's own failure in this project's words; what is not about the data comes back unchanged. */
export function fromDecoder(error: unknown, subject: Subject): unknown {
  if (!(error instanceof Error) || isStowageError(error)) return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'Z_BUF_ERROR') return cutShort(subject, error);
  if (code === 'Z_MEM_ERROR' || code === 'ZSTD_error_memory_allocation') return error;
  return damaged(subject, oneLine(error.message), error);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
