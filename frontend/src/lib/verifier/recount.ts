import type { CountedStore } from './counted';

/** What the page reads of a task's result. */
interface Counted {
	shares: number;
	failures: unknown[];
}

/** Counts tasks, but those whose result this browser has kept. */
export class Recount {
	/** Shares that were not counted again. */
	keptShares = 0;

	constructor(
		private countAnew: (task: string) => Promise<string>,
		private store: CountedStore | null
	) {}

	/** What the verifier makes of a task. A result with failures is never kept: it is looked at again each time. */
	async count(task: string): Promise<string> {
		const kept = (await this.store?.get(task).catch(() => null)) ?? null;
		if (kept !== null) {
			this.keptShares += (JSON.parse(kept) as Counted).shares;
			return kept;
		}
		const counted = await this.countAnew(task);
		const { failures } = JSON.parse(counted) as Counted;
		// What can't be kept (a full disk, a private window) is counted again another time.
		if (failures.length === 0) await this.store?.put(task, counted).catch(() => undefined);
		return counted;
	}
}
