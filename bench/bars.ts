import { median, samplesOf, timesFaster, timesFloor, type WorkResult } from './results.js';

/** What is asked of a kind of work, and whether it was reached; `reached` is undefined where it was not measured. */
export interface BarResult {
  readonly work: string;
  readonly bar: string;
  readonly measured: string;
  readonly reached: boolean | undefined;
}

const MEMORY_BAR_BYTES = 200e6;

/** Every bar, with what these results say of it. */
export function judge(results: readonly WorkResult[], nodes: readonly string[]): BarResult[] {
  const judged = new Judge(results);
  judged.floor('import', 1.3);
  judged.faster('import', 'ctr2 --local', 5);
  judged.faster('import', 'ctr2', 10);
  judged.faster('import', 'skopeo2', 4);
  judged.floor('again', 2);
  judged.floor('docker-again', 2);
  judged.seconds('changed', 0.3);
  judged.floor('import-pipe', 1.4);
  judged.floor('export', 1.3);
  judged.faster('export', 'ctr2', 7);
  judged.pipe('export-pipe', 1.2, 1e9);
  judged.faster('docker-import', 'docker2 load', 5);
  judged.faster('docker-import', 'skopeo2', 3);
  judged.floor('forty-layers', 1.3);
  judged.floor('one-layer', 1.3);
  for (const major of nodes) {
    judged.floor(`version-${major}`, 1.5);
    judged.floor(`ls-${major}`, 2);
  }
  judged.seconds('ls-labelled', 1);
  judged.seconds('gc', 5);
  judged.memory();
  return judged.bars;
}

class Judge {
  readonly bars: BarResult[] = [];
  readonly #results: readonly WorkResult[];

  constructor(results: readonly WorkResult[]) {
    this.#results = results;
  }

  floor(work: string, limit: number): void {
    const value = this.#of(work, (result) => timesFloor(result, 'stowage'));
    this.#add(
      work,
      `≤ ${limit} × floor`,
      value,
      (ratio) => `${ratio.toFixed(2)} ×`,
      (ratio) => ratio <= limit,
    );
  }

  seconds(work: string, limit: number): void {
    const value = this.#of(work, (result) => medianSeconds(result));
    this.#add(
      work,
      `≤ ${limit} s`,
      value,
      (time) => `${time.toFixed(3)} s`,
      (time) => time <= limit,
    );
  }

  faster(work: string, peer: string, limit: number): void {
    const bar = `≥ ${limit} × faster than ${peer}`;
    const all = this.#of(work, (result) => timesFaster(result, peer));
    const counted = this.#of(work, (result) => timesFaster(result, peer, limit));
    if (all !== undefined && counted === undefined) {
      const measured = `${all.value.toFixed(1)} × (the floor left no room for it in any round)`;
      this.bars.push({ work, bar, measured, reached: undefined });
      return;
    }
    const left = (all?.rounds ?? 0) - (counted?.rounds ?? 0);
    const note = left === 0 ? '' : ` (not counted: ${left} rounds without room for it above the floor)`;
    this.#add(
      work,
      bar,
      counted,
      ({ value }) => `${value.toFixed(1)} ×${note}`,
      ({ value }) => value >= limit,
    );
  }

  /** `bytes` of the floor's input pass in the time of a run, or the run takes no longer than so many floors. */
  pipe(work: string, limit: number, bytesPerSecond: number): void {
    const value = this.#of(work, (result) => {
      const ratio = timesFloor(result, 'stowage');
      const seconds = medianSeconds(result);
      const bytes = median(samplesOf(result, 'cat | openssl').map(({ readBytes }) => readBytes));
      if (ratio === undefined || seconds === undefined || bytes === undefined) return undefined;
      // The floor reads everything twice, from the file and from the pipe.
      return { ratio, rate: bytes / 2 / seconds };
    });
    this.#add(
      work,
      `≥ ${bytesPerSecond / 1e9} GB/s, or ≤ ${limit} × floor`,
      value,
      ({ ratio, rate }) => `${(rate / 1e9).toFixed(2)} GB/s, ${ratio.toFixed(2)} ×`,
      ({ ratio, rate }) => rate >= bytesPerSecond || ratio <= limit,
    );
  }

  memory(): void {
    const peaks = this.#results.flatMap((result) =>
      result.work.contestants
        .filter(({ role }) => role === 'stowage')
        .flatMap(({ name }) => samplesOf(result, name))
        .flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : { work: result.work.name, peakBytes })),
    );
    const highest = peaks.sort((a, b) => b.peakBytes - a.peakBytes)[0];
    this.#add(
      'all',
      `peak RSS of stowage ≤ ${MEMORY_BAR_BYTES / 1e6} MB`,
      highest,
      ({ work, peakBytes }) => `${(peakBytes / 1e6).toFixed(0)} MB (${work})`,
      ({ peakBytes }) => peakBytes <= MEMORY_BAR_BYTES,
    );
  }

  #of<T>(work: string, compute: (result: WorkResult) => T | undefined): T | undefined {
    const result = this.#results.find((each) => each.work.name === work);
    return result && compute(result);
  }

  #add<T>(
    work: string,
    bar: string,
    value: T | undefined,
    show: (value: T) => string,
    holds: (value: T) => boolean,
  ): void {
    const measured = value === undefined ? 'not measured' : show(value);
    this.bars.push({ work, bar, measured, reached: value === undefined ? undefined : holds(value) });
  }
}

function medianSeconds(result: WorkResult): number | undefined {
  return median(samplesOf(result, 'stowage').map(({ seconds }) => seconds));
}
