import { readFile } from 'node:fs/promises';

/** How busy a core was since this began, in percent, whoever kept it so. */
export class CoreBusy {
  readonly #core: number;
  readonly #begun: CoreTimes;

  private constructor(core: number, begun: CoreTimes) {
    this.#core = core;
    this.#begun = begun;
  }

  static async begin(core: number): Promise<CoreBusy> {
    return new CoreBusy(core, await timesOf(core));
  }

  async percent(): Promise<number> {
    const { busy, all } = await timesOf(this.#core);
    return ((busy - this.#begun.busy) / Math.max(1, all - this.#begun.all)) * 100;
  }
}

interface CoreTimes {
  readonly busy: number;
  readonly all: number;
}

async function timesOf(core: number): Promise<CoreTimes> {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(await readFile('/proc/stat', 'utf8'));
  const ticks = (line?.[1] ?? '').split(' ').map(Number);
  // user nice system idle iowait irq softirq steal: guests are counted among users already.
  const all = ticks.slice(0, 8).reduce((sum, value) => sum + value, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}
