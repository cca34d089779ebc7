import { expect, it } from 'vitest';
import type { CountedStore } from './counted';
import { Recount } from './recount';

const good = (shares: number) => JSON.stringify({ shares, failures: [] });

function storeOf(kept: Map<string, string>): CountedStore {
	return {
		get: async (task) => kept.get(task) ?? null,
		put: async (task, counted) => void kept.set(task, counted)
	};
}

it('what was counted before is not counted again, and said so', async () => {
	const asked: string[] = [];
	const count = async (task: string) => {
		asked.push(task);
		return good(5);
	};
	const kept = new Map<string, string>();
	await new Recount(count, storeOf(kept)).count('a');
	const recount = new Recount(count, storeOf(kept));
	expect(await Promise.all([recount.count('a'), recount.count('b')])).toEqual([good(5), good(5)]);
	expect(asked).toEqual(['a', 'b']);
	expect(recount.keptShares).toBe(5);
});

it('a failure is looked at again each time', async () => {
	const kept = new Map<string, string>();
	await new Recount(async () => JSON.stringify({ shares: 5, failures: [{}] }), storeOf(kept)).count('a');
	expect(kept.size).toBe(0);
});

it('without storage everything is counted', async () => {
	const broken: CountedStore = { get: () => Promise.reject(new Error('no')), put: () => Promise.reject(new Error('no')) };
	expect(await new Recount(async () => good(1), broken).count('a')).toBe(good(1));
	expect(await new Recount(async () => good(1), null).count('a')).toBe(good(1));
});
